"""A bot is read from its fields or refused with one line; what was accepted once is read again as it was."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.core.bot import READERS, Bot, BotError, Limits, read_bot

FULL = {
    "id": "shop-2",
    "name": 'The "Shop" 🍵',
    "model": "gpt-4o",
    "prompt": "Sell tea.\n\n\tPolitely: \\o/ 'yes' ${HOME} \u2028.",
    "temperature": 0.25,
    "max_tokens": 77,
    "greeting": "Hi\r\nthere",
    "suggestions": ["Which teas?", "Öffnungszeiten?"],
    "theme": {"accent": "#0b5fff", "mode": "auto"},
    "languages": ["de", "pt-BR"],
    "contact": "mail@shop.example",
    "privacy_url": "https://shop.example/privacy?a=b",
    "origins": ["https://shop.example", "https://*.shop.example", "http://localhost:*"],
    "limits": {"history_tokens": 1, "facts_tokens": 2, "question_chars": 3},
    "retention_days": 7,
    "identify": "required",
    "identity_generation": 4,
    "facts": [{"name": "a.md", "text": "# A\n\nText"}, {"name": "b.md", "text": ""}],
}


def again(bot: Bot) -> Bot:
    return read_bot(json.loads(json.dumps(bot.as_dict())))


def test_the_example_has_every_field_and_none_at_its_default():
    bot, plain = read_bot(FULL), Bot("x")
    assert set(FULL) == set(READERS) == {f.name for f in dataclasses.fields(Bot)}
    assert not [name for name in READERS if getattr(bot, name) == getattr(plain, name)]


def test_every_field_is_read_again_as_it_was_kept():
    bot = read_bot(FULL)
    assert again(bot) == bot
    assert bot.as_dict() == FULL


def test_what_is_missing_has_its_default_and_the_name_is_the_id():
    assert read_bot({"id": "shop"}) == Bot("shop", name="shop")
    assert read_bot({"id": "shop", "limits": {"question_chars": 9}}).limits == Limits(
        question_chars=9
    )


@given(
    st.fixed_dictionaries(
        {"id": st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)},
        optional={
            "prompt": st.text(), "greeting": st.text(), "name": st.text(max_size=100),
            "suggestions": st.lists(st.text(max_size=20), max_size=9),
            "theme": st.dictionaries(st.sampled_from(["accent", "mode", "a-1"]), st.text(max_size=9)),
            "temperature": st.one_of(st.none(), st.floats(), st.integers(-1, 3)),
            "facts": st.lists(st.fixed_dictionaries({"name": st.text(), "text": st.text()}), max_size=3),
        },
    )
)  # fmt: skip
def test_what_is_accepted_is_accepted_again(values):
    try:
        bot = read_bot(values)
    except BotError:
        return
    assert again(bot) == bot
    json.dumps(bot.as_dict(), ensure_ascii=False, allow_nan=False).encode()


def test_what_a_bot_gives_out_can_be_changed_without_changing_it():
    bot = read_bot(FULL)
    given_out = bot.as_dict()
    given_out["limits"]["facts_tokens"] = 99
    given_out["theme"]["mode"] = "dark"
    given_out["facts"][0]["text"] = "other"
    given_out["origins"].append("https://evil.example")
    assert bot == read_bot(FULL)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("nmae", "name"), ("promt", "prompt"), ("orgins", "origins"), ("max_token", "max_tokens"),
     ("Limits", "limits"), ("retention-days", "retention_days")],
)  # fmt: skip
def test_an_unknown_field_names_the_nearest(typed, meant):
    with pytest.raises(BotError) as error:
        read_bot({"id": "shop", typed: "x"})
    assert str(error.value) == f"bot 'shop': {typed!r} is no field. Did you mean {meant}?"


def test_an_unknown_limit_names_the_nearest():
    with pytest.raises(
        BotError, match=r"limits: 'fact_tokens' is no limit\. Did you mean facts_tok"
    ):
        read_bot({"id": "shop", "limits": {"fact_tokens": 5}})


BAD = {
    "id": ["", "Shop", "a b", "-a", "a_b", "ü", "a\n", "a" * 41, None, 5, ["a"]],
    "name": ["a" * 101, "a\0", "a\x1b[31m", "\ud800", "\x7f", None, 5],
    "model": ["a" * 201, "\0", None, ["m"]],
    "prompt": ["a" * 100_001, "\0", "\ud800", None, {}],
    "temperature": [-0.1, 2.1, float("nan"), float("inf"), True, "1", [1]],
    "max_tokens": [0, -1, 1_000_001, 1.0, "100", True, None],
    "greeting": ["a" * 2001, "\0", None],
    "suggestions": ["one", ["a"] * 9, [5], ["a" * 201], ["\0"], None, {"a": 1}],
    "theme": ["dark", [], {"Accent": "x"}, {"a b": "x"}, {"": "x"}, {5: "x"}, {"a": "red; } body"},
              {"a": "</style>"}, {"a": "\\3c"}, {"a": "x" * 101}, {"a": 5}, {"a": "\x7f"}, {"a": "\ud800"},
              {"a": "x\n"}, {f"a{n}": "x" for n in range(41)}, None],
    "languages": ["en", ["english"], ["e"], ["en_GB"], ["en\n"], [None], ["en"] * 41],
    "contact": ["a" * 501, "\0", None],
    "privacy_url": ["shop.example", "javascript:alert(1)", "java\nscript:alert(1)", "https://",
                    "https:///x", "ftp://a", "data:text/html,x", "https://[::1", "x" * 501, None],
    "origins": ["https://shop.example", ["*"], ["https://*"], ["https://shop.example/x"], [None],
                ["https://a.example"] * 101],
    "limits": [[], 5, None, {"facts_tokens": -1}, {"facts_tokens": 1_000_001}, {"facts_tokens": "5"},
               {"facts_tokens": True}, {5: 5}],
    "retention_days": [0, 3651, "30", 1.5, None],
    "identify": ["yes", "", "OFF", True, None, ["off"]],
    "identity_generation": [0, "1", None, 2**31],
    "facts": ["a.md", ["a.md"], [{}], [{"name": "a"}], [{"name": "a", "text": "b", "more": "c"}],
              [{"name": 5, "text": "b"}], [{"name": "a", "text": "\0"}], [{"name": "a" * 201, "text": ""}],
              [{"name": "a", "text": "x" * 500_001}], [{"name": "a", "text": ""}] * 101, None],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [pytest.param(f, v, id=f"{f}-{n}") for f, values in BAD.items() for n, v in enumerate(values)],
)
def test_a_value_that_can_not_be_is_refused_in_one_line_with_bot_field_and_reason(field, value):
    with pytest.raises(BotError) as error:
        read_bot({"id": "shop", field: value})
    said = str(error.value)
    assert len(said.splitlines()) == 1
    shown = value if field == "id" else "shop"
    assert said.startswith(f"bot {shown!r}: {field}: ")
    assert len(said) > len(f"bot {shown!r}: {field}: ")


def test_there_are_bad_values_for_every_field():
    assert set(BAD) == set(READERS)


def test_a_bot_without_an_id_is_refused():
    with pytest.raises(BotError, match="a bot without id"):
        read_bot({"name": "Shop"})


@pytest.mark.parametrize(
    "field", ["name", "model", "prompt", "greeting", "contact", "suggestions", "theme", "facts"]
)
def test_nothing_of_the_environment_gets_into_a_bot(monkeypatch, field):
    monkeypatch.setenv("CANARY", "canary-value")
    text = "$CANARY %CANARY% ~ $(CANARY)"
    text += "" if field == "theme" else " ${CANARY} {CANARY}"
    wrapped = {"suggestions": [text], "theme": {"a": text}, "facts": [{"name": text, "text": text}]}
    bot = read_bot({"id": "shop", field: wrapped.get(field, text)})
    assert bot.as_dict()[field] == wrapped.get(field, text)
    assert "canary-value" not in repr(bot)


@pytest.mark.parametrize("field", ["privacy_url", "origins", "id", "languages"])
def test_a_variable_is_no_address_and_no_name(monkeypatch, field):
    monkeypatch.setenv("CANARY", "https://canary.example")
    value = "${CANARY}" if field in ("privacy_url", "id") else ["${CANARY}"]
    with pytest.raises(BotError) as error:
        read_bot({"id": "shop", field: value})
    assert "canary.example" not in str(error.value)


def test_two_facts_of_one_name_are_refused():
    fact = {"name": "shop.md", "text": "x"}
    with pytest.raises(BotError, match="different names"):
        read_bot({"id": "shop", "facts": [fact, fact]})

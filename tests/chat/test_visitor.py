"""What is read of a visitor's request, and whose session and conversation it is."""

from __future__ import annotations

import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from chatbot.access.sessions import RENEW_SECONDS, SESSION_SECONDS, Signer
from chatbot.access.visitors import signing_key
from chatbot.chat.visitor import conversation_token, ignored_of, question_of, visitor
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidRequest, InvalidVisitorToken
from chatbot.core.secret import Secret
from chatbot.store.conversations import Scope

SIGNER = Signer(Secret("s" * 32))
SHOP, CLUB = Bot("shop"), Bot("club", identify="optional")


def text(value: object) -> dict:
    return {"type": "text", "text": value}


IMAGE = {"type": "image_url", "image_url": {"url": "https://evil.example/canary"}}


@pytest.mark.parametrize(
    ("messages", "question"),
    [
        ([("user", "Hi")], "Hi"), ([("user", "  Hi\n")], "Hi"), ([("user", "1"), ("user", "2")], "2"),
        ([("user", "1"), ("assistant", "prefill")], "1"), ([("system", "x"), ("user", "Hi")], "Hi"),
        ([("user", "Hi"), ("tool", "x"), ("developer", "y"), ("USER", "z")], "Hi"),
        ([("user", [text("a"), text("b")])], "a\nb"), ([("user", [text("a"), IMAGE, text("b")])], "a\nb"),
        ([("user", [IMAGE, text(5), text(None), "x", None, {"type": "text"}, text("a")])], "a"),
        ([("user", [{"type": "input_text", "text": "x"}, text("a")])], "a"),
        ([("user", "a\0b\ud800")], "a\ufffdb\ufffd"), ([("user", "\ud83c\udf75")], "🍵"),
        ([("user", "x" * 20)], "x" * 20), ([("user", " " * 99 + "x" * 20)], "x" * 20),
    ],
)  # fmt: skip
def test_the_question_is_the_text_of_the_last_user_message(messages, question):
    payload = {"messages": [{"role": role, "content": content} for role, content in messages]}
    assert question_of(payload, 20) == question


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "x"}], [{"role": "user"}], [{"role": "user", "content": None}],
        [{"role": "user", "content": ""}], [{"role": "user", "content": " \n\t"}],
        [{"role": "user", "content": []}], [{"role": "user", "content": [IMAGE]}],
        [{"role": "user", "content": {"text": "x"}}], [{"role": "user", "content": 5}],
        [{"role": "user", "content": "x"}, {"role": "user", "content": ""}],
    ],
)  # fmt: skip
def test_a_request_without_a_question_is_refused(messages):
    with pytest.raises(InvalidRequest, match="no text in the last user message") as error:
        question_of({"messages": messages}, 20)
    assert error.value.param == "messages"


def test_a_question_that_is_too_long_is_refused_with_the_limit():
    for content in ("x" * 21, [text("x" * 10), text("x" * 10)]):
        with pytest.raises(InvalidRequest, match="20 characters at the most") as error:
            question_of({"messages": [{"role": "user", "content": content}]}, 20)
        assert error.value.param == "messages"


def test_what_has_no_effect_is_named():
    hi = [{"role": "user", "content": "Hi"}]
    assert ignored_of({"messages": hi, "stream": True, "stream_options": {}, "max_tokens": 5}) == ()
    assert ignored_of({"messages": hi, "max_completion_tokens": 5, "user": "x", "n": 1}) == (
        "n", "user",
    )  # fmt: skip
    for role in ("system", "developer"):
        payload = {"messages": [*hi, {"role": role, "content": "x"}], "model": "m"}
        assert ignored_of(payload) == ("messages.system", "model")


def test_not_everything_is_named_where_that_is_much():
    named = ignored_of({"messages": [], **{f"f{n:02}" + "x" * 90: n for n in range(50)}})
    assert len(named) == 20
    assert {len(name) for name in named} == {40}


@given(st.lists(st.text(), max_size=5))
def test_what_is_named_can_stand_in_a_header(names):
    named = ignored_of({"messages": [], **dict.fromkeys(names)})
    line = ", ".join(named)
    Headers().add("X-Chatbot-Ignored", line)
    assert line.isascii()
    assert line.isprintable()
    assert not named or line.split(", ") == list(named)


def signed(subject: str, bot: Bot = CLUB) -> str:
    claims = {"sub": subject, "aud": bot.id, "exp": time.time() + 60}
    return jwt.encode(claims, signing_key(SIGNER, bot), "HS256")


def test_a_visitor_without_a_session_gets_one_and_keeps_it():
    first = visitor(SIGNER, SHOP, "", "")
    assert first.owner == f"s:{first.session.id}"
    assert first.scope == Scope("shop", first.owner)
    assert visitor(SIGNER, SHOP, first.session.text, "") == first
    assert visitor(SIGNER, SHOP, "", "").owner != first.owner


@pytest.mark.parametrize("left", [RENEW_SECONDS - 60, 60, RENEW_SECONDS + 60])
def test_a_session_is_renewed_under_the_same_id_before_it_ends(left):
    old = SIGNER.issue("ses", time.time() + left, "shop", "")
    renewed = visitor(SIGNER, SHOP, old.text, "")
    assert renewed.session.id == old.id
    lasts = old.expires_at if left > RENEW_SECONDS else int(time.time() + SESSION_SECONDS)
    assert renewed.session.expires_at == pytest.approx(lasts, abs=5)


@pytest.mark.parametrize(
    "made_up",
    [
        "x", "ses_", "ses_" + "A" * 48, SIGNER.issue("ses", time.time() - 9, "shop", "").text,
        SIGNER.issue("ses", time.time() + 99, "club", "").text,
        SIGNER.issue("ses", time.time() + 99, "shop", "anna").text,
        SIGNER.issue("conv", time.time() + 99, "shop", "").text,
        Signer(Secret("t" * 32)).issue("ses", time.time() + 99, "shop", "").text,
    ],
)  # fmt: skip
def test_a_session_that_is_not_this_bots_and_visitors_begins_anew(made_up):
    claimed = SIGNER.peek("ses", made_up)
    new = visitor(SIGNER, SHOP, made_up, "")
    assert new.session.text != made_up
    assert not claimed or new.session.id != claimed


def test_a_proven_visitor_is_the_same_in_every_session_and_nobody_else_is():
    one, two = visitor(SIGNER, CLUB, "", signed("anna")), visitor(SIGNER, CLUB, "", signed("anna"))
    assert one.owner == two.owner == "v:anna"
    assert one.session.id != two.session.id
    assert visitor(SIGNER, CLUB, one.session.text, signed("anna")).session == one.session
    assert visitor(SIGNER, CLUB, one.session.text, signed("berta")).session.id != one.session.id
    without = visitor(SIGNER, CLUB, one.session.text, "")
    assert without.owner.startswith("s:")
    assert without.session.id != one.session.id


def test_a_name_that_looks_like_a_session_is_a_name():
    session = visitor(SIGNER, CLUB, "", "")
    assert visitor(SIGNER, CLUB, "", signed(session.session.id)).owner != session.owner
    assert visitor(SIGNER, CLUB, "", signed(session.owner)).owner != session.owner


def test_a_bad_token_is_no_anonymous_visitor():
    with pytest.raises(InvalidVisitorToken):
        visitor(SIGNER, CLUB, "", "bad")
    with pytest.raises(InvalidVisitorToken):
        visitor(SIGNER, Bot("club", identify="required"), "", "")


def test_a_conversations_token_is_for_its_bot_and_owner_and_is_made_again_from_its_id():
    until = time.time() + 99
    token = conversation_token(SIGNER, "shop", "s:1", until)
    assert conversation_token(SIGNER, "shop", "s:1", until, token.id) == token
    assert SIGNER.read("conv", token.text, "shop", "s:1") == token
    for bot_id, owner in (("shop", "s:2"), ("club", "s:1"), ("shop", "v:1")):
        assert SIGNER.read("conv", token.text, bot_id, owner) is None

"""Keys on the command line: a secret one is shown once, and what ends does not come back."""

from __future__ import annotations

import re
import time

import pytest

from chatbot.access.directory import Directory
from chatbot.core.api_key import digest_of
from chatbot.core.secret import Secret
from chatbot.core.settings import load_settings
from chatbot.services import build_redis, build_state
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore

DAY = 86400


@pytest.fixture
def shop(run):
    run("bots", "create", "shop", "--origin", "https://shop.example")
    return run


def key_of(said: str) -> tuple[str, str]:
    """A new key's text and id, of what was printed."""
    found = re.match(r"([sp]k_\S+)\n\nThis is (key_[0-9a-f]{16})\b", said)
    assert found, said
    return found[1], found[2]


def day(days: int) -> str:
    """The date in so many days."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY))


def kept(run, key_id: str):
    return next(key for key in run.contents.keys if key.id == key_id)


def test_a_key_for_a_page_is_made_with_its_bots_pages_or_its_own(shop):
    said = shop("keys", "create", "--bot", "shop", "--name", "front")
    text, key_id = key_of(said)
    assert "Pages it answers on: https://shop.example.\n" in said
    assert f"Look: http://127.0.0.1:8000/#key={text}\n" in said
    tag = f'<script src="http://127.0.0.1:8000/static/widget/js/chatbot-widget.js" data-key="{text}" async></script>'
    assert said.rstrip().endswith(tag)
    key = kept(shop, key_id)
    assert (key.kind, key.bot_id, key.scopes, key.origins) == ("pk", "shop", (), ())
    assert (key.shown, key.name, key.expires_at) == (text, "front", None)
    said = shop(
        "keys",
        "create",
        "--bot",
        "shop",
        "--origin",
        "https://a.example/",
        "--origin",
        "http://localhost:*",
    )
    assert "Pages it answers on: https://a.example, http://localhost:*." in said
    assert kept(shop, key_of(said)[1]).origins == ("https://a.example", "http://localhost:*")


def test_a_bot_without_pages_is_said(run):
    assert "none yet but this server's own" in run("keys", "create", "--bot", "demo")


def test_a_secret_key_has_its_scopes_and_its_days(shop):
    for options, scopes, bot_id in (
        ((), ("chat",), None), (("--scope", "admin"), ("admin",), None),
        (("--scope", "chat", "--scope", "conversations", "--bot", "shop"), ("chat", "conversations"), "shop"),
    ):  # fmt: skip
        text, key_id = key_of(shop("keys", "create", "--secret", "--days", "7", *options))
        key = kept(shop, key_id)
        assert (key.kind, key.scopes, key.bot_id) == ("sk", scopes, bot_id)
        assert key.digest == digest_of(text)
        assert key.expires_at - key.created_at == pytest.approx(7 * DAY, abs=5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "Say --bot for a key for a page, or --secret"),
        (("--origin", "https://a.example"), "Say --bot"),
        (("--secret", "--origin", "https://a.example"), "A secret key is for no page: leave --origin out."),
        (("--secret", "--bot", "shop", "--origin", "https://a.example"), "leave --origin out"),
        (("--bot", "shop", "--scope", "chat"), "A key for a page has no scopes: leave --scope out"),
        (("--bot", "none"), "There is no bot 'none': see `bots list`."),
        (("--bot", ""), "Say --bot"), (("--secret", "--bot", "none"), "There is no bot 'none'"),
        (("--secret", "--bot", ""), "There is no bot ''"),
        (("--bot", "shop", "--origin", "*"), "'*' is no origin"),
        (("--bot", "shop", "--origin", "https://*"), "is no origin"),
        (("--secret", "--scope", "everything"), "'everything' is not one of 'chat'"),
        (("--secret", "--days", "0"), "0 is not in the range"), (("--secret", "--days", "x"), "not a valid"),
        (("--secret", "--name", "x" * 101), "of 100 characters at most"),
        (("--secret", "--name", "a\nb"), "a name on one line"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_make_no_key(shop, options, says):
    before = shop.contents
    assert says in shop.refused("keys", "create", *options)
    assert shop.contents == before


def test_a_secret_key_is_in_no_later_output(shop):
    texts = [key_of(shop("keys", "create", "--secret", "--scope", "admin"))[0]]
    texts.append(key_of(shop("keys", "rotate", texts[0]))[0])
    texts.append(key_of(shop("keys", "rotate", kept_id(shop, texts[1]), "--days", "3"))[0])
    shop.seen = ""
    shop("keys", "list")
    shop("keys", "revoke", texts[2])
    shop("keys", "revoke", texts[2])
    shop.refused("keys", "revoke", texts[2][:-1])
    shop.refused("keys", "rotate", texts[0])
    shop("keys", "list")
    assert not [text for text in texts if text in shop.seen or text[11:] in shop.seen]
    assert texts[0][:11] + "…" in shop.seen


def kept_id(run, text: str) -> str:
    return next(key.id for key in run.contents.keys if key.digest == digest_of(text))


def test_keys_are_listed_with_what_they_are_for_and_how_they_stand(shop):
    page = key_of(shop("keys", "create", "--bot", "shop", "--name", "front"))
    ended = key_of(shop("keys", "create", "--secret", "--scope", "chat", "--scope", "operate"))
    short = key_of(
        shop("keys", "create", "--bot", "shop", "--origin", "https://a.example", "--days", "9")
    )
    shop("keys", "revoke", ended[1])
    lines = {
        line.split("  ")[0]: line.split("  ")[1:] for line in shop("keys", "list").splitlines()
    }
    assert lines[page[1]] == [page[0], "shop", "-", "live", "front"]
    assert lines[ended[1]] == [ended[0][:11] + "…", "-", "chat,operate", f"ended {day(0)}", "-"]
    assert lines[short[1]] == [short[0], "shop", "https://a.example", f"until {day(9)}", "-"]


@pytest.mark.parametrize("by", ["text", "id"])
def test_a_key_is_revoked_by_its_id_or_itself_and_a_running_server_learns_of_it(shop, data_dir, by):
    text, key_id = key_of(shop("keys", "create", "--secret"))
    settings = load_settings()
    database, told = Database(Secret(""), data_dir), []
    server = Directory(
        DirectoryStore(database), build_state(settings, build_redis(settings)), (),
        prepare=lambda: None, on_ended=told.append,
    )  # fmt: skip
    server.look()
    assert server.identify(text)
    assert shop("keys", "revoke", text if by == "text" else key_id) == f"{key_id} is revoked.\n"
    server.look()
    assert server.identify(text) is None
    assert told == [{key_id}]
    database.close()


@pytest.mark.parametrize("command", ["revoke", "rotate"])
@pytest.mark.parametrize("which", ["key_0000000000000000", "sk_unknown", "", "' OR 1=1 --"])
def test_a_key_that_is_not_there_is_said(shop, command, which):
    before = shop.contents
    assert shop.refused("keys", command, which) == "There is no such key: see `keys list`."
    assert shop.contents == before


def test_a_key_is_replaced_by_one_that_is_for_the_same(shop):
    _, old_id = key_of(shop(
        "keys", "create", "--bot", "shop", "--origin", "https://a.example", "--name", "front", "--days", "9",
    ))  # fmt: skip
    said = shop("keys", "rotate", old_id)
    text, new_id = key_of(said)
    assert f"{old_id} is revoked" in said
    old, new = kept(shop, old_id), kept(shop, new_id)
    assert old.revoked_at is not None
    for field in ("kind", "name", "bot_id", "scopes", "origins", "expires_at"):
        assert getattr(old, field) == getattr(new, field), field
    assert new.digest == digest_of(text) != old.digest


def test_the_old_key_may_go_on_for_some_days(shop):
    _, old_id = key_of(shop("keys", "create", "--secret"))
    said = shop("keys", "rotate", old_id, "--days", "3")
    assert f"{old_id} goes on until {day(3)}." in said
    old, new = kept(shop, old_id), kept(shop, key_of(said)[1])
    assert old.revoked_at is None
    assert old.expires_at == pytest.approx(time.time() + 3 * DAY, abs=5)
    assert new.expires_at is None


def test_replacing_a_key_does_not_lengthen_its_life(shop):
    _, old_id = key_of(shop("keys", "create", "--secret", "--days", "2"))
    ends = kept(shop, old_id).expires_at
    said = shop("keys", "rotate", old_id, "--days", "30")
    assert kept(shop, old_id).expires_at == ends
    assert f"{old_id} goes on until {day(2)}." in said


def test_a_key_that_has_ended_is_not_replaced(shop, data_dir):
    _, revoked = key_of(shop("keys", "create", "--secret"))
    _, expired = key_of(shop("keys", "create", "--secret"))
    shop("keys", "revoke", revoked)
    database = Database(Secret(""), data_dir)
    DirectoryStore(database).expire_key(expired, at=time.time() - 1)
    database.close()
    before = shop.contents
    for key_id in (revoked, expired):
        for options in ((), ("--days", "3")):
            assert "has ended" in shop.refused("keys", "rotate", key_id, *options)
    assert shop.contents == before


def test_revoking_twice_keeps_the_first_time(shop):
    _, key_id = key_of(shop("keys", "create", "--secret"))
    shop("keys", "revoke", key_id)
    first = kept(shop, key_id).revoked_at
    assert shop("keys", "revoke", key_id) == f"{key_id} is revoked.\n"
    assert kept(shop, key_id).revoked_at == first


def test_the_first_key_is_a_key_like_others_and_stays_revoked(shop, data_dir):
    first = (data_dir / "first-key").read_text().strip()
    assert "is revoked" in shop("keys", "revoke", first)
    shop("keys", "list")
    assert not kept(shop, kept_id(shop, first)).alive(time.time())


@pytest.mark.parametrize("scope", ["admin", "operate"])
def test_a_key_of_one_bot_is_not_made_the_operators(shop, scope):
    said = shop.refused("keys", "create", "--secret", "--bot", "shop", "--scope", scope)
    assert "chat and conversations only" in said

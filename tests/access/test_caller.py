"""Who is let in: a table of keys, origins and scopes, and what each is told."""

from __future__ import annotations

import time

import pytest

from chatbot.access import caller
from chatbot.access.caller import PUBLISHABLE_SCOPES
from chatbot.access.directory import Directory
from chatbot.access.keys import fixed_keys
from chatbot.core.api_key import describe
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidApiKey, KeyNotAllowed, OriginNotAllowed
from chatbot.core.secret import Secret
from chatbot.shared.process import ProcessState
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore

OWN, SHOP, OTHER, EVIL = (
    "https://chat.example", "https://shop.example", "https://other.example", "https://evil.example",
)  # fmt: skip
FIXED = "fixed-key-of-the-settings"
KEYS = {
    "pk_shop": {"bot_id": "shop"},
    "pk_own_list": {"bot_id": "shop", "origins": (OTHER,)},
    "pk_no_list": {"bot_id": "bare"},
    "pk_no_bot": {"bot_id": "gone"},
    "pk_revoked": {"bot_id": "shop", "revoked_at": 1.0},
    "pk_expired": {"bot_id": "shop", "expires_at": 1.0},
    "sk_chat": {"scopes": ("chat",)},
    "sk_conversations": {"scopes": ("conversations",)},
    "sk_operate": {"scopes": ("operate",)},
    "sk_admin": {"scopes": ("admin",)},
    "sk_none": {"scopes": ()},
    "sk_of_shop": {"scopes": ("chat",), "bot_id": "shop"},
    "sk_revoked": {"scopes": ("admin",), "revoked_at": 1.0},
    "sk_expired": {"scopes": ("admin",), "expires_at": 1.0},
}
TEXTS = {name: f"{name}_{'x' * 30}" for name in KEYS}
TEXTS |= {"fixed": FIXED, "unknown": "sk_" + "u" * 40}
ALL = (
    "chat", "models", "config", "feedback", "own_conversations", "conversations", "operate", "admin",
)  # fmt: skip


def admit(directory: Directory, text: str, *rest: str) -> caller.Caller:
    """As requests are: the key first, then what it may do."""
    return caller.admit(directory, caller.identify(directory, text), *rest)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    database = Database(Secret(""), tmp_path_factory.mktemp("data"))
    database.prepare()
    store = DirectoryStore(database)
    store.save_bot(Bot("shop", origins=(SHOP,)))
    store.save_bot(Bot("bare"))
    for name, values in KEYS.items():
        store.add_key(describe(TEXTS[name], name=name, created_at=time.time(), **values))
    found = Directory(
        store, ProcessState(), fixed_keys([Secret(FIXED)]),
        prepare=lambda: None, on_ended=lambda ids: None,
    )  # fmt: skip
    found.look()
    yield found
    database.close()


def outcome(directory, name: str, origin: str, *scopes: str):
    """None where the key is let in, else the error's class."""
    try:
        admit(directory, TEXTS.get(name, name), origin, OWN, *scopes)
    except (InvalidApiKey, OriginNotAllowed, KeyNotAllowed) as error:
        assert TEXTS.get(name, "?") not in str(error)
        return type(error)
    return None


@pytest.mark.parametrize(
    ("name", "lets_in"),
    [("pk_shop", {SHOP, OWN}), ("pk_own_list", {OTHER, OWN}), ("pk_no_list", {OWN}),
     ("sk_chat", {""}), ("sk_admin", {""}), ("sk_of_shop", {""}), ("fixed", {""})],
)  # fmt: skip
def test_a_page_is_let_in_by_the_list_of_its_key_and_a_program_without_an_origin(
    directory, name, lets_in
):
    for origin in ("", OWN, SHOP, OTHER, EVIL, "null", f"{SHOP}/", f"{SHOP}.evil", OWN.upper()):
        expected = None if origin in lets_in else OriginNotAllowed
        assert outcome(directory, name, origin, "chat") is expected, origin


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("pk_shop", {"chat", "config", "feedback", "own_conversations"}),
        ("sk_chat", {"chat", "models"}), ("sk_of_shop", {"chat", "models"}),
        ("sk_conversations", {"conversations"}), ("sk_operate", {"operate"}), ("sk_none", set()),
        ("sk_admin", set(ALL)), ("fixed", set(ALL)),
    ],
)  # fmt: skip
def test_a_key_is_for_its_scopes_and_for_nothing_else(directory, name, may):
    origin = SHOP if name.startswith("pk") else ""
    for scope in ALL:
        expected = None if scope in may else KeyNotAllowed
        assert outcome(directory, name, origin, scope) is expected, scope


def test_a_key_in_a_page_has_none_of_a_secret_keys_scopes():
    assert PUBLISHABLE_SCOPES.isdisjoint({"models", "conversations", "operate", "admin"})


def test_one_of_several_scopes_is_enough(directory):
    both = ("conversations", "own_conversations")
    assert outcome(directory, "pk_shop", SHOP, *both) is None
    assert outcome(directory, "sk_conversations", "", *both) is None
    assert outcome(directory, "sk_chat", "", *both) is KeyNotAllowed


@pytest.mark.parametrize("origin", ["", OWN, SHOP])
@pytest.mark.parametrize(
    "name",
    ["pk_revoked", "pk_expired", "pk_no_bot", "sk_revoked", "sk_expired", "unknown", "", " ", "sk_chat",
     "pk_shop", "' OR 1=1 --", "x'; DELETE FROM api_keys; --", "%", "key_", "\0", "\udcff"],
)  # fmt: skip
def test_a_key_that_is_none_is_refused_from_everywhere_with_the_same_words(directory, name, origin):
    text = TEXTS.get(name, name)
    text = text[:-1] if name in ("sk_chat", "pk_shop") else text
    with pytest.raises(InvalidApiKey) as error:
        admit(directory, text, origin, OWN, "chat")
    assert str(error.value).startswith("No API key" if not text else "This API key is not known")
    assert len(directory.keys) == len(KEYS) + 1


def test_the_origin_is_judged_before_the_scope(directory):
    assert outcome(directory, "pk_shop", EVIL, "admin") is OriginNotAllowed
    assert outcome(directory, "sk_none", OWN, "admin") is OriginNotAllowed


def test_without_an_origin_of_its_own_a_server_lets_no_page_in_by_an_empty_one(directory):
    with pytest.raises(OriginNotAllowed, match="no Origin was sent"):
        admit(directory, TEXTS["pk_shop"], "", "", "chat")


def test_the_caller_is_told_with_its_bot(directory):
    page = admit(directory, TEXTS["pk_shop"], SHOP, OWN, "chat")
    assert (page.bot.id, page.is_publishable, page.key.name) == ("shop", True, "pk_shop")
    program = admit(directory, TEXTS["sk_chat"], "", OWN, "chat")
    assert (program.bot, program.is_publishable) == (None, False)
    assert admit(directory, TEXTS["sk_of_shop"], "", OWN, "models").bot.id == "shop"


def test_a_key_of_the_settings_is_for_everything_whatever_it_looks_like(directory):
    (key,) = fixed_keys([Secret("pk_looks_publishable")])
    assert (key.kind, key.may("operate")) == ("sk", True)
    assert "publishable" not in repr(key)

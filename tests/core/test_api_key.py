"""Of a secret key nothing is kept that opens anything; a wrong key is as much work as a right one."""

from __future__ import annotations

import sys
import time

import pytest

from chatbot.access.keys import KeyRing
from chatbot.core.api_key import (
    PREFIX_CHARS,
    PUBLISHABLE,
    SCOPES,
    SECRET,
    ApiKey,
    describe,
    digest_of,
    new_text,
)
from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore


def test_new_keys_are_long_random_and_told_apart():
    texts = [new_text(kind) for kind in (SECRET, PUBLISHABLE) for _ in range(100)]
    assert len(set(texts)) == 200
    assert {text[:3] for text in texts[:100]} == {"sk_"}
    assert {text[:3] for text in texts[100:]} == {"pk_"}
    assert min(len(text) for text in texts[:100]) >= 3 + 43
    assert min(len(text) for text in texts[100:]) >= 3 + 24
    assert len({text[:PREFIX_CHARS] for text in texts}) == 200


def test_a_secret_key_shows_its_first_characters_alone():
    text = new_text(SECRET)
    key = describe(text, name="mine")
    assert key.shown == text[:PREFIX_CHARS] + "…"
    assert text[PREFIX_CHARS:] not in repr(key)
    assert key.digest == digest_of(text)


def test_a_publishable_key_is_kept_whole_to_be_shown_again():
    text = new_text(PUBLISHABLE)
    assert describe(text).shown == text
    assert describe(text).kind == PUBLISHABLE


def test_a_key_of_any_other_form_is_a_secret_one():
    assert {describe(t).kind for t in ("hunter2" * 4, "sk_x", "pkx", "PK_x", "")} == {SECRET}


def test_a_secret_key_is_nowhere_in_the_databases_files(tmp_path):
    database, texts = Database(Secret(""), tmp_path), [new_text(SECRET) for _ in range(3)]
    database.prepare()
    store = DirectoryStore(database)
    for text in texts:
        assert store.add_key(describe(text, scopes=SCOPES))
    store.end_key(store.contents().keys[0].id, at=time.time())
    assert [key.digest for key in store.contents().keys] == [digest_of(t) for t in texts]
    while_open = _bytes_of(tmp_path)
    database.close()
    for found in (while_open, _bytes_of(tmp_path)):
        assert digest_of(texts[0]).encode() in found
        assert not [t for t in texts if t.encode() in found or t[PREFIX_CHARS:].encode() in found]


def _bytes_of(folder) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ((), set()), (("chat",), {"chat"}), (("operate",), {"operate"}),
        (("chat", "conversations"), {"chat", "conversations"}), (("admin",), set(SCOPES)),
    ],
)  # fmt: skip
def test_scopes_say_what_a_key_is_for_and_admin_is_for_all(scopes, may):
    assert {scope for scope in SCOPES if describe("sk_x", scopes=scopes).may(scope)} == may


@pytest.mark.parametrize(
    ("times", "alive"),
    [({}, True), ({"expires_at": 101.0}, True), ({"expires_at": 100.0}, False), ({"revoked_at": 0.0}, False),
     ({"expires_at": 0.0}, False), ({"revoked_at": 900.0, "expires_at": 900.0}, False)],
)  # fmt: skip
def test_a_key_is_alive_until_it_expires_or_is_revoked(times, alive):
    assert describe("sk_x", **times).alive(100.0) is alive


@pytest.fixture
def ring():
    """Two keys with the same first characters, a revoked and an expired one."""
    at = time.time()
    texts = {"right": new_text(SECRET), "revoked": new_text(SECRET), "expired": new_text(SECRET)}
    texts["twin"] = texts["right"][:PREFIX_CHARS] + "another"
    ends = {"revoked": {"revoked_at": at}, "expired": {"expires_at": at - 1}}
    keys = {name: describe(text, **ends.get(name, {})) for name, text in texts.items()}
    texts["unknown"], texts["cut"] = new_text(SECRET), texts["right"][:-1]
    texts["more"], texts["prefix"] = texts["right"] + "A", texts["right"][:PREFIX_CHARS]
    texts["case"], texts["digest"] = texts["right"].swapcase(), keys["right"].digest
    return KeyRing(keys.values()), keys, texts


def test_a_key_is_found_by_the_whole_of_its_text(ring):
    known, keys, texts = ring
    found = {name: known.identify(text) for name, text in texts.items()}
    assert {name: key for name, key in found.items() if key} == {
        "right": keys["right"],
        "twin": keys["twin"],
    }


@pytest.mark.parametrize("text", ["", "\0", "\udcff", "ü" * 20, "sk_", " ", "x" * 100_000])
def test_what_is_no_key_finds_none(ring, text):
    assert ring[0].identify(text) is None


def test_a_wrong_key_is_as_much_work_as_a_right_one():
    right, ended = new_text(SECRET), new_text(SECRET)
    known = KeyRing([describe(right), describe(ended, revoked_at=time.time())])
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")
    work = [_calls(known, text) for text in (right, wrong, ended, new_text(SECRET), "", "x")]
    assert min(work) > 5
    assert max(work) - min(work) <= 2


def _calls(known: KeyRing, text: str) -> int:
    """How many functions are called to look for a key."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        known.identify(text)
    finally:
        sys.setprofile(None)
    return calls


def test_all_keys_of_a_prefix_are_compared_whichever_is_right():
    prefix = "sk_aaaaaaaa"
    known = KeyRing([describe(f"{prefix}{n}") for n in range(9)])
    assert len({_calls(known, f"{prefix}{n}") for n in (0, 4, 8, "wrong")}) == 1


def test_nobody_is_no_key():
    nobody = ApiKey("", "", "0" * 64, "", "")
    assert KeyRing([nobody]).identify("") is None

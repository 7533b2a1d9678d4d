"""What is known of bots and keys: up to date after one look, and as good as it can be without the database."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from chatbot.access import directory as module
from chatbot.access import keys
from chatbot.access.directory import Directory, revoke
from chatbot.access.first_run import first_run
from chatbot.access.keys import fixed_keys
from chatbot.core.api_key import PUBLISHABLE, SECRET, describe, new_text
from chatbot.core.bot import Bot
from chatbot.core.errors import StorageUnavailable
from chatbot.core.secret import Secret
from chatbot.core.shared_state import StateAway
from chatbot.shared.process import ProcessState
from chatbot.store.database import Database, StoreAway
from chatbot.store.directory import DirectoryStore

SHOP = "https://shop.example"


class Switched:
    """A store, or a state, that can be away; `calls` are the names of what was asked."""

    def __init__(self, behind, error) -> None:
        self.behind, self.error, self.away = behind, error, False
        self.calls: list[str] = []

    def __getattr__(self, name):
        self.calls.append(name)
        if self.away:
            raise self.error("OperationalError")
        return getattr(self.behind, name)


class Worker:
    """One worker's directory, with a store and a state that can be away, and who was told to stop."""

    def __init__(self, store, state, *fixed: str, prepare=lambda: None) -> None:
        self.store, self.state = Switched(store, StoreAway), Switched(state, StateAway)
        self.told: list[set[str]] = []
        self.directory = Directory(
            self.store, self.state, fixed_keys(map(Secret, fixed)),
            prepare=prepare, on_ended=self.told.append,
        )  # fmt: skip


@pytest.fixture
def store(tmp_path):
    database = Database(Secret(""), tmp_path)
    database.prepare()
    found = DirectoryStore(database)
    found.save_bot(Bot("shop", origins=(SHOP,)))
    yield found
    database.close()


@pytest.fixture
def state():
    return ProcessState()


@pytest.fixture
def worker(store, state):
    found = Worker(store, state)
    found.directory.look()
    return found


@pytest.fixture
def add(store):
    """Makes a key, and gives its text and itself."""

    def add(kind: str = SECRET, **values):
        text = new_text(kind)
        key = describe(text, created_at=time.time(), **values)
        store.add_key(key)
        return text, key

    return add


@pytest.fixture
def clock(monkeypatch):
    """The directory's and the keys' time, to be set."""
    at = SimpleNamespace(now=time.time())
    for where in (module, keys):
        monkeypatch.setattr(where, "time", SimpleNamespace(time=lambda: at.now))
    return at


def test_a_new_key_and_a_new_bot_are_known_after_one_look(worker, store, add):
    text, key = add()
    assert worker.directory.identify(text) is None
    worker.directory.look()
    assert worker.directory.identify(text) == key
    store.save_bot(Bot("other"))
    worker.directory.look()
    assert [bot.id for bot in worker.directory.bots] == ["other", "shop"]
    assert worker.directory.bot("none") is None


def test_nothing_is_read_while_nothing_has_changed(worker):
    worker.store.calls.clear()
    for _ in range(5):
        worker.directory.look()
    assert worker.store.calls == ["number"] * 5


def test_a_revocation_reaches_another_worker_within_one_look(store, state, add):
    text, key = add()
    one, other = Worker(store, state), Worker(store, state)
    for found in (one, other):
        found.directory.look()
        assert found.directory.identify(text)
    one.directory.end_key(key)
    assert one.directory.identify(text) is None
    assert other.directory.identify(text)
    other.directory.look()
    assert other.directory.identify(text) is None
    assert not other.directory.is_alive(key)


def test_a_worker_whose_database_is_away_learns_of_a_revocation_by_the_shared_state(
    worker, store, state, add
):
    text, key = add()
    worker.directory.look()
    worker.store.away = True
    revoke(store, state, key)
    worker.directory.look()
    assert worker.directory.identify(text) is None
    assert worker.told == [{key.id}]


def test_a_worker_that_can_not_read_the_shared_state_learns_by_the_database(
    worker, store, state, add
):
    text, key = add()
    worker.directory.look()
    worker.state.away = True
    revoke(store, state, key)
    worker.directory.look()
    assert worker.directory.identify(text) is None


def test_a_revocation_is_kept_where_the_state_can_not_be_told(store, state, add):
    text, key = add()
    away = Switched(state, StateAway)
    away.away = True
    revoke(store, away, key)
    found = Worker(store, state)
    found.directory.look()
    assert found.directory.identify(text) is None


def test_what_was_revoked_does_not_come_back_with_a_state_that_has_forgotten_it(
    worker, store, state, add
):
    text, key = add()
    worker.directory.look()
    worker.store.away = True
    revoke(store, state, key)
    worker.directory.look()
    worker.state.behind = ProcessState()
    worker.directory.look()
    assert worker.directory.identify(text) is None
    worker.store.away = False
    worker.directory.look()
    assert worker.directory.identify(text) is None
    assert worker.told == [{key.id}]


def test_a_look_that_is_overtaken_does_not_bring_old_keys_back(worker, store, add, monkeypatch):
    text, key = add()
    worker.directory.look()
    add()
    read = store.contents

    def slow():
        found = read()
        monkeypatch.undo()
        worker.directory.end_key(key)
        return found

    monkeypatch.setattr(store, "contents", slow)
    worker.directory.look()
    assert worker.directory.identify(text) is None
    worker.directory.look()
    assert worker.told == [{key.id}]


def test_who_streams_by_a_key_that_ends_is_told_once(worker, store, add):
    ended = [add()[1] for _ in range(2)]
    _, staying = add()
    worker.directory.look()
    assert worker.told == []
    for key in ended:
        store.end_key(key.id, at=time.time())
    for _ in range(3):
        worker.directory.look()
    assert worker.told == [{key.id for key in ended}]
    worker.directory.end_key(staying)
    worker.directory.end_key(staying)
    assert worker.told[1:] == [{staying.id}]


def test_a_bot_that_is_deleted_takes_its_keys_with_it(worker, store, add):
    text, key = add(PUBLISHABLE, bot_id="shop")
    worker.directory.look()
    store.delete_bot("shop")
    worker.directory.look()
    assert worker.directory.identify(text) is None
    assert worker.told == [{key.id}]


def test_a_key_whose_bot_is_not_there_is_none(worker, add):
    text, key = add(PUBLISHABLE, bot_id="gone", origins=(SHOP,))
    worker.directory.look()
    assert worker.directory.identify(text) is None
    assert not worker.directory.is_alive(key)
    assert not worker.directory.lists(SHOP)


def test_while_the_database_is_away_known_keys_go_on(worker, store, add):
    text, key = add(PUBLISHABLE, bot_id="shop")
    worker.directory.look()
    worker.store.away = True
    for _ in range(3):
        worker.directory.look()
    assert worker.directory.identify(text) == key
    assert worker.directory.bot("shop")
    assert worker.directory.lists(SHOP)
    assert worker.told == []
    assert worker.directory.identify("sk_unknown") is None


def test_who_has_never_read_the_database_does_not_say_that_a_key_is_wrong(store, state, add):
    text, key = add()
    found = Worker(store, state, "fixed-key-of-the-settings")
    found.store.away = True
    for _ in range(2):
        found.directory.look()
        with pytest.raises(StorageUnavailable):
            found.directory.identify(text)
        assert found.directory.identify("fixed-key-of-the-settings")
    found.store.away = False
    found.directory.look()
    assert found.directory.identify(text) == key
    assert found.directory.identify("sk_unknown") is None


def test_a_revocation_does_not_make_an_unread_database_read(store, state, add):
    text, key = add()
    found = Worker(store, state)
    found.store.away = True
    revoke(store, state, key)
    found.directory.look()
    with pytest.raises(StorageUnavailable):
        found.directory.identify(text)


def test_the_database_is_prepared_until_that_has_succeeded_once(store, state):
    outcomes = [StoreAway("x"), StoreAway("x"), None]
    prepared = []

    def prepare() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        prepared.append(1)

    found = Worker(store, state, prepare=prepare)
    for _ in range(5):
        found.directory.look()
    assert prepared == [1]
    assert found.store.calls.count("contents") == 1


def test_a_key_ends_at_its_time(worker, store, add, clock):
    text, key = add(PUBLISHABLE, bot_id="shop", expires_at=clock.now + 60)
    worker.directory.look()
    assert worker.directory.identify(text)
    assert worker.directory.lists(SHOP)
    clock.now += 60
    assert worker.directory.identify(text) is None
    assert not worker.directory.is_alive(key)
    worker.store.away = True
    worker.directory.look()
    worker.directory.look()
    assert worker.told == [{key.id}]
    assert not worker.directory.lists(SHOP)


def test_pages_are_listed_by_living_publishable_keys_alone(worker, store, add):
    assert not worker.directory.lists(SHOP)
    listed = {
        "by_bot": add(PUBLISHABLE, bot_id="shop")[1],
        "https://own.example": add(PUBLISHABLE, bot_id="shop", origins=("https://own.example",))[1],
        "https://a.wild.example": add(PUBLISHABLE, bot_id="shop", origins=("https://*.wild.example",))[1],
    }  # fmt: skip
    add(SECRET, bot_id="shop", origins=("https://secret.example",))
    add(PUBLISHABLE, bot_id="shop", origins=("https://dead.example",), revoked_at=1.0)
    add(PUBLISHABLE, bot_id="shop", origins=("https://old.example",), expires_at=1.0)
    worker.directory.look()
    pages = (SHOP, "https://own.example", "https://a.wild.example")
    others = ("https://secret.example", "https://dead.example", "https://old.example", "", "null")
    assert [worker.directory.lists(page) for page in pages + others] == [True] * 3 + [False] * 5
    assert worker.directory.origins_of(listed["by_bot"]) == (SHOP,)
    for key in listed.values():
        worker.directory.end_key(key)
    assert not any(worker.directory.lists(page) for page in pages)


def test_a_bots_new_list_is_its_keys_list(worker, store, add):
    add(PUBLISHABLE, bot_id="shop")
    store.save_bot(Bot("shop", origins=("https://new.example",)))
    worker.directory.look()
    assert worker.directory.lists("https://new.example")
    assert not worker.directory.lists(SHOP)


@pytest.mark.parametrize(
    "text",
    ["' OR 1=1 --", "sk_' OR ''='", "x'; DROP TABLE api_keys; --", '" OR ""="', "sk_%", "sk_________", "\0"],
)  # fmt: skip
def test_sql_in_a_key_is_a_wrong_key(worker, store, add, text):
    add()
    worker.directory.look()
    before = store.contents()
    assert worker.directory.identify(text) is None
    assert store.contents() == before


def test_ending_a_key_needs_the_database(worker, add):
    text, key = add()
    worker.directory.look()
    worker.store.away = True
    with pytest.raises(StoreAway):
        worker.directory.end_key(key)
    assert worker.directory.identify(text)


def test_the_first_run_happens_once(store, tmp_path):
    database = Database(Secret(""), tmp_path / "empty")
    database.prepare()
    new, key = DirectoryStore(database), Secret(new_text(SECRET))
    first_run(new, key, alone=True)
    first = new.contents()
    assert [bot.id for bot in first.bots] == ["demo"]
    assert sorted((k.name, k.kind, k.scopes) for k in first.keys) == [
        ("demo", PUBLISHABLE, ()),
        ("first", SECRET, ("admin",)),
    ]
    first_run(new, key, alone=True)
    assert new.contents() == first
    new.delete_bot("demo")
    for kept in new.contents().keys:
        new.end_key(kept.id, at=1.0)
    first_run(new, key, alone=True)
    assert new.contents().bots == ()
    assert [k.alive(2.0) for k in new.contents().keys] == [False]
    database.close()

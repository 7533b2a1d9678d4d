"""Bots and keys: as they were put in, each change counted, and one process at a time."""

from __future__ import annotations

import dataclasses
import time

import pytest
from sqlalchemy import event, insert

from chatbot.core.api_key import ApiKey, describe
from chatbot.core.bot import Bot, Fact, Limits
from chatbot.core.secret import Secret
from chatbot.store.conversations import ConversationStore, Scope
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore, count_conversations
from chatbot.store.spool import Spool
from chatbot.store.tables import bots
from chatbot.store.writer import Writer
from tests.store.processes import at_once
from tests.store.turns import ANY, Talk, rows, save, saved_talk

SHOP = Bot(
    id="shop",
    name="Tea & more ☕",
    model="local/qwen",
    prompt='You sell tea.\n\tSay "hello".',
    temperature=0.25,
    max_tokens=123,
    greeting="Hi 👋",
    suggestions=("Which tea?", "Öffnungszeiten?"),
    theme={"accent": "#0a0", "radius": "4px"},
    languages=("en", "pt-BR"),
    contact="mail@shop.example",
    privacy_url="https://shop.example/privacy",
    origins=("https://shop.example", "https://*.shop.example"),
    limits=Limits(history_tokens=10, facts_tokens=20, question_chars=30),
    retention_days=7,
    identify="required",
    identity_generation=3,
    facts=(Fact("a.md", "# A\n日本"), Fact("b.md", "")),
)
KEY = ApiKey(
    id="key_1",
    kind="pk",
    digest="d" * 64,
    prefix="pk_abcdefgh",
    shown="pk_abcdefgh123",
    name="Sea's page",
    bot_id="shop",
    scopes=("chat", "conversations"),
    origins=("https://shop.example",),
    created_at=1_700_000_000.123456,
    expires_at=1_800_000_000.654321,
    revoked_at=1_750_000_000.5,
    limits=(("tokens_per_day", 5),),
)


def test_the_examples_leave_no_field_at_its_default():
    for example in (SHOP, KEY):
        for field in dataclasses.fields(example):
            assert getattr(example, field.name) != field.default, field.name


def test_a_bot_comes_back_as_it_was_put_in(directory, other):
    plain = Bot(id="plain", name="plain")
    directory.save_bot(SHOP)
    directory.save_bot(plain)
    assert DirectoryStore(other).contents().bots == (plain, SHOP)


def test_a_key_comes_back_as_it_was_put_in(directory, other):
    plain = describe("sk_plain_0123456789", created_at=1.0)
    assert directory.add_key(KEY)
    assert directory.add_key(plain)
    assert DirectoryStore(other).contents().keys == (plain, KEY)


def test_a_bot_is_replaced_as_a_whole(directory):
    directory.save_bot(SHOP)
    directory.save_bot(Bot(id="shop", name="Coffee"))
    assert directory.contents().bots == (Bot(id="shop", name="Coffee"),)


CHANGES = {
    "save_bot": lambda store: store.save_bot(SHOP),
    "replace": lambda store: store.save_bot(dataclasses.replace(SHOP, name="Coffee")),
    "add_key": lambda store: store.add_key(KEY),
    "expire_key": lambda store: store.expire_key(KEY.id, at=5.0),
    "end_key": lambda store: store.end_key(KEY.id, at=5.0),
    "delete_bot": lambda store: store.delete_bot("shop"),
}


def test_each_change_raises_the_number(directory):
    assert directory.number() == 0
    numbers = []
    for change in CHANGES.values():
        change(directory)
        numbers.append(directory.number())
        assert directory.contents().number == numbers[-1]
    assert numbers == sorted({0, *numbers})[1:]


def test_reading_and_what_changes_nothing_leave_the_number(directory):
    directory.add_key(KEY)
    before = directory.number()
    directory.contents()
    directory.add_key(KEY)
    directory.begin(SHOP, ())
    assert directory.number() == before


def test_no_change_is_missed_by_who_looks_at_the_number(directory, database, other):
    """Contents that are older than their number would be taken for the newest ever after."""
    directory.save_bot(SHOP)

    changed = []

    def change_meanwhile(connection, cursor, statement, *_):
        if not changed and "FROM api_keys" in statement:
            changed.append(DirectoryStore(other).add_key(KEY))
            DirectoryStore(other).save_bot(Bot(id="new", name="new"))

    event.listen(database._connected(), "after_cursor_execute", change_meanwhile)
    found = directory.contents()
    if found.number == directory.number():
        assert found == directory.contents()
    assert changed


def test_the_first_beginning_happens_once_in_a_stores_life(directory):
    assert directory.begin(SHOP, (KEY,))
    assert not directory.begin(Bot(id="other"), ())
    directory.delete_bot("shop")
    assert not directory.begin(SHOP, (KEY,))
    assert directory.contents().bots == directory.contents().keys == ()


def test_a_store_that_has_had_anything_is_not_begun(directory):
    directory.add_key(KEY)
    assert not directory.begin(SHOP, ())


@pytest.fixture
def together(database, database_url, tmp_path):
    """Does these things to the store, each in a process of its own, at the same time."""

    def do(*each):
        def one(change):
            def run():
                opened = Database(Secret(database_url), tmp_path)
                try:
                    return change(DirectoryStore(opened))
                finally:
                    opened.close()

            return run

        return at_once(tmp_path, *map(one, each))

    return do


def test_of_many_beginnings_at_once_one_happens(together, directory):
    def begin(number):
        bot, key = Bot(id=f"bot{number}", name="b"), describe(f"sk_{number}_0123456789abc")
        return lambda store: store.begin(bot, (key,))

    assert sorted(together(*map(begin, range(6)))) == ["False"] * 5 + ["True"]
    found = directory.contents()
    assert (len(found.bots), len(found.keys), found.number) == (1, 1, 1)


def test_a_key_that_many_add_at_once_is_added_once(together, directory):
    def add(number):
        return lambda store: store.add_key(describe("sk_same_0123456789abc", id=f"key_{number}"))

    assert sorted(together(*map(add, range(6)))) == ["False"] * 5 + ["True"]
    assert len(directory.contents().keys) == 1


def test_a_bot_that_many_save_at_once_is_there_and_each_saving_is_counted(together, directory):
    def save_bot(number):
        return lambda store: store.save_bot(Bot(id="shop", name=f"{number}"))

    together(*map(save_bot, range(6)))
    found = directory.contents()
    assert (len(found.bots), found.number) == (1, 6)


def test_a_key_is_never_added_twice(directory):
    assert directory.add_key(KEY)
    again = dataclasses.replace(KEY, id="key_2", name="again", revoked_at=None)
    assert not directory.add_key(again)
    assert directory.contents().keys == (KEY,)


def test_a_revoked_key_stays_revoked(directory):
    alive = dataclasses.replace(KEY, revoked_at=None, expires_at=None)
    directory.add_key(alive)
    assert directory.end_key(KEY.id, at=5.0)
    assert directory.expire_key(KEY.id, at=time.time() + 1000)
    assert not directory.add_key(alive)
    (found,) = directory.contents().keys
    assert found.revoked_at == 5.0
    assert not found.alive(time.time())


def test_an_unknown_key_is_not_ended(directory):
    assert not directory.end_key("key_none", at=5.0)
    assert not directory.expire_key("key_none", at=5.0)
    assert not directory.delete_bot("none")


def test_a_bot_takes_all_that_is_its_own_with_it(directory, database):
    hers, others = Scope("shop", "ses_ada"), Scope("other", "ses_ada")
    for bot in ("shop", "other"):
        directory.save_bot(Bot(id=bot, name=bot))
        directory.add_key(describe(f"sk_{bot}_0123456789", bot_id=bot))
    directory.add_key(describe("sk_free_0123456789"))
    gone, stays = saved_talk(database, scope=hers), saved_talk(database, scope=others)
    for talk in (gone, stays):
        ConversationStore(database).rate(ANY, f"a{talk.id}_1", 1, "Good")
    assert count_conversations(database, "shop") == 1

    assert directory.delete_bot("shop")
    assert count_conversations(database, "shop") == 0
    assert [bot.id for bot in directory.contents().bots] == ["other"]
    assert {key.bot_id for key in directory.contents().keys} == {"other", None}
    left = rows(database)
    assert [row["id"] for row in left["conversations"]] == [stays.id]
    assert {row["conversation_id"] for row in left["messages"]} == {stays.id}
    assert [row["message_id"] for row in left["feedback"]] == [f"a{stays.id}_1"]


def test_a_deleted_bots_conversations_do_not_come_back_from_a_spool(directory, database, tmp_path):
    directory.save_bot(SHOP)
    talk, spool = Talk(), Spool(tmp_path / "spool")
    items = talk.turn()
    save(database, items)
    spool.append(items)
    directory.delete_bot("shop")
    writer = Writer(database, spool)
    with writer._turn_lock:
        writer._play_back()
    assert spool.files() == []
    left = rows(database)
    assert left["conversations"] == left["messages"] == []


def test_a_deleted_bots_conversations_are_in_none_of_sqlites_files(open_database, tmp_path):
    database = open_database("")
    database.prepare()
    canary = "a word that nobody else says"
    DirectoryStore(database).save_bot(SHOP)
    saved_talk(database, (canary, canary))
    assert any(canary.encode() in file.read_bytes() for file in tmp_path.glob("chatbot.db*"))
    DirectoryStore(database).delete_bot("shop")
    assert not any(canary.encode() in file.read_bytes() for file in tmp_path.glob("chatbot.db*"))


def test_a_bot_of_a_newer_version_is_left_out_and_stays(directory, database):
    directory.save_bot(SHOP)
    newer = {"id": "newer", "settings": {"id": "newer", "unheard_of": 1}}
    values = {**newer, "created_at": 1.0, "updated_at": 1.0}
    database.run(lambda c: c.execute(insert(bots).values(values)), write=True)
    assert directory.contents().bots == (SHOP,)
    assert directory.delete_bot("newer")

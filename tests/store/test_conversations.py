"""Conversations: nobody finds what is not theirs, and what is forgotten is gone from everywhere."""

from __future__ import annotations

import inspect
import threading
import time
import typing

import pytest
from sqlalchemy import update

from chatbot.core.bot import Bot
from chatbot.store import conversations as module
from chatbot.store.conversations import STALE_SECONDS, ConversationStore, Receipt, Scope
from chatbot.store.tables import conversations, forgotten, messages
from tests.store.turns import ANY, HERS, Talk, rows, said, save, saved_talk

HIS = Scope("shop", "ses_bob")
OUTSIDE = {
    "another owner": HIS,
    "another bot": Scope("other", "ses_ada"),
    "another owner's any bot": Scope(None, "ses_bob"),
    "another bot's any owner": Scope("other", None),
    "both others": Scope("other", "ses_bob"),
    "no owner": Scope("shop", ""),
    "a beginning of the owner": Scope("shop", "ses_a"),
    "a pattern of the owner": Scope("shop", "ses_%"),
    "the owner in capitals": Scope("shop", "SES_ADA"),
}
INSIDE = {
    "hers": HERS,
    "her any bot": Scope(None, "ses_ada"),
    "the bot's any owner": Scope("shop", None),
    "any": ANY,
}
CASES = {
    "history": (lambda store, scope, talk: store.history(scope, talk.id), None),
    "newest": (lambda store, scope, talk: store.newest(scope, limit=10, before=None), []),
    "whole": (lambda store, scope, talk: store.whole(scope, talk.id), None),
    "rename": (lambda store, scope, talk: store.rename(scope, talk.id, "Mine"), False),
    "rate": (lambda store, scope, talk: store.rate(scope, f"a{talk.id}_1", 1, "Good"), False),
    "forget": (lambda store, scope, talk: store.forget(scope, talk.id), None),
    "forget all": (lambda store, scope, talk: store.forget(scope), Receipt()),
}
"""How to ask for a conversation, and what the answer is where there is none."""


def scoped() -> set[str]:
    """The methods that are told whose conversations they are about."""
    found = {
        name
        for name, method in inspect.getmembers(ConversationStore, inspect.isfunction)
        if not name.startswith("_") and Scope in typing.get_type_hints(method).values()
    }
    assert {"whole", "forget"} <= found
    return found


def test_every_method_has_its_case():
    assert {name.split()[0] for name in CASES} == scoped()


def test_every_other_method_gives_no_conversation_away():
    public = {name for name in vars(ConversationStore) if not name.startswith("_")}
    assert public - scoped() == {"sweep"}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_found_outside_a_scope(case, store, database):
    talk = saved_talk(database)
    store.rate(HERS, f"a{talk.id}_1", -1, "Bad")
    before = rows(database)
    ask, nothing = CASES[case]
    assert {name: ask(store, scope, talk) for name, scope in OUTSIDE.items()} == dict.fromkeys(
        OUTSIDE, nothing
    )
    assert rows(database) == before


@pytest.mark.parametrize("case", CASES)
def test_the_same_is_found_inside_it(case, store, database):
    ask, nothing = CASES[case]
    for scope in INSIDE.values():
        found = ask(store, scope, saved_talk(database))
        assert found
        assert found != nothing


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("forget")])
def test_nothing_is_found_after_its_time(case, store, database):
    talk = saved_talk(database, lasts=-1.0)
    ask, nothing = CASES[case]
    assert ask(store, HERS, talk) == nothing


def test_what_is_past_its_time_can_still_be_forgotten(store, database):
    talk = saved_talk(database, lasts=-1.0)
    assert store.forget(HERS, talk.id) == Receipt(conversations=1, messages=2)


def test_the_list_begins_with_the_one_that_was_used_last(store, database):
    talks = [saved_talk(database, at=time.time() - 100 + n) for n in range(4)]
    saved_talk(database, scope=HIS)
    assert [c.id for c in store.newest(HERS, limit=10, before=None)] == [
        talk.id for talk in reversed(talks)
    ]
    talks[1].later(1000)
    save(database, talks[1].turn("And now?"))
    assert store.newest(HERS, limit=10, before=None)[0].id == talks[1].id


def test_the_list_is_turned_page_by_page(store, database):
    talks = [saved_talk(database, at=time.time() - 100 + n) for n in range(5)]
    pages, before = [], None
    while page := store.newest(HERS, limit=2, before=before):
        pages.append([c.id for c in page])
        before = page[-1].updated_at
    ids = [talk.id for talk in reversed(talks)]
    assert pages == [ids[:2], ids[2:4], ids[4:]]


def test_a_whole_conversation_has_its_turns_in_order_and_their_ratings(store, database):
    talk = saved_talk(database, ("One?", "1"), ("Two?", "2"))
    store.rate(HERS, f"a{talk.id}_2", -1, "No")
    found = store.whole(HERS, talk.id)
    assert [(m["role"], m["content"], m["rating"]) for m in found.messages] == [
        ("user", "One?", None),
        ("assistant", "1", None),
        ("user", "Two?", None),
        ("assistant", "2", -1),
    ]
    assert (found.title, found.bot_id, found.owner) == ("Tea", "shop", "ses_ada")
    assert set(messages.c.keys()) | {"rating"} == set(found.messages[0])


def test_the_history_is_the_newest_of_what_was_said(store, database, monkeypatch):
    monkeypatch.setattr(module, "_HISTORY_ROWS", 4)
    talk = saved_talk(database, ("One?", "1"), ("Two?", "2"), ("Three?", "3"))
    turns = store.history(HERS, talk.id)
    assert [(role, content) for role, content, _ in turns.messages] == [
        ("user", "Two?"), ("assistant", "2"), ("user", "Three?"), ("assistant", "3"),
    ]  # fmt: skip
    assert not turns.running


def test_the_history_says_whether_an_answer_is_under_way(store, database):
    talk = saved_talk(database)
    begun = talk.begin("More?")
    save(database, [begun])
    assert store.history(HERS, talk.id).running
    age(database, talk, STALE_SECONDS + 1)
    assert not store.history(HERS, talk.id).running


def test_a_conversation_without_messages_has_an_empty_history(store, database):
    talk = Talk()
    database.run(lambda c: c.execute(conversations.insert().values(talk.row)), write=True)
    assert store.history(HERS, talk.id).messages == ()


def test_a_title_is_given(store, database):
    talk = saved_talk(database)
    assert store.rename(HERS, talk.id, "Grüner Tee ☕")
    assert store.whole(HERS, talk.id).title == "Grüner Tee ☕"


def test_a_rating_replaces_the_one_before_and_is_taken_back(store, database):
    talk = saved_talk(database)
    answer = f"a{talk.id}_1"

    def kept():
        return [(r["rating"], r["comment"]) for r in rows(database)["feedback"]]

    assert store.rate(HERS, answer, 1, "Good")
    assert kept() == [(1, "Good")]
    assert store.rate(HERS, answer, -1, "")
    assert kept() == [(-1, "")]
    assert store.rate(HERS, answer, 0, "")
    assert kept() == []
    assert store.rate(HERS, answer, 0, "")


def test_a_question_is_not_rated(store, database):
    talk = saved_talk(database)
    assert not store.rate(HERS, f"q{talk.id}_1", 1, "")
    assert not store.rate(HERS, "msg_none", 1, "")


def test_ratings_of_the_same_answer_at_the_same_time(open_database, database_url, store, database):
    """A visitor's double click, at two workers."""
    talk, errors = saved_talk(database), []

    def rate(worker, number):
        try:
            assert worker.rate(HERS, f"a{talk.id}_1", number % 2, "")
        except Exception as error:
            errors.append(error)

    workers = [ConversationStore(open_database(database_url)) for _ in range(4)]
    for number in range(10):
        threads = [threading.Thread(target=rate, args=(w, number)) for w in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_forgetting_leaves_nothing_and_says_so(store, database):
    talk, stays = saved_talk(database, ("One?", "1"), ("Two?", "2")), saved_talk(database)
    store.rate(HERS, f"a{talk.id}_2", 1, "Good")
    assert store.forget(HERS, talk.id) == Receipt(conversations=1, messages=4, feedback=1)
    assert store.forget(HERS, talk.id) is None
    left = rows(database)
    assert [r["id"] for r in left["conversations"]] == [stays.id]
    assert {r["conversation_id"] for r in left["messages"]} == {stays.id}
    assert left["feedback"] == []
    assert [r["conversation_id"] for r in left["forgotten"]] == [talk.id]


def test_forgetting_all_leaves_what_is_not_hers(store, database, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for _ in range(5):
        saved_talk(database)
    stays = [saved_talk(database, scope=HIS), saved_talk(database, scope=Scope("other", "ses_ada"))]
    assert store.forget(HERS) == Receipt(conversations=5, messages=10)
    assert {r["id"] for r in rows(database)["conversations"]} == {talk.id for talk in stays}
    assert store.forget(HERS) == Receipt()


CANARY = "a word that nobody else says"


def test_what_is_forgotten_is_in_none_of_sqlites_files(open_database, tmp_path):
    database, elsewhere = open_database(""), open_database("")
    database.prepare()
    store, talk = ConversationStore(database), Talk()

    def found():
        files = sorted(tmp_path.glob("chatbot.db*"))
        assert len(files) == 3
        return any(CANARY.encode() in file.read_bytes() for file in files)

    begun = talk.begin(CANARY)
    for text in (CANARY, CANARY * 100, CANARY * 1000):
        save(database, [begun, talk.grow(begun, text)])
    save(elsewhere, [talk.end(begun, CANARY * 3000)])
    store.rename(HERS, talk.id, CANARY)
    store.rate(HERS, str(begun.answer["id"]), 1, CANARY)
    for _ in range(20):
        saved_talk(elsewhere)
    assert found()
    assert store.forget(HERS, talk.id).conversations == 1
    assert not found()


def test_what_was_swept_is_in_none_of_sqlites_files(open_database, tmp_path):
    database = open_database("")
    database.prepare()
    saved_talk(database, (CANARY, CANARY), lasts=-1.0)
    assert ConversationStore(database).sweep()["expired"] == 1
    files = list(tmp_path.glob("chatbot.db*"))
    assert not any(CANARY.encode() in file.read_bytes() for file in files)


def age(database, talk, seconds):
    """Let the messages of a conversation be saved so long ago."""
    this = update(messages).where(messages.c.conversation_id == talk.id)
    older = this.values(updated_at=time.time() - seconds)
    database.run(lambda connection: connection.execute(older), write=True)


@pytest.fixture
def shop(directory):
    """The bot of the conversations: those of a bot that is gone are swept."""
    directory.save_bot(Bot(id="shop", name="Shop"))


@pytest.mark.usefixtures("shop")
def test_what_is_past_its_time_is_swept(store, database):
    gone, stays = saved_talk(database, lasts=-1.0), saved_talk(database)
    assert store.sweep() == {"expired": 1, "interrupted": 0}
    left = rows(database)
    assert [r["id"] for r in left["conversations"]] == [stays.id]
    assert {r["conversation_id"] for r in left["messages"]} == {stays.id}
    assert [r["conversation_id"] for r in left["forgotten"]] == [gone.id]
    assert store.sweep() == {"expired": 0, "interrupted": 0}


@pytest.mark.usefixtures("shop")
def test_very_many_are_swept_one_part_after_the_other(store, database, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for _ in range(5):
        saved_talk(database, lasts=-1.0)
    assert [store.sweep()["expired"] for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.usefixtures("shop")
def test_conversations_of_a_bot_that_is_gone_are_swept(store, database):
    saved_talk(database, scope=Scope("gone", "ses_ada"))
    stays = saved_talk(database)
    assert store.sweep()["expired"] == 1
    assert [r["id"] for r in rows(database)["conversations"]] == [stays.id]


@pytest.mark.usefixtures("shop")
def test_an_answer_whose_process_is_gone_is_interrupted(store, database):
    talk = Talk()
    begun = talk.begin()
    save(database, [begun, talk.grow(begun, "Gr")])
    assert store.sweep()["interrupted"] == 0
    age(database, talk, STALE_SECONDS + 1)
    assert store.sweep()["interrupted"] == 1
    assert said(database, talk)[1] == ("assistant", "Gr", "interrupted")
    answer = next(r for r in rows(database, talk)["messages"] if r["role"] == "assistant")
    assert answer["code"] == "server_restarting"
    assert store.sweep()["interrupted"] == 0


@pytest.mark.usefixtures("shop")
def test_a_true_end_that_comes_late_still_wins(store, database):
    talk = Talk()
    begun = talk.begin()
    save(database, [begun])
    age(database, talk, STALE_SECONDS + 1)
    store.sweep()
    save(database, [talk.end(begun, "Green.")])
    assert said(database, talk)[1] == ("assistant", "Green.", "whole")
    age(database, talk, STALE_SECONDS + 1)
    store.sweep()
    assert said(database, talk)[1] == ("assistant", "Green.", "whole")


@pytest.mark.usefixtures("shop")
def test_that_something_was_forgotten_is_known_for_a_month(store, database):
    talk = saved_talk(database)
    items = [talk.begin(new=True)]
    store.forget(HERS, talk.id)

    def comes_back_after(days):
        at = update(forgotten).values(forgotten_at=time.time() - days * 86400)
        database.run(lambda connection: connection.execute(at), write=True)
        store.sweep()
        save(database, items)
        return rows(database, talk)["conversations"] != []

    assert not comes_back_after(29)
    assert comes_back_after(31)

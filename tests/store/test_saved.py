"""What is saved of turns: however it is cut into batches, and whatever of it is done twice, the rows are the same."""

from __future__ import annotations

import json
import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, exc

from chatbot.core.bot import Bot
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import Database, StoreAway
from chatbot.store.saved import (
    ANSWER_FIELDS,
    Begin,
    Change,
    Replace,
    Saved,
    as_dict,
    conversation_of,
    from_dict,
    insert_new,
)
from chatbot.store.tables import messages, meta
from tests.store.turns import ANY, HERS, Talk, rows, said, save, saved_talk

EACH_DATABASE = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@st.composite
def stories(draw):
    """Some conversations of some turns, told in an order in which they can happen: (talks, items)."""
    talks, threads = [], []
    for _ in range(draw(st.integers(1, 3))):
        talk = Talk()
        talks.append(talk)
        for number in range(draw(st.integers(1, 3))):
            begun = talk.begin(draw(TEXTS))
            texts = draw(st.lists(TEXTS, max_size=3))
            changes = [talk.grow(begun, text) for text in texts]
            if draw(st.booleans()):
                state = draw(st.sampled_from(["whole", "incomplete", "stopped", "failed"]))
                changes.append(talk.end(begun, draw(TEXTS), state, output_tokens=number))
            threads.append([begun, *changes])
    items = []
    while threads:
        begun = {conversation_of(item) for item in items}
        ready = [turn for turn in threads if _can_be_told(turn[0], begun)]
        items.append(draw(st.sampled_from(ready)).pop(0))
        threads = [turn for turn in threads if turn]
    return talks, items


def _can_be_told(item, begun: set[str]) -> bool:
    """A conversation begins with its first turn; all else goes on beside one another."""
    return isinstance(item, Change) or item.new == (conversation_of(item) not in begun)


def ended(item) -> bool:
    return isinstance(item, Change) and item.values["state"] != "running"


@st.composite
def batches(draw, items):
    """The items cut into batches; a batch may be done twice, and what has ended or begun may come again."""
    told, over = [], set()
    for item in items:
        told.append(item)
        if ended(item):
            over.add(item.answer_id)
        late = [i for i in told if isinstance(i, Begin) or i.answer_id in over]
        if late and draw(st.booleans()):
            told.append(draw(st.sampled_from(late)))
    cut = []
    while told:
        size = draw(st.integers(1, len(told)))
        cut += [told[:size]] * draw(st.integers(1, 2))
        told = told[size:]
    return cut * draw(st.integers(1, 2))


def expected(items):
    """The answers and the newest time of each conversation, as the items tell them."""
    answers, times = {}, {}
    for item in items:
        values = item.answer if isinstance(item, Begin) else item.values
        name = item.answer["id"] if isinstance(item, Begin) else item.answer_id
        answers[name] = {field: values[field] for field in ANSWER_FIELDS}
        place = conversation_of(item)
        times[place] = max(times.get(place, 0.0), values["updated_at"])
    return answers, times


@EACH_DATABASE
@given(story=stories(), data=st.data())
def test_any_batches_done_any_times_end_in_the_same_rows(database, story, data):
    talks, items = story
    for batch in data.draw(batches(items)):
        save(database, batch)
    found = rows(database, *talks)
    answers, times = expected(items)
    assert {
        row["id"]: {field: row[field] for field in ANSWER_FIELDS}
        for row in found["messages"]
        if row["role"] == "assistant"
    } == answers
    assert {row["id"]: row["updated_at"] for row in found["conversations"]} == times
    questions = {i.question["id"]: i.question["content"] for i in items if isinstance(i, Begin)}
    assert {r["id"]: r["content"] for r in found["messages"] if r["role"] == "user"} == questions


@pytest.mark.parametrize("order", ["together", "apart"])
def test_a_late_growth_never_overwrites_an_end(database, order):
    talk = Talk()
    begun = talk.begin()
    end, late = talk.end(begun, "Green."), talk.grow(begun, "Gr")
    if order == "together":
        save(database, [begun, end, late])
    else:
        for item in (begun, end, late):
            save(database, [item])
    assert said(database, talk)[1] == ("assistant", "Green.", "whole")


def test_the_first_end_is_the_end(database):
    talk = Talk()
    begun = talk.begin()
    save(database, [begun, talk.end(begun, "Green."), talk.end(begun, "Black.", "failed")])
    assert said(database, talk)[1] == ("assistant", "Green.", "whole")


def test_an_end_in_the_batch_of_its_begin_may_stand_before_it(database):
    talk = Talk()
    begun = talk.begin()
    save(database, [talk.end(begun, "Green."), begun])
    assert said(database, talk)[1] == ("assistant", "Green.", "whole")


def test_a_turn_within_one_batch_is_written_once_and_whole(database):
    talk, statements = Talk(), []
    begun = talk.begin()
    items = [begun, talk.grow(begun, "Gr"), talk.end(begun, "Green.")]
    event.listen(
        database._connected(), "before_cursor_execute", lambda *call: statements.append(call[2])
    )
    save(database, items)
    written = [s.split()[:3] for s in statements if s.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [words for words in written if "messages" in words] == [["INSERT", "INTO", "messages"]]
    assert said(database, talk) == [
        ("user", "Which tea?", "whole"),
        ("assistant", "Green.", "whole"),
    ]


def test_a_begin_of_a_conversation_that_is_not_there_is_left_out(database):
    talk = Talk()
    talk.begin()
    going_on, other = talk.begin(), Talk()
    save(database, [going_on, *other.turn()])
    assert rows(database, talk)["messages"] == []
    assert len(said(database, other)) == 2


def test_a_forgotten_conversation_does_not_come_back(database):
    talk, stays = Talk(), Talk()
    items = [*talk.turn(), *stays.turn()]
    save(database, items)
    ConversationStore(database).forget(ANY, talk.id)
    save(database, [*items, talk.begin(new=True)])
    left = rows(database)
    assert [r["id"] for r in left["conversations"]] == [stays.id]
    assert {r["conversation_id"] for r in left["messages"]} == {stays.id}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
MAPS = st.dictionaries(st.text(), VALUES, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    st.builds(Begin, MAPS, MAPS, MAPS, st.booleans())
    | st.builds(Change, st.text(), st.text(), MAPS)
)
def test_an_item_comes_back_from_json_as_it_was(item):
    assert from_dict(json.loads(json.dumps(as_dict(item)))) == item


@pytest.mark.parametrize("times", [1, 2])
def test_a_turn_that_takes_others_place_removes_them_and_what_hangs_on_them(database, times):
    talk = saved_talk(database, ("One", "1"), ("Two", "2"), ("Three", "3"))
    store = ConversationStore(database)
    two = store.whole(HERS, talk.id).messages[3]
    assert store.rate(HERS, two["id"], 1, "")
    begun = talk.begin("Four")
    replaced = Replace(talk.id, two["turn"], begun.answer["turn"], time.time())
    kept = from_dict(json.loads(json.dumps(as_dict(replaced))))
    assert kept == replaced
    for _ in range(times):
        save(database, [begun, talk.end(begun, "4"), kept])
    assert [text for _, text, _ in said(database, talk)] == ["One", "1", "Four", "4"]
    assert rows(database, talk)["feedback"] == []


def test_a_turn_takes_no_place_in_a_conversation_that_is_gone(database):
    talk, other = saved_talk(database), saved_talk(database)
    ConversationStore(database).forget(HERS, talk.id)
    save(database, [Replace(talk.id, 0, 2**60, time.time())])
    assert rows(database, talk)["conversations"] == []
    assert len(said(database, other)) == 2


class Busy:
    """One process that does to some conversations what processes do, in any order."""

    def __init__(self, database: Database, talks: list[list[Saved]], number: int) -> None:
        self.failed: list[str] = []
        self._database = database
        self._store = ConversationStore(database)
        self._talks = talks
        self._chance = random.Random(number)

    def work(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                self._chance.choice(
                    [self._save, self._save, self._rate, self._forget, self._sweep]
                )()
            except (StoreAway, exc.SQLAlchemyError) as error:
                self.failed.append(f"{type(error).__name__}: {error}")

    def _save(self) -> None:
        items = [item for talk in self._talks for item in talk]
        save(self._database, self._chance.sample(items, len(items)))

    def _rate(self) -> None:
        begun = self._chance.choice(self._talks)[0]
        self._store.rate(HERS, str(begun.answer["id"]), self._chance.choice([0, 1]), "")

    def _forget(self) -> None:
        """Forget one, and have another in its place."""
        number = self._chance.randrange(len(self._talks))
        gone, self._talks[number] = self._talks[number], busy_talk()
        self._store.forget(HERS, conversation_of(gone[0]))

    def _sweep(self) -> None:
        self._store.sweep()


def busy_talk() -> list[Saved]:
    """A conversation with two turns, whose begins and ends can come in any order."""
    talk = Talk()
    return [*talk.turn(), begun := talk.begin(new=True), talk.grow(begun, "Gr")]


def test_writers_and_deletions_do_not_stand_in_each_others_way(
    open_database, database, database_url, directory
):
    """Two that locked the same rows in different orders would have one of them fail."""
    directory.save_bot(Bot(id="shop", name="Shop"))
    talks = [busy_talk() for _ in range(3)]
    busy = [Busy(open_database(database_url), talks, number) for number in range(4)]
    threads = [threading.Thread(target=one.work, args=(0.6,)) for one in busy]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [failure for one in busy for failure in one.failed] == []
    left = rows(database)
    gone = {r["conversation_id"] for r in left["forgotten"]}
    assert gone
    assert not gone & {r["id"] for r in left["conversations"]}


def test_a_row_has_a_field_for_all_that_changes():
    assert set(ANSWER_FIELDS) <= set(messages.c.keys())


@pytest.mark.parametrize("count", [15, 16, 17, 40])
def test_of_many_turns_at_once_only_what_is_not_there_is_added(database, count):
    talks = [Talk() for _ in range(count)]
    turns = [item for talk in talks for item in talk.turn("Which tea?", "Green.")]
    third = [item for talk in talks[::3] for item in talk.turn("And milk?", "None.")]
    save(database, turns[: len(turns) // 2])
    save(database, turns + third)
    once = rows(database, *talks)
    save(database, turns + third)
    assert rows(database, *talks) == once
    assert len(once["conversations"]) == count
    assert len(once["messages"]) == 2 * (count + len(talks[::3]))
    assert {row["content"] for row in once["messages"]} == {
        "Which tea?", "Green.", "And milk?", "None.",
    }  # fmt: skip


def test_many_insertions_say_how_many_were_new(database):
    rows = [{"name": f"n{number}", "value": number} for number in range(40)]
    assert database.run(lambda c: insert_new(c, meta, rows[10:35]), write=True) == 25
    assert database.run(lambda c: insert_new(c, meta, rows), write=True) == 15

"""What is saved of turns: however it is cut into batches, and whatever of it is done twice, the rows are the same."""

from __future__ import annotations

import json
import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.store.conversations import ConversationStore
from chatbot.store.database import StoreAway
from chatbot.store.saved import (
    ANSWER_FIELDS,
    Begin,
    Change,
    as_dict,
    conversation_of,
    from_dict,
    leave_out_forgotten,
)
from chatbot.store.tables import messages
from tests.store.turns import ANY, HERS, Talk, rows, said, save, saved_talk

EACH_DATABASE = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
        # Turns of one conversation begin in their order, and go on beside one another.
        begun = {conversation_of(item) for item in items}
        ready = [
            t for t in threads
            if isinstance(t[0], Change) or not t[0].new or conversation_of(t[0]) not in begun
        ]  # fmt: skip
        ready = [
            t for t in ready
            if isinstance(t[0], Change) or t[0].new or conversation_of(t[0]) in begun
        ]  # fmt: skip
        chosen = draw(st.sampled_from(ready))
        items.append(chosen.pop(0))
        threads = [t for t in threads if t]
    return talks, items


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
    engine = database._connected()
    from sqlalchemy import event

    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    save(database, items)
    written = [s for s in statements if not s.startswith(("BEGIN", "SELECT"))]
    assert [s for s in written if "messages" in s and not s.startswith("INSERT")] == []
    assert said(database, talk) == [("user", "Which tea?", "whole"), ("assistant", "Green.", "whole")]


def test_a_begin_of_a_conversation_that_is_not_there_is_left_out(database):
    talk = Talk()
    talk.begin()
    going_on = talk.begin()
    save(database, [going_on, *saved_talk_items()])
    assert rows(database, talk)["messages"] == []


def saved_talk_items():
    return Talk().turn()


def test_a_forgotten_conversation_is_left_out_of_what_comes_late(database):
    talk, stays = Talk(), Talk()
    items, others = talk.turn(), stays.turn()
    save(database, [*items, *others])
    ConversationStore(database).forget(ANY, talk.id)
    kept = database.run(lambda connection: leave_out_forgotten(connection, [*items, *others]))
    assert kept == others


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
MAPS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(
    st.builds(Begin, MAPS, MAPS, MAPS, st.booleans()) | st.builds(Change, st.text(), st.text(), MAPS)
)
def test_an_item_comes_back_from_json_as_it_was(item):
    assert from_dict(json.loads(json.dumps(as_dict(item)))) == item


def test_writers_and_deletions_do_not_stand_in_each_others_way(open_database, database, database_url):
    """Two that lock the same rows in different orders would have one of them fail."""
    talks = [saved_talk(database) for _ in range(3)]
    until, away = time.monotonic() + 1.0, []

    def work(number):
        chance, mine = random.Random(number), open_database(database_url)
        store = ConversationStore(mine)
        while time.monotonic() < until:
            talk = chance.choice(talks)
            try:
                what = chance.random()
                if what < 0.1:
                    store.forget(HERS, talk.id)
                elif what < 0.2:
                    store.sweep()
                elif what < 0.4:
                    store.rate(ANY, f"a{talk.id}_1", chance.choice([0, 1]), "")
                elif what < 0.5:
                    save(mine, [i for t in talks for i in (Begin(t.row, *PAIRS[t.id], True),)])
                else:
                    some = [i for t in talks for i in ends[t.id]]
                    save(mine, chance.sample(some, len(some)))
            except StoreAway as error:
                away.append(str(error))
            except Exception as error:
                away.append(repr(error))

    PAIRS, ends = {}, {}
    for talk in talks:
        begun = talk.begin(new=True)
        PAIRS[talk.id] = (begun.question, begun.answer)
        ends[talk.id] = [talk.grow(begun, "Gr"), talk.begin(new=True), talk.begin(new=False)]
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert away == []


def test_a_row_has_a_field_for_all_that_changes():
    assert set(ANSWER_FIELDS) <= set(messages.c.keys())

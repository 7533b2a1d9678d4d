"""A turn on its way into the database: begun, grown, and ended as it ended, with texts that it takes."""

from __future__ import annotations

import json
import time

import pytest

from chatbot.chat import saving
from chatbot.chat.saving import Saving, title_of
from chatbot.core.secret import Secret
from chatbot.core.text import storable
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.relay.record import Record
from chatbot.store.conversations import ConversationStore, Scope
from chatbot.store.database import Database
from chatbot.store.saved import ANSWER_FIELDS, Begin, Change
from chatbot.store.spool import Spool
from chatbot.store.writer import Writer

ODD = "a\0b \ud800 \ud83c\udf75 ü \udfff"
KEPT = "a\ufffdb \ufffd 🍵 ü \ufffd"


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.items: list = []
        self.followed: dict = {}

    def put(self, item) -> None:
        self.items.append(item)

    def follow(self, answer_id, progress) -> None:
        self.followed[answer_id] = progress

    def leave(self, answer_id) -> None:
        self.followed.pop(answer_id, None)


def conversation(title: str) -> dict:
    at = time.time()
    return {
        "id": "c" * 32, "bot_id": "shop", "owner": "s:1", "title": title, "created_at": at,
        "updated_at": at, "expires_at": at + 99,
    }  # fmt: skip


class Turn:
    """One turn with a clock that the test sets, and a reader that it feeds."""

    def __init__(self, writer, title: str = "Title") -> None:
        self.writer = writer
        self.reader = AnswerReader(wants_usage=True)
        self.record = Record(request_id="req_1", asked="m", model="m")
        self.saving = Saving(writer, conversation(title), new=True)

    def begin(self, question: str = "Question") -> Turn:
        self.saving.begin(question, self.record, lambda: self.reader)
        return self

    def say(self, text: str, model: str = "m-1") -> None:
        chunk = {"model": model, "choices": [{"index": 0, "delta": {"content": text}}]}
        self.reader.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def looked_at(self):
        """What the writer's look has to save."""
        return self.writer.followed[self.saving.answer_id]()


@pytest.fixture
def clock(monkeypatch):
    """Moves the clock that savings look at."""
    at = [1000.0]
    monkeypatch.setattr(saving, "now", lambda: at[0])

    def pass_(seconds: float) -> None:
        at[0] += seconds

    return pass_


@pytest.fixture
def turn(clock):
    return Turn(Kept()).begin()


def test_a_turn_begins_with_its_question_and_an_answer_under_way(turn):
    (begun,) = turn.writer.items
    assert isinstance(begun, Begin)
    assert (begun.question["role"], begun.question["content"], begun.question["state"]) == (
        "user", "Question", "whole",
    )  # fmt: skip
    assert (begun.answer["role"], begun.answer["content"], begun.answer["state"]) == (
        "assistant", "", "running",
    )  # fmt: skip
    assert begun.answer["id"] == turn.saving.answer_id != begun.question["id"]
    assert begun.question["turn"] == begun.answer["turn"]
    assert begun.new


@pytest.mark.parametrize(
    ("ended_by", "said", "state"),
    [
        ("upstream", "Text", "whole"), ("upstream", "", "whole"), ("client", "Text", "stopped"),
        ("client", "", "stopped"), ("server", "Text", "incomplete"), ("server", "", "failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_is_kept_as_it_ended(turn, ended_by, said, state, streamed):
    if streamed and said:
        turn.say(said)
    turn.record.ended_by, turn.record.code = ended_by, "some_code"
    turn.record.provider, turn.record.usage = "p", {"prompt_tokens": 3, "completion_tokens": 4}
    turn.saving.end(turn.record, None if streamed else said)
    change = turn.writer.items[-1]
    assert isinstance(change, Change)
    assert set(change.values) == set(ANSWER_FIELDS)
    kept = [change.values[k] for k in ("content", "state", "code", "provider", "input_tokens", "output_tokens")]  # fmt: skip
    assert kept == [said, state, "some_code", "p", 3, 4]


def test_an_end_is_kept_once_and_is_looked_at_no_longer(turn):
    look = turn.writer.followed[turn.saving.answer_id]
    for _ in range(2):
        turn.saving.end(turn.record)
    assert len(turn.writer.items) == 2
    assert turn.writer.followed == {}
    assert look() is None


def test_a_turn_that_never_began_has_no_end(clock):
    turn = Turn(Kept())
    turn.saving.end(turn.record)
    assert turn.writer.items == []


def test_times_are_those_since_the_requests_start(turn, clock):
    turn.record.started, turn.record.first_token = 900.0, 950.0
    turn.saving.end(turn.record)
    values = turn.writer.items[-1].values
    assert (values["first_token_seconds"], values["total_seconds"]) == (50.0, 100.0)


@pytest.mark.parametrize("count", [-1, 2**31, 1.5, "7", True, None, [7]])
def test_a_count_of_tokens_that_is_none_is_not_kept(turn, count):
    turn.record.usage = {"prompt_tokens": count}
    turn.saving.end(turn.record)
    assert turn.writer.items[-1].values["input_tokens"] is None


def test_an_answer_that_grows_is_saved_after_a_second_and_then_by_fifths(turn, clock):
    turn.say("x" * 100)
    assert turn.looked_at() is None
    clock(1)
    grown = turn.looked_at()
    assert (grown.values["content"], grown.values["state"]) == ("x" * 100, "running")
    assert grown.values["model"] == "m-1"
    assert turn.looked_at() is None
    clock(1)
    turn.say("x" * 20)
    assert turn.looked_at() is None
    turn.say("x")
    assert len(turn.looked_at().values["content"]) == 121


def test_a_quiet_answer_is_touched_so_that_it_counts_as_alive(turn, clock):
    clock(4.5)
    assert turn.looked_at() is None
    clock(0.5)
    first = turn.looked_at()
    assert (first.values["content"], first.values["state"]) == ("", "running")
    assert turn.looked_at() is None
    clock(5)
    assert turn.looked_at().values["updated_at"] >= first.values["updated_at"]


def test_an_answer_that_is_read_again_for_a_splice_does_not_shrink(turn, clock):
    turn.say("x" * 100)
    clock(1)
    assert turn.looked_at()
    turn.reader = AnswerReader(wants_usage=True)
    turn.say("y" * 50)
    clock(9)
    assert turn.looked_at() is None
    turn.say("y" * 50)
    assert turn.looked_at().values["content"] == "y" * 100


def test_all_savings_of_one_answer_are_within_a_few_times_its_length(turn, clock):
    written = 0
    for _ in range(300):
        turn.say("x" * 10)
        clock(0.1)
        item = turn.looked_at()
        written += len(item.values["content"]) if item else 0
    assert written < 10 * turn.reader.text_size


@pytest.fixture
def database(database_url, tmp_path):
    found = Database(Secret(database_url), tmp_path)
    found.prepare()
    yield found
    found.close()


def test_whatever_people_and_models_write_can_be_stored(database, tmp_path, clock):
    writer, store = Writer(database, Spool(tmp_path / "spool")), ConversationStore(database)
    turn = Turn(writer, title_of(ODD)).begin(ODD)
    writer.flush()
    turn.say(ODD, model=ODD)
    turn.record.ended_by, turn.record.model = "upstream", ODD
    clock(1)
    writer.close()
    assert store.whole(Scope("shop", "s:1"), "c" * 32).messages[1]["content"] == KEPT
    turn.saving.end(turn.record)
    writer.flush()
    scope = Scope("shop", "s:1")
    kept = store.whole(scope, "c" * 32)
    question, answer = kept.messages
    assert (kept.title, question["content"]) == (KEPT, KEPT)
    assert (answer["content"], answer["model"], answer["state"]) == (KEPT, KEPT, "whole")
    assert (writer.lost, writer.is_away) == (0, False)
    store.forget(scope)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", ""), ("plain", "plain"), (ODD, KEPT), ("\0", "\ufffd"), ("\ufeffx", "\ufeffx"),
     ("\ud83c\udf75", "🍵"), ("\udf75\ud83c", "\ufffd\ufffd"), ("🍵\r\n\t", "🍵\r\n\t")],
)  # fmt: skip
def test_what_no_database_takes_is_marked_and_the_rest_is_kept(text, kept):
    assert storable(text) == kept
    assert storable(kept) == kept


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Hi", "Hi"), ("  a\n\n b\tc\u2028d ", "a b c d"), ("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…"),
        ("🍵" * 99, "🍵" * 79 + "…"), ("a\0\ud800", "a\ufffd\ufffd"), ("", ""),
    ],
)  # fmt: skip
def test_a_title_is_the_beginning_of_the_question_on_one_line(question, title):
    assert title_of(question) == title

"""The writer: what was put down is saved, at once or later, once and whole; and nobody waits for it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from sqlalchemy import event

from chatbot.store import writer as module
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import StoreAway
from chatbot.store.saved import Begin, Change
from chatbot.store.spool import Spool
from tests.server import ROOT, wait_for
from tests.store.processes import UnderGevent
from tests.store.turns import HERS, Talk, rows, said, saved_talk

WHOLE = [("user", "Which tea?", "whole"), ("assistant", "Green.", "whole")]


def put(writer, items):
    for item in items:
        writer.put(item)


def events(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "chatbot"]


@pytest.mark.usefixtures("quick")
def test_what_is_put_down_is_saved(make_writer, database):
    writer, talk = make_writer(), Talk()
    writer.start()
    put(writer, talk.turn())
    wait_for(lambda: said(database, talk) == WHOLE)


def test_what_comes_within_a_moment_is_one_transaction(make_writer, database):
    writer, talks, commits = make_writer(), [Talk() for _ in range(50)], []
    event.listen(database._connected(), "commit", commits.append)
    for talk in talks:
        put(writer, talk.turn())
    writer.flush()
    assert len(commits) == 1
    assert all(said(database, talk) == WHOLE for talk in talks)


def test_more_than_one_batch(make_writer, database, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    writer, talks = make_writer(), [Talk() for _ in range(5)]
    for talk in talks:
        put(writer, talk.turn())
    writer.flush()
    assert all(said(database, talk) == WHOLE for talk in talks)


def test_behind_a_busy_moment_more_is_gathered_and_behind_a_quiet_one_as_little_as_ever(
    make_writer, monkeypatch
):
    writer, lingered = make_writer(), []
    # Of the writer alone: others sleep meanwhile.
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lingered.append))
    for talks in (1, module.BUSY_ITEMS, 1, 1):
        for _ in range(talks):
            put(writer, Talk().turn())
        writer._work()
    usual, longer = module.LINGER_SECONDS, module.BUSY_LINGER_SECONDS
    assert [s for s in lingered if s] == [usual, usual, longer, usual]


def test_settling_makes_what_was_put_down_visible(make_writer, database):
    writer, talk, other = make_writer(), Talk(), Talk()
    begun = other.begin()
    put(writer, [*talk.turn(), begun])
    writer.settle("0" * 32)
    assert said(database, talk) == []
    writer.settle(talk.id)
    assert said(database, talk) == WHOLE
    writer.put(other.end(begun, "Green."))
    writer.settle(other.id)
    assert said(database, other) == WHOLE


def test_settling_waits_for_what_is_being_saved(make_writer, database):
    writer, talk, begun, go_on = make_writer(), Talk(), threading.Event(), threading.Event()
    run = database.run

    def slow(*args, **options):
        begun.set()
        go_on.wait(10)
        return run(*args, **options)

    database.run = slow
    put(writer, talk.turn())
    saver = threading.Thread(target=writer.flush)
    saver.start()
    begun.wait(10)
    seen = []
    settler = threading.Thread(
        target=lambda: (writer.settle(talk.id), seen.append(said(database, talk)))
    )
    settler.start()
    threading.Timer(0.05, go_on.set).start()
    settler.join()
    saver.join()
    assert seen == [WHOLE]


def test_nothing_that_threads_put_down_at_the_same_time_is_lost(make_writer, database):
    writer, talks = make_writer(), [[Talk() for _ in range(150)] for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda mine=mine: [put(writer, t.turn()) for t in mine])
            for mine in talks
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            writer.flush()
        writer.flush()
    finally:
        sys.setswitchinterval(before)
    assert len(rows(database)["messages"]) == 4 * 150 * 2


# An answer that grows


class Growing:
    """An answer under way, as the writer looks at it."""

    def __init__(self, writer) -> None:
        self.talk = Talk()
        self.begun = self.talk.begin()
        self.text, self.looked = "", 0
        writer.put(self.begun)
        writer.follow(str(self.begun.answer["id"]), self.progress)

    def progress(self) -> Change | None:
        self.looked += 1
        return self.talk.grow(self.begun, self.text) if self.text else None


@pytest.mark.usefixtures("quick")
def test_an_answer_is_saved_as_it_grows(make_writer, database):
    writer = make_writer()
    growing = Growing(writer)
    writer.start()
    wait_for(lambda: growing.looked > 1)
    for text in ("Gr", "Green."):
        growing.text = text
        wait_for(
            lambda text=text: said(database, growing.talk)[1:] == [("assistant", text, "running")]
        )
    writer.leave(str(growing.begun.answer["id"]))
    writer.leave(str(growing.begun.answer["id"]))
    writer.put(growing.talk.end(growing.begun, "Green!"))
    wait_for(lambda: said(database, growing.talk)[1] == ("assistant", "Green!", "whole"))
    looked = growing.looked
    put(writer, (talk := Talk()).turn())
    wait_for(lambda: said(database, talk) == WHOLE)
    assert growing.looked == looked


def test_closing_saves_answers_under_way(make_writer, database):
    writer = make_writer()
    growing = Growing(writer)
    growing.text = "Gre"
    writer.close()
    assert said(database, growing.talk)[1] == ("assistant", "Gre", "running")


def test_an_answer_that_cannot_be_looked_at_takes_no_other_along(make_writer, database, caplog):
    writer = make_writer()
    broken, growing = Growing(writer), Growing(writer)
    broken.text = growing.text = "Gre"
    broken.talk = None
    writer.close()
    assert said(database, growing.talk)[1] == ("assistant", "Gre", "running")
    assert "crash" in events(caplog)


# A database that is away


def test_what_is_put_down_meanwhile_waits_in_files(make_writer, outage, spool_folder, caplog):
    writer = make_writer()
    with outage.during():
        for _ in range(3):
            put(writer, Talk().turn())
            writer.flush()
        assert writer.is_away
        (file,) = spool_folder.iterdir()
        assert len(file.read_text().splitlines()) == 6
    assert writer.lost == 0
    assert events(caplog) == ["database_away"]


@pytest.mark.usefixtures("quick")
def test_nothing_is_lost_while_it_is_away(make_writer, outage, database, caplog):
    caplog.set_level(logging.INFO, "chatbot")
    writer, before, talks = make_writer(), Talk(), [Talk() for _ in range(20)]
    begun = before.begin()
    writer.start()
    writer.put(begun)
    wait_for(lambda: len(said(database, before)) == 2)
    with outage.during():
        writer.put(before.end(begun, "Green."))
        for talk in talks[:10]:
            put(writer, talk.turn())
        wait_for(lambda: writer.is_away and writer._spool.files())
        for talk in talks[10:]:
            put(writer, talk.turn())
    wait_for(lambda: not writer.is_away)
    for talk in (before, *talks):
        wait_for(lambda talk=talk: said(database, talk) == WHOLE)
    wait_for(lambda: writer._spool.files() == [])
    assert events(caplog)[0] == "database_away"
    assert "database_back" in events(caplog)


@pytest.mark.parametrize("cut", [1, 2, 3])
@pytest.mark.usefixtures("quick")
def test_an_end_does_not_overtake_its_begin(make_writer, outage, database, cut):
    """Where the begin waits in a file, its end must not find an empty table before it."""
    writer, talk = make_writer(), Talk()
    begun = talk.begin()
    items = [begun, talk.grow(begun, "Gr"), talk.end(begun, "Green.")]
    with outage.during():
        for item in items[:cut]:
            writer.put(item)
            writer.flush()
        assert writer.is_away
    for item in items[cut:]:
        writer.put(item)
        writer.flush()
    writer.start()
    wait_for(lambda: said(database, talk) == WHOLE)


def test_a_begin_whose_fate_is_unknown_is_done_twice_and_keeps_its_end(make_writer, database):
    """The database took it and the answer got lost on the way: it is spooled though it is there."""
    writer, talk, run = make_writer(), Talk(), database.run
    begun = talk.begin()

    def lose_the_answer(*args, **options):
        run(*args, **options)
        raise StoreAway("TimeoutError")

    database.run = lose_the_answer
    put(writer, [begun])
    writer.flush()
    database.run = run
    put(writer, [talk.end(begun, "Green.")])
    writer.flush()
    assert said(database, talk)[1] == ("assistant", "", "running")
    writer._away_until = 0.001
    with writer._turn_lock:
        writer._play_back()
    assert said(database, talk) == WHOLE


def test_settling_what_waits_in_a_file(make_writer, outage, database, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    writer, talk = make_writer(), Talk()
    with outage.during():
        put(writer, talk.turn())
        with pytest.raises(StoreAway):
            writer.settle(talk.id)
        with pytest.raises(StoreAway):
            writer.settle(talk.id)
        writer.settle("0" * 32)

    def settled():
        try:
            writer.settle(talk.id)
        except StoreAway:
            return False
        return True

    wait_for(settled)
    assert said(database, talk) == WHOLE


def test_what_another_process_has_spooled_is_waited_for(make_writer, outage, database):
    """It may be the beginning of what is to be gone on with: nobody here knows."""
    other, writer, talk = make_writer(), make_writer(), Talk()
    with outage.during():
        put(other, talk.turn())
        other.flush()
    with pytest.raises(StoreAway):
        writer.settle(talk.id)  # the other is alive, and its file is its own
    other._spool._release()
    writer.settle(talk.id)
    assert said(database, talk) == WHOLE


def test_closing_while_it_is_away_keeps_answers_under_way(make_writer, outage, database):
    writer = make_writer()
    growing = Growing(writer)
    growing.text = "Gre"
    with outage.during():
        writer.close()
    writer._spool._release()
    again = make_writer()
    with again._turn_lock:
        again._play_back()
    assert said(database, growing.talk)[1] == ("assistant", "Gre", "running")


DIES = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from chatbot.core.secret import Secret
from chatbot.store import database as module
from chatbot.store.database import Database
from chatbot.store.spool import Spool
from chatbot.store.writer import Writer
from tests.store.turns import Talk
module._BUSY_MS = 20
writer = Writer(Database(Secret(sys.argv[1]), Path(sys.argv[2])), Spool(Path(sys.argv[2]) / "spool"))
talk = Talk()
for item in talk.turn():
    writer.put(item)
    writer.flush()
print(writer.is_away, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("quick")
def test_what_a_killed_process_left_is_saved_by_another(
    make_writer, outage, database, database_url, tmp_path
):
    with outage.during():
        command = [sys.executable, "-c", DIES, database_url, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "True\n"), done.stderr
    writer = make_writer()
    writer.start()
    wait_for(lambda: len(rows(database)["messages"]) == 2)
    wait_for(lambda: writer._spool.files() == [])
    assert {r["content"] for r in rows(database)["messages"]} == {"Which tea?", "Green."}


@pytest.mark.usefixtures("quick")
def test_what_a_living_process_holds_is_left_to_it(make_writer, database, spool_folder):
    living, talk, other = Spool(spool_folder), Talk(), Talk()
    living.append(talk.turn())
    writer = make_writer()
    writer.start()
    put(writer, other.turn())
    wait_for(lambda: said(database, other) == WHOLE)
    assert said(database, talk) == []
    living._release()
    wait_for(lambda: said(database, talk) == WHOLE)


@pytest.mark.parametrize("database_url", ["PostgreSQL"], indirect=True)
def test_putting_down_never_waits(make_writer, database, postgresql_server):
    writer, talk = make_writer(), Talk()
    saved_talk(database)
    postgresql_server.freeze()
    writer.start()
    begun = time.monotonic()
    for _ in range(200):
        put(writer, Talk().turn())
    put(writer, talk.turn())
    assert time.monotonic() - begun < 1
    postgresql_server.thaw()
    wait_for(lambda: said(database, talk) == WHOLE)
    assert len(rows(database)["messages"]) == 2 * 202


UNDER_GEVENT = """
from chatbot.store import writer as module
from chatbot.store.spool import Spool
from tests.store.turns import Talk
module.LOOK_SECONDS, module.LINGER_SECONDS, module.WRITE_LIMIT_SECONDS = 0.05, 0.01, 0.3
database.prepare()
writer = module.Writer(database, Spool(Path(sys.argv[2]) / "spool"))
writer.start()

def turn():
    for item in Talk().turn():
        writer.put(item)
        gevent.sleep(0.01)

turn()
writer.flush()
say("saved")
heard()
gaps.clear()
while not writer.is_away:
    turn()
for _ in range(10):
    turn()
say("away", max(gaps) < 0.2)
heard()
turn()
while writer.is_away:
    gevent.sleep(0.01)
say("back", max(gaps) < 0.2)
turn()
writer.close()
say("lost", writer.lost)
database.close()
"""


def test_under_gevent_nobody_waits_for_the_writer_and_nothing_is_lost(
    database, outage, postgresql_server, database_url, tmp_path
):
    with UnderGevent(UNDER_GEVENT, database_url, tmp_path) as process:
        assert process.line() == "saved"
        if database.is_sqlite:
            outage.begin()
        else:
            postgresql_server.freeze()
        process.tell()
        assert process.line() == "away True"
        process.tell()
        if database.is_sqlite:
            outage.end()
        else:
            postgresql_server.thaw()
        assert process.line() == "back True"
        out, _ = process.rest()
    assert out == "lost 0"
    found = rows(database)
    assert len(found["conversations"]) >= 13
    assert len(found["messages"]) == 2 * len(found["conversations"])
    assert {r["state"] for r in found["messages"]} == {"whole"}


# What can't be saved


@pytest.mark.parametrize("blocked", ["a file in its place", "a folder that is gone for good"])
def test_where_nothing_can_be_kept_it_is_counted_and_said(
    make_writer, outage, spool_folder, caplog, monkeypatch, blocked
):
    writer = make_writer()
    if blocked == "a file in its place":
        spool_folder.write_text("")
    else:
        monkeypatch.setattr(os, "open", _no_space)
    with outage.during():
        put(writer, Talk().turn())
        writer.flush()
        put(writer, Talk().turn())
        writer.flush()
        monkeypatch.undo()
    assert writer.lost == 4
    said = [r.fields for r in caplog.records if r.getMessage() == "not_saved"]
    assert [fields["items"] for fields in said] == [2, 2]
    assert all(fields["reason"].endswith("Error") for fields in said)


def _no_space(*_, **__):
    raise OSError(28, "No space left on device")


def refused(talk: Talk, how: str) -> list:
    """A turn that the database refuses: put down by hand, since what is said is made storable before."""
    begun, end = talk.turn("what somebody said", "an answer")
    if how == "NUL":  # which SQLite takes
        question = {**begun.question, "content": "what somebody said\0", "id": "\ud83c"}
    elif how == "half a surrogate pair":
        question = {**begun.question, "content": "what somebody said\ud83c"}
    else:
        question = {**begun.question, "turn": 2**70}
    return [Begin(begun.conversation, question, begun.answer, True), end]


@pytest.mark.parametrize("how", ["NUL", "half a surrogate pair", "a number that is too large"])
def test_what_is_refused_loses_itself_alone(make_writer, database, how, caplog):
    writer, before, after = make_writer(), Talk(), Talk()
    put(writer, [*before.turn(), *refused(Talk(), how), *after.turn()])
    writer.flush()
    assert said(database, before) == said(database, after) == WHOLE
    assert len(rows(database)["messages"]) == 4
    assert writer.lost == 1
    assert not writer.is_away
    assert events(caplog).count("not_saved") == 1
    assert "what somebody said" not in caplog.text


@pytest.mark.usefixtures("quick")
def test_what_is_refused_holds_up_nothing_in_the_spool(make_writer, outage, database):
    writer, before, after = make_writer(), Talk(), Talk()
    bad = refused(Talk(), "a number that is too large")
    with outage.during():
        put(writer, [*before.turn(), *bad, *after.turn()])
        writer.flush()
    writer.start()
    wait_for(lambda: said(database, after) == WHOLE)
    assert said(database, before) == WHOLE
    wait_for(lambda: writer._spool.files() == [])
    assert writer.lost == 1


# What is deleted


def test_a_conversation_that_is_deleted_under_way_stays_deleted(make_writer, database):
    writer, store, talk = make_writer(), ConversationStore(database), Talk()
    begun = talk.begin()
    put(writer, [begun, talk.grow(begun, "Gr")])
    writer.flush()
    assert store.forget(HERS, talk.id).messages == 2
    put(writer, [talk.grow(begun, "Gree"), talk.end(begun, "Green."), talk.begin(), begun])
    writer.flush()
    assert writer.lost == 0
    left = rows(database)
    assert left["conversations"] == left["messages"] == []


@pytest.mark.usefixtures("quick")
def test_a_conversation_that_is_deleted_does_not_come_back_from_a_file(
    make_writer, database, spool_folder
):
    talk, stays, left_behind = Talk(), Talk(), Spool(spool_folder)
    items = talk.turn()
    writer, store = make_writer(), ConversationStore(database)
    put(writer, items)
    writer.flush()
    left_behind.append([*items, *stays.turn(), *talk.turn()])
    assert store.forget(HERS, talk.id).conversations == 1
    left_behind._release()
    writer.start()
    wait_for(lambda: said(database, stays) == WHOLE)
    assert [r["id"] for r in rows(database)["conversations"]] == [stays.id]
    assert {r["conversation_id"] for r in rows(database)["messages"]} == {stays.id}


def test_a_conversation_that_is_deleted_while_a_file_is_played_back(
    make_writer, database, other, spool_folder
):
    talk, left_behind = Talk(), Spool(spool_folder)
    items = talk.turn()
    writer = make_writer()
    put(writer, items)
    writer.flush()
    left_behind.append(items)
    left_behind._release()
    deleting = threading.Thread(target=lambda: ConversationStore(other).forget(HERS, talk.id))

    def delete_now(connection, cursor, statement, *_):
        if "forgotten" in statement and deleting.ident is None:
            deleting.start()
            deleting.join(0.2)

    event.listen(database._connected(), "after_cursor_execute", delete_now)
    with writer._turn_lock:
        writer._play_back()
    deleting.join()
    left = rows(database)
    assert left["conversations"] == left["messages"] == []
    assert [r["conversation_id"] for r in left["forgotten"]] == [talk.id]

"""A database that is away: one kind of error, in bounded time, and nothing else waits meanwhile."""

from __future__ import annotations

import sqlite3
import time

import pytest
from sqlalchemy import insert, text

from chatbot.store.database import LIMIT_SECONDS, Database, StoreAway
from chatbot.store.tables import meta
from tests.store.processes import UnderGevent
from tests.store.turns import rows, saved_talk

ASK = text("SELECT 1")


def ask(database: Database) -> int:
    return database.run(lambda connection: connection.execute(ASK).scalar())


def write(database: Database, name: str) -> None:
    database.run(lambda c: c.execute(insert(meta).values(name=name, value=1)), write=True)


def test_a_database_that_is_away_says_so_and_is_there_again(database, outage):
    write(database, "before")
    with outage.during():
        for _ in range(2):
            before = time.monotonic()
            with pytest.raises(StoreAway) as away:
                write(database, "meanwhile")
            assert time.monotonic() - before < LIMIT_SECONDS
            assert str(away.value) == "OperationalError"
    write(database, "after")
    found = rows(database)
    assert found["conversations"] == []


def test_preparing_a_database_that_is_away(database, outage):
    with outage.during(), pytest.raises(StoreAway):
        database.prepare()
    database.prepare()


def test_the_first_question_after_a_restart_just_works(open_database, postgresql_server):
    database = open_database(postgresql_server.new_database())
    database.prepare()
    for _ in range(3):
        assert ask(database) == 1
        postgresql_server.stop()
        postgresql_server.start()
    assert ask(database) == 1


def test_a_connection_that_was_cut_is_made_anew(open_database, postgresql_server):
    url = postgresql_server.new_database()
    database, operator = open_database(url), open_database(url)
    assert ask(database) == 1
    cut = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert operator.run(lambda connection: connection.execute(cut).scalar()) == 1
    assert ask(database) == 1


def test_a_database_that_is_gone_for_good_is_away(open_database, postgresql_server):
    url = postgresql_server.new_database() + "x"
    with pytest.raises(StoreAway):
        ask(open_database(url))


def test_a_database_without_its_tables_is_away(open_database, database_url, tmp_path):
    database = open_database(database_url)
    with pytest.raises(StoreAway):
        saved_talk(database)


def test_a_file_that_is_no_database_is_away(open_database, tmp_path):
    (tmp_path / "chatbot.db").write_bytes(b"no database at all" * 1000)
    database = open_database("")
    with pytest.raises(StoreAway):
        database.prepare()
    with pytest.raises(StoreAway):
        ask(database)


FROZEN = """
from sqlalchemy import text

def ask(limit=0.3):
    return database.run(lambda c: c.execute(text("SELECT 1")).scalar(), limit=limit)

assert ask(limit=10) == 1
say("asked")
heard()
gaps.clear()
for _ in range(2):  # on the old connection, and on a new one
    before = time.perf_counter()
    try:
        ask()
    except StoreAway as away:
        say(away, time.perf_counter() - before < 1)
    else:
        say("no error")
say("gap", max(gaps) < 0.2, len(gaps) > 40)
heard()
while True:
    try:
        say(ask())
        break
    except StoreAway:
        pass
say("gap", max(gaps) < 0.2)
database.close()
"""


def test_a_frozen_server_holds_up_nobody_else(postgresql_server, tmp_path):
    with UnderGevent(FROZEN, postgresql_server.new_database(), tmp_path) as process:
        assert process.line() == "asked"
        postgresql_server.freeze()
        process.tell()
        assert [process.line(), process.line()] == ["TimeoutError True"] * 2
        assert process.line() == "gap True True"
        postgresql_server.thaw()
        process.tell()
        assert process.rest() == ("1\ngap True", "")


SLOW = """
from sqlalchemy import text

def ask(seconds, limit=20):
    return database.run(lambda c: c.execute(text(f"SELECT pg_sleep({seconds})")).rowcount, limit=limit)

try:
    ask(20, limit=0.3)
except StoreAway as away:
    say(away)
say(ask(0))
from gevent.pool import Pool
say(len([g for g in Pool(20).imap_unordered(lambda _: ask(0.02), range(100))]))

class Mine(gevent.Timeout):
    pass

try:
    with Mine(0.1):
        ask(20)
except Mine:
    say("the caller's own time")
say("gap", max(gaps) < 0.5)
database.close()
"""


def test_a_slow_statement_ends_in_its_time_and_leaves_the_connections_usable(
    postgresql_server, tmp_path
):
    with UnderGevent(SLOW, postgresql_server.new_database(), tmp_path) as process:
        assert process.rest() == ("TimeoutError\n1\n100\nthe caller's own time\ngap True", "")


HELD = """
import socket
from contextlib import suppress
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

server = make_url(sys.argv[1])
come, held_at, let_go = 0, None, Event()

def pass_on(answers, client):
    "What PostgreSQL answers; from one answer on nothing, until it is let go."
    global come
    while piece := answers.recv(65536):
        come += 1
        if held_at is not None and come > held_at:
            let_go.wait()
        client.sendall(piece)

def between(client, _):
    with suppress(OSError), socket.socket(socket.AF_UNIX) as answers:
        answers.connect(server.query["host"] + "/.s.PGSQL." + str(server.query.get("port", 5432)))
        gevent.spawn(questions, client, answers)
        pass_on(answers, client)

def questions(client, answers):
    with suppress(OSError):
        while piece := client.recv(65536):
            answers.sendall(piece)
        answers.shutdown(socket.SHUT_WR)

front = StreamServer(("127.0.0.1", 0), between)
front.start()
there = server.set(host="127.0.0.1", port=front.server_port, query={"sslmode": "disable"})

def opened():
    return Database(Secret(there.render_as_string(hide_password=False)), Path(sys.argv[2]))

def ask(database, number, limit=20):
    return database.run(lambda c: c.execute(text(f"SELECT {number}")).scalar(), limit=limit)

def answers_of(database):
    "How many answers a question takes that nothing holds up."
    global come, held_at
    come, held_at = 0, None
    assert ask(database, 1) == 1
    return come

def held_up(database, at):
    global come, held_at
    come, held_at = 0, at
    let_go.clear()
    try:
        ask(database, 1, limit=0.1)
    except StoreAway as away:
        assert str(away) == "TimeoutError", away
    held_at = None
    let_go.set()
    assert Pool(8).map(lambda number: ask(database, number), range(16)) == list(range(16)), at
    assert database._engine.pool.checkedout() == 0, at

first = opened()
anew, again = answers_of(first), answers_of(first)
say("answers", anew > again > 1)
for at in range(again):
    held_up(first, at)
first.close()
for at in range(anew):
    another = opened()
    held_up(another, at)
    another.close()
say("ended")
database.close()
"""


def test_a_question_that_its_time_ends_at_any_answer_of_the_server_leaves_nothing_behind(
    postgresql_server, tmp_path
):
    """While it connects, begins, asks or ends: what comes late is read by nobody, and said to nobody."""
    with UnderGevent(HELD, postgresql_server.new_database(), tmp_path) as process:
        assert process.rest() == ("answers True\nended", "")


LOCKED = """
from chatbot.store.tables import meta

def write(name, limit):
    change = meta.insert().values(name=name, value=1)
    database.run(lambda c: c.execute(change), write=True, limit=limit)

database.prepare()
say("prepared")
heard()
gaps.clear()
try:
    write("in vain", 0.3)
except StoreAway as away:
    say(away)
say("gap", max(gaps) < 0.2, len(gaps) > 20)
waiting = gevent.spawn(write, "patient", 10)
gevent.sleep(0.05)
say("waits", not waiting.ready())
waiting.get()
say("gap", max(gaps) < 0.2)
database.close()
"""


@pytest.fixture
def locked(tmp_path):
    """Locks SQLite as another process would; gives the function that lets go."""
    held = []

    def lock():
        held.append(sqlite3.connect(tmp_path / "chatbot.db", isolation_level=None))
        held[-1].execute("BEGIN IMMEDIATE")
        return held[-1].close

    yield lock
    for connection in held:
        connection.close()


def test_a_locked_database_holds_up_nobody_else(tmp_path, locked, open_database):
    with UnderGevent(LOCKED, "", tmp_path) as process:
        assert process.line() == "prepared"
        let_go = locked()
        process.tell()
        assert process.line() == "TimeoutError"
        assert process.line() == "gap True True"
        assert process.line() == "waits True"
        let_go()
        assert process.rest() == ("gap True", "")
    database = open_database("")
    names = database.run(lambda connection: connection.execute(meta.select()).all())
    assert "patient" in {row.name for row in names}


PREPARING = """
say("begin")
heard()
gaps.clear()
gevent.spawn_later(0.3, say, "meanwhile")
try:
    database.prepare()
    say("prepared")
except StoreAway:
    say("away")
say("gap", max(gaps, default=9) < 0.2)
database.close()
"""


def test_preparing_a_locked_database_holds_up_nobody_else(tmp_path, locked, open_database):
    open_database("").prepare()
    with UnderGevent(PREPARING, "", tmp_path) as process:
        assert process.line() == "begin"
        let_go = locked()
        process.tell()
        assert process.line() == "meanwhile"
        let_go()
        assert process.rest() == ("prepared\ngap True", "")


CLOSING = """
from chatbot.store import database as module
module._BUSY_MS, module.LIMIT_SECONDS = 600, 0.2
database.prepare()
say("prepared")
heard()

def write():
    try:
        database.run(lambda c: c.exec_driver_sql("SELECT 1"), write=True, limit=0.1)
    except StoreAway:
        say("away")

write()
gaps.clear()
database.close()
say("closed", max(gaps, default=9) < 0.2)
"""


def test_a_locked_database_is_closed_without_an_error(tmp_path, locked):
    with UnderGevent(CLOSING, "", tmp_path) as process:
        assert process.line() == "prepared"
        let_go = locked()
        process.tell()
        assert process.line() == "away"
        assert process.rest() == ("closed True", "")
        let_go()


UNHEARD = """
def fail(c):
    raise LookupError("what somebody said")

for write in (False, True):
    try:
        database.run(fail, write=write)
    except LookupError:
        say("raised")
    try:
        database.run(lambda c: c.exec_driver_sql("no SQL"), write=write)
    except StoreAway:
        say("away")
database.close()
"""


def test_an_error_is_the_callers_and_nothing_is_printed(database_url, tmp_path):
    with UnderGevent(UNHEARD, database_url, tmp_path) as process:
        assert process.rest() == ("raised\naway\nraised\naway", "")

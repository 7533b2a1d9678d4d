"""One database: made once, kept private, asked in transactions."""

from __future__ import annotations

import resource
import stat
import threading
import traceback
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import exc, insert, select, text

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError
from chatbot.store import database as module
from chatbot.store import tables
from chatbot.store.database import Database, StoreAway, revision
from chatbot.store.tables import messages, meta
from tests.store.processes import at_once
from tests.store.turns import Talk, rows, save, saved_talk


def test_tables_are_made_once_by_many_processes_at_the_same_time(
    database_url, open_database, tmp_path
):
    def prepare():
        database = Database(Secret(database_url), tmp_path)
        database.prepare()
        database.close()

    at_once(tmp_path, *[prepare] * 12)
    database = open_database(database_url)
    assert database.run(revision) == tables.REVISION
    version = text("SELECT count(*) FROM alembic_version")
    assert database.run(lambda connection: connection.execute(version).scalar()) == 1


def test_preparing_again_changes_nothing(database):
    saved_talk(database)
    before = rows(database)
    database.prepare()
    assert rows(database) == before


def test_what_fails_is_undone_as_a_whole(database):
    def fail(connection):
        connection.execute(insert(meta).values(name="one", value=1))
        raise LookupError

    with pytest.raises(LookupError):
        database.run(fail, write=True)
    assert database.run(lambda connection: connection.execute(select(meta)).all()) == []


def test_foreign_keys_hold(database):
    begun = Talk().begin()
    with pytest.raises(exc.IntegrityError):
        database.run(lambda c: c.execute(insert(messages).values(dict(begun.question))), write=True)


def test_values_that_are_refused_are_not_quoted(database):
    canary = "what somebody said"
    broken = {**Talk().begin(canary).question, "id": "x" * 41, "conversation_id": None}
    with pytest.raises((exc.IntegrityError, exc.DataError)) as refused:
        database.run(lambda c: c.execute(insert(messages).values(broken)), write=True)
    assert canary not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:pa55word@host/name",
        "sqlite:////tmp/pa55word.db",
        "postgresql:/pa55word",
        "postgresql://user:pa55word@host:port/name",
        "pa55word",
        "://pa55word",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_shown(tmp_path, url):
    with pytest.raises(SettingsError, match="CHATBOT_DATABASE_URL") as refused:
        Database(Secret(url), tmp_path)
    shown = "".join(traceback.format_exception(refused.value))
    assert "pa55word" not in shown.split("Error: ", 1)[-1]
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_way_to_write_postgresqls_address_is_taken(scheme, postgresql_server, open_database):
    url = postgresql_server.new_database().replace("postgresql:", f"{scheme}:")
    database = open_database(url)
    database.prepare()
    assert database.name == "PostgreSQL"


def test_a_host_that_is_not_there_is_away_and_not_shown(open_database):
    url = "postgresql://user:pa55word@127.0.0.1:1/name"
    for ask in (open_database(url).prepare, lambda: open_database(url).run(revision)):
        with pytest.raises(StoreAway) as away:
            ask()
        shown = "".join(traceback.format_exception(away.value))
        assert "pa55word" not in shown
        assert "127.0.0.1" not in str(away.value)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="Give a folder that can be written"):
        Database(Secret(""), tmp_path / "file" / "data").prepare()


@pytest.fixture
def sqlite(open_database):
    database = open_database("")
    database.prepare()
    return database


def test_its_files_are_for_their_owner_alone(sqlite, tmp_path):
    save(sqlite, Talk().turn())
    files = sorted(tmp_path.glob("chatbot.db*"))
    assert [file.name for file in files] == ["chatbot.db", "chatbot.db-shm", "chatbot.db-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("secure_delete", 1), ("synchronous", 1)],
)
def test_sqlite_is_set_up_for_many_processes(sqlite, pragma, value):
    def ask(connection):
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

    assert sqlite.run(ask) == value


def test_a_reader_does_not_wait_for_a_writer(open_database, sqlite):
    other = open_database("")
    talk = saved_talk(sqlite)

    def write(connection):
        connection.execute(insert(meta).values(name="one", value=1))
        return rows(other, talk)

    assert len(sqlite.run(write, write=True)["messages"]) == 2


def test_many_threads_that_begin_together_share_one_engine(database, monkeypatch):
    made, both = [], threading.Barrier(2)
    monkeypatch.setattr(database, "_engine", None)

    def make(*_):
        made.append(1)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        return create(database._url)

    name = "_sqlite" if database.is_sqlite else "_postgresql"
    create = getattr(module, name)
    monkeypatch.setattr(module, name, make)
    ask = partial(database.run, lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_closed_database_stays_closed(database):
    database.close()
    with pytest.raises(StoreAway, match="closed"):
        database.run(revision)
    database.close()


def test_a_full_disk_is_away_for_what_does_not_fit(sqlite):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = Talk().turn(answer="x" * 3_000_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        with pytest.raises(StoreAway, match="OperationalError"):
            save(sqlite, large)
        save(sqlite, Talk().turn())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    save(sqlite, large)
    assert len(rows(sqlite)["messages"]) == 4

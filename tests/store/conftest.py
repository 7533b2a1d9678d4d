"""Both databases, and the stores and writers that work on them."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatbot.store import database as database_module
from chatbot.store import writer as writer_module
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.spool import Spool
from chatbot.store.writer import Writer
from tests.engines import PostgreSQL
from tests.server import wait_for


@pytest.fixture
def store(database):
    return ConversationStore(database)


@pytest.fixture
def directory(database):
    return DirectoryStore(database)


@pytest.fixture
def other(open_database, database_url, database):
    """The same database, opened once more: as another process sees it."""
    return open_database(database_url)


@dataclass
class Outage:
    """Takes a database away and gives it back. SQLite is away where another process holds its lock."""

    database: Database
    server: PostgreSQL | None
    _lock: sqlite3.Connection | None = None

    def begin(self) -> None:
        if self.server is not None:
            self.server.stop()
        else:
            file = self.database._file
            self._lock = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._lock.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        if self.server is not None:
            self.server.start()
        elif self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def during(self):
        self.begin()
        try:
            yield
        finally:
            self.end()


@pytest.fixture
def outage(database, request, monkeypatch):
    """The database can be taken away, and SQLite's lock is waited for for a moment only."""
    monkeypatch.setattr(database_module, "_BUSY_MS", 20)
    server = None if database.is_sqlite else request.getfixturevalue("postgresql_server")
    outage = Outage(database, server)
    yield outage
    outage.end()


@pytest.fixture
def quick(monkeypatch):
    """What the writer looks at each second, it looks at much more often."""
    monkeypatch.setattr(writer_module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(writer_module, "LINGER_SECONDS", 0.002)


@pytest.fixture
def spool_folder(tmp_path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def threads_end(database):
    """Threads that a test began have ended before the database is closed."""
    before = set(threading.enumerate())
    yield
    wait_for(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def make_writer(database, spool_folder, threads_end):
    """Makes writers that save to the database. They work when they are told to, or after `start`."""
    made: list[Writer] = []

    def make() -> Writer:
        made.append(Writer(database, Spool(spool_folder)))
        return made[-1]

    yield make
    for writer in made:
        writer.close()
        with writer._turn_lock:
            writer._spool._release()

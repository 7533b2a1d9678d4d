"""Both databases for any test: fixtures, to be imported where they are wanted.

One PostgreSQL runs as long as the tests do, with a database for each of them. Whoever stops it or freezes it takes
`postgresql_server`, after which it runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatbot.core.secret import Secret
from chatbot.store.database import Database, StoreAway
from tests.engines import PostgreSQL, postgresql

__all__ = ["database", "database_url", "open_database", "postgresql_server", "running_postgresql"]


@pytest.fixture(scope="session")
def running_postgresql() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture
def postgresql_server(running_postgresql: PostgreSQL) -> Iterator[PostgreSQL]:
    """The server, which runs again after the test whatever that has done to it."""
    yield running_postgresql
    running_postgresql.start()
    running_postgresql.thaw()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database, of each kind in turn; as in the settings, SQLite has none."""
    if request.param == "SQLite":
        yield ""
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    url = server.new_database()
    yield url
    server.give_back(url)


@pytest.fixture
def open_database(tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Opens the database at an address (SQLite: in this test's folder), as one more process would."""
    opened: list[Database] = []

    def open_one(url: str) -> Database:
        opened.append(Database(Secret(url), tmp_path))
        return opened[-1]

    yield open_one
    for each in opened:
        with suppress(StoreAway):
            each.close()


@pytest.fixture
def database(open_database: Callable[[str], Database], database_url: str) -> Database:
    """Each kind of database in turn, with its tables."""
    opened = open_database(database_url)
    opened.prepare()
    return opened

"""One database, SQLite or PostgreSQL, asked through one function that never holds up the event loop.

SQLite is asked by one native thread per process: a writer that waits for another process's lock would stop
the whole event loop if it waited in a greenlet (3 s and then failing, measured). PostgreSQL's driver waits
as gevent does, if it is imported after patching: it is imported by the first engine that is made, and never
at the top of a module. No connection outlives the call that wanted it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, StaticPool

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError
from chatbot.core.waiting import under_gevent
from chatbot.store.mounts import network_file_system
from chatbot.store.tables import REVISION, metadata

T = TypeVar("T")
Work = Callable[[Connection], T]

LIMIT_SECONDS = 3.0
"""For one question, on the way of a request."""
PREPARE_SECONDS = 60.0
"""For the tables: another process may be making them."""
_BUSY_MS = 5000
_MIGRATING = 0x63686174  # the key of PostgreSQL's advisory lock: "chat"


class StoreAway(Exception):
    """The database can't be used at the moment. The text names the kind of trouble, and no address."""


class Database:
    """The database at `url`; empty: SQLite in `folder`. Connects when it is first used.

    Raises `SettingsError` for an address that can't be used.
    """

    def __init__(self, url: Secret, folder: Path) -> None:
        self._url = _read_url(url, folder)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._file = Path(self._url.database or "") if self.is_sqlite else None
        self._engine: Engine | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._threads: Any = None

    @property
    def name(self) -> str:
        """What it is, for an operator."""
        return "SQLite" if self.is_sqlite else "PostgreSQL"

    @property
    def is_missing(self) -> bool:
        """Whether there is no SQLite file yet; to ask it would make one."""
        return self._file is not None and not self._file.exists()

    def run(self, work: Work[T], *, write: bool = False, limit: float = LIMIT_SECONDS) -> T:
        """What `work` gives, done in one transaction.

        Values that the database refuses come through as SQLAlchemy's errors. Raises `StoreAway` where it
        fails or does not answer within `limit` seconds: whether the work was done is then not known, so `work`
        must be one that can be done twice.
        """
        try:
            return self._in_time(work, write, limit)
        except StoreAway as away:
            if str(away) == "OperationalError":  # where it is only slow, its connections are good
                self._let_go()
            raise

    def _let_go(self) -> None:
        """After a failure: a cut link leaves none of its connections alive, and each would be found out by itself,
        one after the other, for ten seconds."""
        if self._engine is not None and not self.is_sqlite:
            self._engine.dispose()

    def _in_time(self, work: Work[T], write: bool, limit: float) -> T:
        try:
            return self._within(lambda: self._once(work, write), limit)
        except (exc.IntegrityError, exc.DataError):
            raise
        except exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise StoreAway(type(error.orig or error).__name__) from None
        except (exc.TimeoutError, OSError) as error:
            raise StoreAway(type(error).__name__) from None
        try:  # a server that has restarted: its old connections are gone, a new one may do
            return self._within(lambda: self._once(work, write), limit)
        except (exc.SQLAlchemyError, OSError) as error:
            raise StoreAway(type(error).__name__) from None

    def _once(self, work: Work[T], write: bool) -> T:
        with self._connected().begin() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
            return work(connection)

    def _within(self, ask: Callable[[], T], limit: float) -> T:
        if not under_gevent():
            with self._lock if self.is_sqlite else nullcontext():
                return ask()
        import gevent

        try:
            with gevent.Timeout(limit) as ours:
                return self._native(ask) if self.is_sqlite else ask()
        except gevent.Timeout as over:
            if over is not ours:
                raise
            raise StoreAway("TimeoutError") from None

    def _native(self, ask: Callable[[], T]) -> T:
        if self._threads is None:
            from gevent.threadpool import ThreadPool

            self._threads = ThreadPool(1)
        answer, error = self._threads.spawn(_caught, ask).get()
        if error is not None:
            raise error
        return cast(T, answer)

    def _connected(self) -> Engine:
        if self._closed:
            raise StoreAway("closed")
        with self._lock:  # of two engines one would never be closed
            if self._engine is None:
                self._engine = _sqlite(self._url) if self._file else _postgresql(self._url)
            return self._engine

    def prepare(self, make: Callable[[Connection], None] | None = None) -> None:
        """Make the tables, or bring them up to date; or do what `make` says. Raises `StoreAway`, `SettingsError`.

        Safe to call from many processes at once: one does it, the others wait.
        """
        if self._file:
            refuse_network_file_system(self._file.parent)
            _make_private(self._file)
        try:
            self._within(lambda: self._prepare(make or _bring_up_to_date), PREPARE_SECONDS)
        except exc.SQLAlchemyError as error:
            raise StoreAway(type(error).__name__) from None

    def _prepare(self, make: Callable[[Connection], None]) -> None:
        engine = create_engine(self._url, poolclass=NullPool, **_arguments(self._url))
        if self._file:
            _take_over(engine)
        try:
            with _alone(self._file), engine.begin() as connection:
                self._let_no_other_migrate(connection)
                make(connection)
        finally:
            engine.dispose()

    def _let_no_other_migrate(self, connection: Connection) -> None:
        if self.is_sqlite:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})

    def wipe(self) -> None:
        """Take what was deleted out of SQLite's log too; PostgreSQL's own vacuum does that there."""
        if self.is_sqlite:
            with suppress(StoreAway, exc.SQLAlchemyError):
                self._within(self._checkpoint, LIMIT_SECONDS)

    def _checkpoint(self) -> None:
        with self._connected().connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close its connections, for good: who asks later is told that it is away."""
        self._closed = True
        if self._threads is not None:
            self._threads.kill()  # once it has done what it is at
            self._threads = None
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()


def _bring_up_to_date(connection: Connection) -> None:
    found = revision(connection)
    if found is None:
        metadata.create_all(connection)
        stamp(connection)
    elif found != REVISION:
        from chatbot.store.upgrade import upgrade

        upgrade(connection)


@contextmanager
def _alone(file: Path | None) -> Iterator[None]:
    """SQLite's first change to WAL fails at once where another process is at it, and waits for nobody."""
    if file is None:
        yield
        return
    folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _caught(ask: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """The answer, or the error as a value: gevent prints what a native thread raises, with its texts."""
    try:
        return ask(), None
    except BaseException as error:
        return None, error


def revision(connection: Connection) -> str | None:
    """The migration that the database stands at; None where it is empty. Raises `SettingsError`."""
    from sqlalchemy import inspect

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and str(found) > REVISION:
        raise SettingsError(
            f"The database stands at {found}, which is newer than this version ({REVISION})."
        )
    return str(found) if found is not None else None


def stamp(connection: Connection) -> None:
    """Note in an empty database that it is at the newest migration."""
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:now)"), {"now": REVISION})


def refuse_network_file_system(folder: Path) -> None:
    """Raise `SettingsError` where `folder` is on one: SQLite's locks and shared memory don't work there."""
    kind = network_file_system(folder)
    if kind:
        raise SettingsError(
            f"CHATBOT_DATA_DIR {folder}: SQLite can't be kept on a network file system ({kind}). "
            "Give a folder on a disk of this machine, or CHATBOT_DATABASE_URL for PostgreSQL."
        )


def _read_url(url: Secret, folder: Path) -> URL:
    expected = "CHATBOT_DATABASE_URL can't be used: expected postgresql://user:password@host/name"
    if not url:
        return URL.create("sqlite", database=str(folder.absolute() / "chatbot.db"))
    try:
        read = make_url(url.reveal())
        backend = read.get_backend_name()
    except (exc.ArgumentError, ValueError):
        raise SettingsError(expected) from None
    if backend not in ("postgresql", "postgres"):
        raise SettingsError(expected)
    return read.set(drivername="postgresql+psycopg")


def _arguments(url: URL) -> dict[str, Any]:
    # Errors are logged by place, and never with the values that somebody said.
    if url.get_backend_name() == "sqlite":
        return {
            "hide_parameters": True,
            "connect_args": {
                "check_same_thread": False,
                "isolation_level": None,
                "timeout": _BUSY_MS / 1000,
            },
        }
    # A host that died in silence, or a statement that hangs, ends by these also without gevent.
    return {
        "hide_parameters": True,
        # A look for a type that no table has, for each connection; one that its time ends there warns on standard error.
        "use_native_hstore": False,
        "connect_args": {
            "connect_timeout": 3,
            "options": "-c statement_timeout=10000 -c timezone=UTC",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": "chatbot",
        },
    }


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, poolclass=StaticPool, **_arguments(url))
    _take_over(engine)
    return engine


def _take_over(engine: Engine) -> None:
    """Transactions begin where `Database` says, and not where the driver guesses."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def _postgresql(url: URL) -> Engine:
    return create_engine(url, pool_size=5, max_overflow=5, pool_timeout=2, **_arguments(url))


def _make_private(file: Path) -> None:
    """The database is for its owner alone: it holds what visitors said."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SettingsError(
            f"CHATBOT_DATA_DIR {file.parent}: {file.name} can't be kept there "
            f"({error.strerror}). Give a folder that can be written."
        ) from None

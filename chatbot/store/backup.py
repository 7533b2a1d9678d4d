"""A whole database in one file, from which either engine can be made again.

Each row is a line of JSON, of the tables as they are and not as this version would have them. So a database can be kept before
it is brought up to date, and one of any earlier version is, once it is back. And one machine's SQLite becomes the PostgreSQL of several.
"""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from sqlalchemy import JSON, Connection, MetaData, Table, exc, select, text

from chatbot import __version__
from chatbot.core.kept_secret import replace_secret
from chatbot.core.settings_table import SettingsError
from chatbot.store.database import Database, revision
from chatbot.store.tables import REVISION

FORMAT = 1
_MANIFEST = "manifest.json"
_REVISION = re.compile("[0-9]{4}")
_AT_ONCE = 500
_NOTHING = "There is nothing to keep: the database is empty."
_DAMAGE = (BadZipFile, KeyError, ValueError, TypeError, AttributeError, EOFError, zlib.error)


class BackupError(ValueError):
    """A backup that can't be made or used. Its text is one line that says what to do."""


class NothingToKeep(BackupError):
    """There is no database yet, or it is empty."""


def back_up(database: Database, file: Path, secrets: Sequence[Path] = ()) -> dict[str, int]:
    """Write the database as it is in one moment, and `secrets`, into a new file for its owner alone; gives rows by table.

    A server may go on writing meanwhile. Raises `BackupError`, `StoreAway`, `SettingsError`; then there is no file.
    """
    with _written(file):
        if file.exists():
            raise BackupError(f"{file} is there already: give another name.")
    if database.is_missing:
        raise NothingToKeep(_NOTHING)
    draft = file.with_name(f"{file.name}.{token_hex(8)}.part")

    def write(connection: Connection) -> dict[str, int]:
        with _written(file):
            return _write(connection, draft, secrets)

    try:
        rows = database.run(write)
        with _written(file):
            draft.replace(file)
    finally:
        with suppress(OSError):
            draft.unlink()
    return rows


@contextmanager
def _written(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{file} can't be written ({error.strerror}).") from None


def _write(connection: Connection, file: Path, secrets: Sequence[Path]) -> dict[str, int]:
    tables = _tables_now(connection)
    # In a folder that others may write to, nobody has put a file or a link of theirs here.
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as out:
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            rows = {table.name: _write_table(connection, archive, table) for table in tables}
            for secret in secrets:
                with suppress(FileNotFoundError):
                    archive.writestr(f"files/{secret.name}", secret.read_text("ascii"))
            archive.writestr(_MANIFEST, json.dumps(_manifest(connection, rows)))
        out.flush()
        os.fsync(descriptor)
    return rows


def _tables_now(connection: Connection) -> list[Table]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    if revision(connection) is None:
        raise NothingToKeep(_NOTHING)
    return _tables(connection)


def _tables(connection: Connection) -> list[Table]:
    """The tables that are there, each behind those it refers to."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name != "alembic_version")
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return found.sorted_tables


def _write_table(connection: Connection, archive: ZipFile, table: Table) -> int:
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    count = 0
    with archive.open(_member(table.name), "w", force_zip64=True) as out:
        for row in connection.execute(select(table), execution_options=options).mappings():
            out.write(json.dumps(dict(row)).encode() + b"\n")
            count += 1
    return count


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"


def _manifest(connection: Connection, rows: dict[str, int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": __version__,
        "revision": revision(connection),
        "made_at": time.time(),
        "rows": rows,
    }


def restore(database: Database, file: Path, folder: Path) -> dict[str, int]:
    """Make an empty database from a backup, bring it up to date, and put secrets that `folder` lacks there; gives rows by table.

    All of it or nothing. Raises `BackupError`, `StoreAway`, `SettingsError`.
    """
    try:
        with ZipFile(file) as archive:
            manifest, secrets = _read_manifest(archive), _read_secrets(archive)
            database.prepare(lambda connection: _fill(connection, archive, manifest))
    except (BackupError, SettingsError):
        raise
    except OSError as error:
        raise BackupError(f"{file} can't be read ({error.strerror}).") from None
    except _DAMAGE as error:
        raise BackupError(f"{file} is no whole backup ({type(error).__name__}).") from None
    _put_back(secrets, folder)
    return dict(manifest["rows"])


def _read_manifest(archive: ZipFile) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
    except (
        RuntimeError
    ) as error:  # locked by a password, packed in an unknown way, nested without end
        raise BadZipFile(type(error).__name__) from None
    if not _REVISION.fullmatch(manifest["revision"]):
        raise BadZipFile("of no revision")
    if manifest["format"] > FORMAT or manifest["revision"] > REVISION:
        raise BackupError(
            f"The backup is of version {manifest['version']}, which is newer than this one ({__version__})."
        )
    return manifest


def _fill(connection: Connection, archive: ZipFile, manifest: dict[str, Any]) -> None:
    from alembic.util import CommandError

    from chatbot.store.upgrade import upgrade

    if revision(connection) is not None:
        raise BackupError(
            "The database is not empty. Move chatbot.db away (with chatbot.db-wal and -shm), or give an empty one."
        )
    try:
        upgrade(connection, manifest["revision"])
    except CommandError:
        raise BadZipFile("of an unknown revision") from None
    tables = {table.name: table for table in _tables(connection)}
    for name, count in manifest["rows"].items():
        if _read_table(connection, archive, tables[name]) != count:
            raise BackupError(f"The backup is not whole: {name} has other than {count} rows.")
    upgrade(connection)


def _read_table(connection: Connection, archive: ZipFile, table: Table) -> int:
    count = 0
    with archive.open(_member(table.name)) as lines:
        rows = (json.loads(line) for line in lines)
        for some in _batches(rows):
            try:
                connection.execute(table.insert(), some)
            except exc.OperationalError as error:
                kind = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
                raise BackupError(
                    f"The database takes no more of it ({kind}): is its disk full?"
                ) from None
            except exc.StatementError as error:
                kind = type(error).__name__
                raise BackupError(
                    f"The backup can't be used: rows of {table.name} ({kind})."
                ) from None
            count += len(some)
    return count


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some


def _read_secrets(archive: ZipFile) -> dict[str, str]:
    """What is in it of secrets, by the name of each one's file."""
    found = {}
    for member in archive.namelist():
        kind, _, name = member.partition("/")
        if kind == "files" and name == Path(name).name:
            found[name] = archive.read(member).decode("ascii").strip()
    return found


def _put_back(secrets: Mapping[str, str], folder: Path) -> None:
    for name, value in secrets.items():
        if not (folder / name).exists():
            try:
                replace_secret(folder / name, value)
            except OSError as error:
                raise BackupError(
                    f"The database is restored; {folder / name} can't be written ({error.strerror})."
                ) from None

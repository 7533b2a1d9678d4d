"""State of one machine: a small file per record, and file locks, in a folder that all workers see.

A record is replaced by renaming, so that a reader sees the old one or the new one and needs no lock; a
healthy server has no records, and reading one that is not there costs a failed `open`. A lease is a lock
on an open file: the kernel frees it when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from chatbot.core.shared_state import Change, Record, StateAway

_LOCK_TRIES = 40
_LOCK_PAUSE = 0.005
_SKEW_SECONDS = 5.0
_NAME_CAP = 200


class FilesState:
    """See `SharedState`. The folder is made when there is something to keep."""

    name = "files of this machine"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, str] = {}

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        try:
            # Every request looks whether there is something: this is the cheapest way to hear "no".
            fd = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateAway(type(error).__name__) from None
        with os.fdopen(fd, "rb") as file:
            text = file.read()
        with suppress(ValueError, KeyError, TypeError):
            kept = json.loads(text)
            # Written in the future: the clock was set back since, and the rest would last too long.
            if kept["at"] - _SKEW_SECONDS <= time.time() < kept["until"]:
                return dict(kept["record"])
        return None

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`."""
        try:
            with self._alone():
                record = change(self.read(key))
                if record is None:
                    self._file(key).unlink(missing_ok=True)
                else:
                    self._write(self._file(key), record, keep)
                return record
        except OSError as error:
            raise StateAway(type(error).__name__) from None

    def lease(self, key: str) -> Callable[[], None] | None:
        """See `SharedState.lease`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fd = _lock(self._folder / f"{_file_name(key)}.lease")
        except OSError as error:
            raise StateAway(type(error).__name__) from None
        if fd is None:
            return None
        held = [fd]
        return lambda: os.close(held.pop()) if held else None

    def _path(self, key: str) -> str:
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = str(self._folder / f"{_file_name(key)}.json")
        return path

    def _file(self, key: str) -> Path:
        return Path(self._path(key))

    def _write(self, file: Path, record: Record, keep: float) -> None:
        at = time.time()
        new = file.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps({"at": at, "until": at + keep, "record": record}))
        new.replace(file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else changes anything. Waits without blocking the event loop, and not for long."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(_LOCK_TRIES):
            fd = _lock(self._folder / "lock")
            if fd is not None:
                break
            time.sleep(_LOCK_PAUSE)
        else:
            raise StateAway("locked by another process")
        try:
            yield
        finally:
            os.close(fd)


def _file_name(key: str) -> str:
    name = quote(key, safe="")
    return name if len(name) <= _NAME_CAP else hashlib.sha256(key.encode()).hexdigest()


def _lock(file: Path) -> int | None:
    """A descriptor that holds the lock on `file` until it is closed; None where somebody has it."""
    fd = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd

"""Which process leads the workers of this machine, so that a command can tell it to reload.

Each has a file named by its process id, with a lock that only the process itself holds (its workers do not inherit it) and that the
kernel frees, however it ends. Two are there while a new program takes over from the old one. A file that nobody holds
is of one that was killed, and its number may be somebody else's by now. So may the number of one that runs in a container and keeps
its data in a folder of this machine: it is told only to who sees that process by that number.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path

_LOCK = "hhqqi"  # as in linux/fcntl.h
_TELLS_HOLDER = sys.platform.startswith("linux") and sys.maxsize > 2**32

_held: dict[Path, int] = {}
"""Descriptors that stay open: closing one would free its lock."""


def lead(data_dir: Path) -> None:
    """This process leads from here to its end. Raises `OSError`."""
    file = _folder(data_dir) / str(os.getpid())
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held[file] = descriptor


def step_down(data_dir: Path) -> None:
    """This process leads no longer."""
    file = _folder(data_dir) / str(os.getpid())
    file.unlink(missing_ok=True)
    if file in _held:
        os.close(_held.pop(file))


def leaders(data_dir: Path) -> list[int]:
    """Process ids of those that lead at this moment, the newest last. Raises `PermissionError` where they are another user's."""
    files = sorted(_folder(data_dir).glob("[0-9]*"), key=_age)
    return [int(file.name) for file in files if _is_held(file)]


def _folder(data_dir: Path) -> Path:
    return data_dir / "state" / "masters"


def _age(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _is_held(file: Path) -> bool:
    with suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink(missing_ok=True)
        except BlockingIOError:
            return _holder(descriptor) in (None, int(file.name))
        finally:
            os.close(descriptor)
    return False


def _holder(descriptor: int) -> int | None:
    """Who holds the lock, by the number that it has for this process: 0 for one in a container, which has another one there.

    None where the system does not tell.
    """
    if not _TELLS_HOLDER:
        return None
    asked = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return int(struct.unpack(_LOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[4])

"""Which process leads the workers of this machine, so that a command can tell it to reload.

Each has a file named by its process id, with a lock that only the process itself holds (its workers do not inherit it) and that the
kernel frees, however it ends. Two are there while a new program takes over from the old one. A file that nobody holds
is of one that was killed, and its number may be somebody else's by now.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

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
    """Process ids of those that lead at this moment, the newest last."""
    files = sorted(_folder(data_dir).glob("[0-9]*"), key=_age)
    return [int(file.name) for file in files if _is_held(file)]


def _folder(data_dir: Path) -> Path:
    return data_dir / "state" / "masters"


def _age(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _is_held(file: Path) -> bool:
    with suppress(OSError):
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink(missing_ok=True)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False

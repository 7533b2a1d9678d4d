"""Ports for servers that a test starts: no two processes of a run are given the same one.

Many test processes run side by side, and a port that the kernel has just chosen is anybody's until the server listens there: another
test's server gets it, or one of thousands of clients, and the test then talks to somebody else's. So each process has a block of its own, below
the ports that the kernel gives to clients.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

FIRST, LAST, EACH = 12_000, 32_000, 200
_FOLDER = Path(tempfile.gettempdir()) / "chatbot-test-ports"
_blocks: dict[int, Iterator[int]] = {}
_held: list[int] = []
"""Descriptors whose locks say that a block is taken; the kernel frees them with the process."""


def free_port() -> int:
    """A port that nobody listens on, and that no other process gets from here."""
    ports = _blocks.get(os.getpid()) or _take_block()
    return next(port for port in ports if _is_free(port))


def _take_block() -> Iterator[int]:
    _FOLDER.mkdir(exist_ok=True)
    for first in range(FIRST, LAST, EACH):
        descriptor = os.open(_FOLDER / str(first), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            continue
        _held.append(descriptor)
        _blocks[os.getpid()] = cycle(range(first, first + EACH))
        return _blocks[os.getpid()]
    raise AssertionError("all blocks of ports are taken: do old tests still run?")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

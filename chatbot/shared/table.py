"""Numbers by key in memory that the workers of a machine share: what counting costs is no system call.

A file is mapped into each process. It is one hash table of fixed size: an entry is a digest of its key, a number,
and the time until which it is worth keeping. Where there is no room, the entry whose time is over first gives way.
Each is read and written by itself: to pack and unpack entries was a sixth of what a ticket costs. Who does so holds
the lock (`with table:`), which ends with its process.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import time
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

SLOTS = 1 << 16
_PROBES = 16
_ENTRY = 3
"""Numbers of 8 bytes."""
_BYTES = 8
_NAMES = (1 << 62) - 1
_EMPTY = 0
_JUST_MADE = 1.0
"""Seconds for an entry that was only looked for: it gives way before any that counts for longer."""
_TRIES, _PAUSE = 40, 0.0005
_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB
_REMEMBERED = 8192
"""Keys whose places are known."""


def _name(key: str) -> int:
    """A digest of 62 bits: the sum of two that are remembered, since many keys are of one subject, and of one limit."""
    end = key.rfind(":") + 1
    return (_digest(key[:end]) + _digest(key[end:])) & _NAMES or 1


@lru_cache(maxsize=2048)
def _digest(text: str) -> int:
    found = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES)
    return int.from_bytes(found.digest(), "little")


class Table:
    """A table in `file`; without one, of this process alone. Raises `OSError`.

    `numbers` has a key's number where `find` says, and behind it the time until which it is worth keeping.
    """

    def __init__(self, file: Path | None) -> None:
        size = SLOTS * _ENTRY * _BYTES
        memory = memoryview(mmap.mmap(-1, size) if file is None else _mapped(file, size))
        self.numbers = memory.cast("d")
        self._names = memory.cast("q")
        self._lock_file = None if file is None else file.with_suffix(".lock")
        self._lock = threading.Lock()  # of this process: a file's lock is its process's
        self._held = False
        self._descriptor = -1
        self._process = 0
        self._places: dict[str, tuple[int, int]] = {}

    def find(self, key: str, at: float) -> int:
        """The place of a key's number, which is made, with 0.0, where it has none. Hold the lock."""
        known = self._places.get(key)
        if known is not None:
            place, name = known
            if self._names[place - 1] == name:  # else another has got its place
                return place
        return self._made(key, at)

    def look(self, key: str) -> float:
        """A key's number, 0.0 where it has none. Needs no lock."""
        name = _name(key)
        place = self._room(name)
        return self.numbers[place] if self._names[place - 1] == name else 0.0

    def _made(self, key: str, at: float) -> int:
        name = _name(key)
        place = self._room(name)
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[key] = place, name
        if self._names[place - 1] != name:
            self._names[place - 1] = name
            self.numbers[place], self.numbers[place + 1] = 0.0, at + _JUST_MADE
        return place

    def _room(self, name: int) -> int:
        """Where this number is, or can be: the first empty place, else the one whose time is over first."""
        names, numbers, best, soonest = self._names, self.numbers, 0, float("inf")
        for probe in range(_PROBES):
            place = (name + probe) % SLOTS * _ENTRY + 1
            if names[place - 1] in (name, _EMPTY):
                return place
            until = numbers[place + 1]
            if until < soonest:
                best, soonest = place, until
        return best

    def __enter__(self) -> None:
        """From here nobody else changes anything.

        Held for microseconds, and never across a wait. Where a process was stopped just then, nobody waits for it
        longer than some 20 ms: a count that is off by one is better than a server that stands.
        """
        self._lock.acquire()
        try:
            self._held = self._lock_file is not None and self._hold()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            if self._held:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def _hold(self) -> bool:
        if self._process != os.getpid():  # a lock that was inherited is also the parent's
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
            try:
                self._descriptor = os.open(str(self._lock_file), flags, 0o600)
            except OSError:  # somebody has taken the folder away; the memory is still there
                return False
            self._process = os.getpid()
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, _AT_ONCE)
            except BlockingIOError:
                time.sleep(_PAUSE)
            else:
                return True
        return False


def _mapped(file: Path, size: int) -> mmap.mmap:
    """The file, mapped; made where there is none of this size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # On a full disk this fails here, and not with a signal when a page is first written to.
        os.posix_fallocate(fd, 0, size)
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)

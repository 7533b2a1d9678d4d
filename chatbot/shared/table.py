"""Numbers by key in memory that the workers of a machine share: what counting costs is no system call.

A file is mapped into each process. It is one hash table of fixed size: an entry is a digest of its key, a number,
and the time until which it counts. Where there is no room, the entry whose time is over first gives way.
Who reads and writes several entries as one holds the lock (`with table:`), which ends with its process.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from hashlib import blake2b
from pathlib import Path

SLOTS = 1 << 16
_PROBES = 16
_DIGEST = 16
_LAID_OUT = struct.Struct(f"<{_DIGEST}sdd")
_ENTRY = _LAID_OUT.size
_READ, _WRITE = _LAID_OUT.unpack_from, _LAID_OUT.pack_into
_EMPTY = bytes(_DIGEST)
_TRIES, _PAUSE = 40, 0.0005
_REMEMBERED = 8192
"""Keys whose places are known."""

Place = tuple[int, bytes]
"""Where an entry is, or can be, and the digest of its key."""


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


class Table:
    """A table in `file`; without one, of this process alone. Raises `OSError`."""

    def __init__(self, file: Path | None) -> None:
        size = SLOTS * _ENTRY
        self._memory = mmap.mmap(-1, size) if file is None else _mapped(file, size)
        self._lock_file = None if file is None else file.with_suffix(".lock")
        self._lock = threading.Lock()  # of this process: a file's lock is its process's
        self._held = False
        self._descriptor = -1
        self._process = 0
        self._places: dict[str, Place] = {}

    def find(self, key: str, at: float) -> tuple[Place, float]:
        """The place of an entry, or for one, and its number, which is 0.0 where it is not there or counts no longer."""
        known = self._places.get(key)
        if known is not None:
            found, value, until = _READ(self._memory, known[0])
            if found == known[1]:
                return known, value if at < until else 0.0
        return self._look_for(key, at)

    def _look_for(self, key: str, at: float) -> tuple[Place, float]:
        name = _digest(key)
        known = self._room(name), name
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[key] = known
        found, value, until = _READ(self._memory, known[0])
        return known, value if found == name and at < until else 0.0

    def put(self, place: Place, value: float, until: float) -> None:
        """Write an entry where `find` has said that it is, or is to be."""
        at, name = place
        memory = self._memory
        if memory[at : at + _DIGEST] != name:  # another may have got its place
            at = self._room(name)
        _WRITE(memory, at, name, value, until)

    def _room(self, name: bytes) -> int:
        """Where this entry is, or can be: the first empty place, else the one whose time is over first."""
        memory, first = self._memory, int.from_bytes(name[:4], "little")
        best: int = 0
        soonest = float("inf")
        for probe in range(_PROBES):
            place = ((first + probe) % SLOTS) * _ENTRY
            found, _, until = _READ(memory, place)
            if found in (name, _EMPTY):
                return place
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
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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

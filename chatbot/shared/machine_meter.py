"""Limits that the workers of one machine share: see `core/meter`.

Slots of a worker that is gone come back: each worker also counts its own, and holds a lock that ends with it.
When a slot is refused, what the living workers have is counted anew, so nothing has to watch them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from chatbot.core.logging import log
from chatbot.core.meter import (
    LIVE_WAIT,
    RATE,
    TOTAL,
    Changes,
    Take,
    Taken,
    changed_rate,
    left_of_rate,
    taken_rate,
)
from chatbot.shared.table import Table

_KEPT_SECONDS = 86400.0
"""For slots, and for a total behind its end."""
_TRIES = 10
_FRESH_SECONDS = 0.5
"""How long it is believed who is alive."""


class MachineMeter:
    """Counts in `folder`; where that can't be written, or there is none, in this process alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._table = self._open()
        self._process = 0
        self._worker = ""
        self._alive: tuple[float, list[str]] = (0.0, [])

    def _open(self) -> Table:
        if self._folder is not None:
            try:
                return Table(self._folder / "limits-2.map")
            except OSError as error:
                log("limits_alone", level=logging.WARNING, reason=type(error).__name__)
                self._folder = None
        return Table(None)

    @property
    def name(self) -> str:
        """See `Meter`."""
        return "this machine" if self._folder else "this process"

    is_away = False

    def take(self, takes: Sequence[Take]) -> Taken:
        """See `Meter`. Never fails."""
        at, refused, longest = time.time(), None, 0.0
        found: list[tuple[int, float, float]] = []
        left: list[float] = []
        slots: list[tuple[str, float]] = []
        find, numbers = self._table.find, self._table.numbers
        with self._table:
            for kind, key, cost, limit, period in takes:
                place = find(key, at)
                value = numbers[place]
                if kind == RATE:
                    value, rest, wait = taken_rate(value, at, cost, limit, period)
                    until = value
                    if wait:
                        numbers[place] = value  # a clock that was set back is forgotten
                elif kind == TOTAL:
                    value, rest, wait, until = _taken_total(value, at, cost, limit, period)
                else:
                    value, rest, wait, until = self._taken_slot(key, value, at, limit)
                    slots.append((key, 1.0))
                if wait > longest:
                    refused, longest = len(found), wait
                found.append((place, value, until))
                left.append(rest)
            if refused is not None:
                return Taken(refused, longest, tuple([self._left(t, at) for t in takes]), self)
            for place, value, until in found:
                numbers[place] = value
                numbers[place + 1] = until
            self._count_own(slots, at)
        return Taken(None, 0.0, tuple(left), self)

    def _taken_slot(
        self, key: str, value: float, at: float, limit: float
    ) -> tuple[float, float, float, float]:
        """See `_taken_total`, of slots."""
        if value + 1.0 > limit:
            value = self._live(key)
        if value + 1.0 > limit:
            return value, max(0.0, limit - value), LIVE_WAIT, at
        return value + 1.0, limit - value - 1.0, 0.0, at + _KEPT_SECONDS

    def _left(self, take: Take, at: float) -> float:
        """What is left of it, with nothing taken."""
        kind, key, _, limit, period = take
        value = self._table.numbers[self._table.find(key, at)]
        if kind == RATE:
            return left_of_rate(max(value, at), at, limit, period)
        return max(0.0, limit - value)

    def change(self, changes: Changes, once: str = "") -> None:
        """See `Meter`."""
        at = time.time()
        slots: list[tuple[str, float]] = []
        find, numbers = self._table.find, self._table.numbers
        with self._table:
            for (kind, key, _, limit, period), delta in changes:
                place = find(key, at)
                if kind == RATE:
                    full_at = changed_rate(numbers[place], at, delta, limit, period)
                    numbers[place] = numbers[place + 1] = full_at
                elif kind == TOTAL:
                    value = numbers[place] + delta
                    numbers[place] = value if value > 0.0 else 0.0
                    numbers[place + 1] = period + _KEPT_SECONDS
                else:
                    slots.append((key, delta))
                    self._change_slots(place, delta, at)
            self._count_own(slots, at)

    def used(self, take: Take) -> float:
        """See `Meter`."""
        return self._table.look(take.key)

    def at_least(self, take: Take, used: float) -> bool:
        """See `Meter`."""
        missing = used - self.used(take)
        if missing > 0:
            self.change([(take, missing)])
        return missing > 0

    def _count_own(self, slots: Iterable[tuple[str, float]], at: float) -> None:
        """What this worker has of slots' keys."""
        me, find = self._me(), self._table.find
        for key, delta in slots:
            self._change_slots(find(f"{key}\0{me}", at), delta, at)

    def _change_slots(self, place: int, delta: float, at: float) -> None:
        numbers = self._table.numbers
        value = numbers[place] + delta
        numbers[place] = value if value > 0.0 else 0.0
        numbers[place + 1] = at + _KEPT_SECONDS if value > 0.0 else at

    def _live(self, key: str) -> float:
        """Slots of the workers that are alive."""
        self._me()
        return sum(self._table.look(f"{key}\0{w}") for w in self._living())

    def _me(self) -> str:
        """This worker's name, which it holds a lock for as long as it lives."""
        if self._process != os.getpid():
            self._process, self._worker = os.getpid(), token_hex(8)
            if self._folder is not None:
                with suppress(OSError):
                    _hold(self._folder / f"{self._worker}.worker")
        return self._worker

    def _living(self) -> list[str]:
        if self._folder is None:
            return [self._worker]
        at, found = self._alive
        if time.monotonic() - at > _FRESH_SECONDS:
            found = [file.stem for file in self._folder.glob("*.worker") if _is_held(file)]
            self._alive = (time.monotonic(), found)
        return found


def _taken_total(
    value: float, at: float, cost: float, limit: float, end: float
) -> tuple[float, float, float, float]:
    """A total after `cost`: the number, what is left, what to wait, and until when it counts."""
    left, until = limit - value, end + _KEPT_SECONDS
    if cost > left:
        return value, max(0.0, left), max(1.0, end - at), until
    return value + cost, left - cost, 0.0, until


def _hold(file: Path) -> None:
    """Lock a file until this process ends."""
    for _ in range(_TRIES):
        fd = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(file).st_ino == os.fstat(fd).st_ino:
                return
        os.close(fd)  # somebody looked at it just before it was locked, and removed it


def _is_held(file: Path) -> bool:
    """Whether its process lives; the file of one that does not is removed."""
    try:
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False

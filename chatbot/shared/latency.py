"""The last day of this installation by minutes: one worker of each machine puts down what its sums stand at, any reads them all.

Which worker does it a lock decides that the kernel frees with its process; the next one goes on within seconds. With Redis each machine
puts its minutes there too, for a day, so that any machine shows all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chatbot.core.background import Background
from chatbot.core.shared_state import StateAway
from chatbot.metrics.folder import Counts
from chatbot.metrics.minutes import (
    MINUTES,
    Counted,
    MinutesFile,
    Stand,
    Trace,
    decoded,
    encoded,
    plus,
    stand_of,
)

if TYPE_CHECKING:
    from chatbot.shared.redis import RedisState

EVERY_SECONDS = 10.0
_FRESH_SECONDS = 1.0
"""How long what was read is shown again: who looks may be many."""
_HEARD_SECONDS = 35.0
_AT_ONCE = 60
"""Minutes that are read without letting others go on: about a millisecond."""
_KEY = "chatbot:latency"
_KEPT_SECONDS = 86400 + 3600
Lease = Callable[[], Callable[[], None] | None]


class Day(NamedTuple):
    """The last day until `at`, of all machines that were heard of. `streams` are under way; `trouble` says why it is not all."""

    traces: Sequence[Trace]
    streams: int
    at: float
    trouble: str = ""

    def came(self, begin: int, end: int) -> Counted | None:
        """What came from one minute since 1970 until another one began; None where nobody has put anything down."""
        found = [part for part in (t.came(begin, end) for t in self.traces) if part is not None]
        return plus(found, side_by_side=True) if len(found) > 1 else next(iter(found), None)


class _Minutes(Protocol):
    """Where minutes are kept. Each raises `OSError` or `StateAway`."""

    def machines(self) -> Sequence[str]:
        """Those that have put something down within the day."""

    def read(self, machine: str, minutes: Sequence[int]) -> Sequence[bytes]:
        """The places of these minutes."""


class _OwnMinutes:
    def __init__(self, file: MinutesFile) -> None:
        self._file = file

    def machines(self) -> Sequence[str]:
        return ("",)

    def read(self, machine: str, minutes: Sequence[int]) -> Sequence[bytes]:
        del machine
        return self._file.read(minutes)


class RedisMinutes:
    """The minutes of all machines, in Redis: a hash for each, which goes a day after the machine does."""

    def __init__(self, redis: RedisState, machine: str) -> None:
        self._redis = redis
        self._machine = machine

    def machines(self) -> Sequence[str]:
        """See `_Minutes`."""
        found: Mapping[bytes, bytes] = self._redis.ask(lambda r: r.hgetall(_KEY))
        oldest = time.time() - 60 * MINUTES
        return sorted(name.decode() for name, at in found.items() if float(at) > oldest)

    def read(self, machine: str, minutes: Sequence[int]) -> Sequence[bytes]:
        """See `_Minutes`."""
        fields = [minute % MINUTES for minute in minutes]
        found = self._redis.ask(lambda r: r.hmget(f"{_KEY}:{machine}", fields))
        return [data or b"" for data in found]

    def write(self, minute: int, data: bytes) -> None:
        """Put down a minute of this machine. Raises `StateAway`."""
        mine = f"{_KEY}:{self._machine}"

        def ask(redis: Any) -> None:
            with redis.pipeline(transaction=False) as pipe:
                pipe.hset(mine, minute % MINUTES, data)
                pipe.expire(mine, _KEPT_SECONDS)
                pipe.hset(_KEY, self._machine, time.time())
                pipe.expire(_KEY, _KEPT_SECONDS)
                pipe.execute()

        self._redis.ask(ask)


class Latency:
    """Puts down this machine's minutes, and reads those of all. `read` gives what its workers have counted; `lease` is taken by the
    one of them that does it."""

    def __init__(
        self,
        read: Callable[[], Counts],
        file: MinutesFile,
        shared: RedisMinutes | None,
        lease: Lease,
    ) -> None:
        self._read = read
        self._file = file
        self._shared = shared
        self._lease = lease
        self._has_lease = False
        self._lock = threading.Lock()
        self._known: dict[str, dict[int, Stand | None]] = {}
        self._day: tuple[float, Day] | None = None
        self._background = Background(self.call, lambda: EVERY_SECONDS)

    def start(self) -> None:
        """Begin. Safe to call again. What was counted until now is put down at once: what comes is seen against it."""
        self._has_lease = False  # another process's, by a fork
        self.call()
        self._background.start()

    def close(self) -> None:
        """No more."""
        self._background.stop()

    def call(self) -> None:
        """Put down where the sums stand, if it is for this worker to do."""
        with suppress(StateAway):
            self._has_lease = self._has_lease or self._lease() is not None
            if self._has_lease:
                self.note()

    def note(self) -> None:
        """Put down where the sums stand. Nothing happens where the folder or Redis is away."""
        with suppress(OSError):
            stand = stand_of(self._read(), time.time())
            last, before = map(decoded, self._file.read([stand.minute, stand.minute - 1]))
            if last is not None and last.minute == stand.minute:
                stand = _with_most(stand, last.sums.live)
            elif before is None or before.minute != stand.minute - 1:
                # Nobody has looked for a while: what comes from now on is this minute's, what came till now is not.
                self._put_down(stand.minute - 1, stand._replace(at=stand.at - 60, streams=0))
            self._put_down(stand.minute, stand)

    def _put_down(self, minute: int, stand: Stand) -> None:
        data = encoded(stand)
        self._file.write(minute, data)
        if self._shared is not None:
            with suppress(StateAway):
                self._shared.write(minute, data)

    def day(self) -> Day:
        """The last day until now. Raises `OSError` where this machine's minutes can't be read."""
        with self._lock:
            if self._day is None or abs(time.time() - self._day[0]) > _FRESH_SECONDS:
                self.note()
                self._day = (time.time(), self._look())
            return self._day[1]

    def _look(self) -> Day:
        if self._shared is not None:
            try:
                return self._of(self._shared, "")
            except StateAway:
                return self._of(
                    _OwnMinutes(self._file), "Redis is away: this machine alone is shown."
                )
        return self._of(_OwnMinutes(self._file), "")

    def _of(self, kept: _Minutes, trouble: str) -> Day:
        at = time.time()
        machines = kept.machines()
        self._known = {name: self._known.get(name, {}) for name in machines}
        traces = [Trace(self._stands(kept, name, int(at // 60))) for name in machines]
        last = [t.last for t in traces if t.last is not None and at - t.last.at < _HEARD_SECONDS]
        return Day(traces, sum(stand.streams for stand in last), at, trouble)

    def _stands(self, kept: _Minutes, machine: str, now: int) -> list[Stand]:
        """What a machine has put down, in order. Minutes that are over are read once."""
        known = self._known[machine]
        if max(known, default=now) > now:  # the clock was set back: they come again
            known.clear()
        wanted = [m for m in range(now - MINUTES + 1, now + 1) if m not in known or m > now - 2]
        for begin in range(0, len(wanted), _AT_ONCE):
            part = wanted[begin : begin + _AT_ONCE]
            for minute, data in zip(part, kept.read(machine, part), strict=True):
                stand = decoded(data)
                known[minute] = stand if stand is not None and stand.minute == minute else None
            time.sleep(0)
        for minute in [m for m in known if m <= now - MINUTES]:
            del known[minute]
        return [stand for _, stand in sorted(known.items()) if stand is not None]


def _with_most(stand: Stand, live: int) -> Stand:
    return stand._replace(sums=stand.sums._replace(live=max(live, stand.sums.live)))

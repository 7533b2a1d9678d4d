"""What limits are counted with: rates, totals and live slots by key, all of a request's taken at once or none.

One interface, so that what decides (`access/limits`) does not know whether it counts in one process, on one machine or
on many. The arithmetic of a rate stands here once for the backends in `shared`; Redis has it in its own language.

A rate is a bucket that fills evenly: `limit` in `period` seconds, `limit` at once at the most. One number says
all of it: the time at which the bucket is full again. So the wait that a refusal names is exact, and a
cost that turns out smaller is given back by moving that time.

Source: the generic cell rate algorithm, ITU-T I.371
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

RATE, TOTAL, LIVE = "rate", "total", "live"
LIVE_WAIT = 2.0
"""Seconds to wait for a slot: nobody knows when an answer ends, so this is a guess."""
_GRAIN = 1e-6


class Take(NamedTuple):
    """One thing to take: `cost` of `key`, of which there is `limit`.

    `RATE`: it comes back evenly within `period` seconds. `TOTAL`: it counts until the time `period`, in
    seconds since 1970. `LIVE`: it is held until it is given back, or its process is gone; its cost is 1.
    """

    kind: str
    key: str
    cost: float
    limit: float
    period: float


class Taken(NamedTuple):
    """What came of it: all taken, or none, since `refused` (its place in the list) had to wait for `wait` seconds.

    Of several that have to wait it is the one that has to for the longest: after `wait` all of them pass. `left` is what is
    left of each. `by` is who has to be told of changes.
    """

    refused: int | None
    wait: float
    left: tuple[float, ...]
    by: Meter


Changes = Iterable[tuple[Take, float]]
"""What is taken besides (or, below 0, given back) of each."""


class Meter(Protocol):
    """Counts. `take` raises `StateAway` where it can't."""

    @property
    def name(self) -> str:
        """Where it counts, for an operator."""

    def take(self, takes: Sequence[Take]) -> Taken:
        """Take all of these, whose keys differ, or none."""

    def change(self, changes: Changes, once: str = "") -> None:
        """Correct what was taken. A `LIVE` one is given back by -1. Of several of one name (`once`) one counts."""

    @property
    def is_away(self) -> bool:
        """Whether stricter limits hold, since what counts for all can't be used."""

    def used(self, take: Take) -> float:
        """How much of a total is used."""

    def at_least(self, take: Take, used: float) -> bool:
        """So much of a total is used for certain; whether less was known of."""


def taken_rate(
    full_at: float, at: float, cost: float, limit: float, period: float
) -> tuple[float, float, float]:
    """A rate after `cost` at a time: when it is full again, what is left, and what to wait (0.0: it is taken).

    `full_at` is when it would have been full. A clock that was set back leaves one that is too late: it is
    believed for one period at the most.
    """
    begin = at if full_at <= at else _begin(full_at, at, period)
    after = begin + cost * period / limit
    over = after - at - period
    if over > _GRAIN:
        return begin, left_of_rate(begin, at, limit, period), over
    return after, -over * limit / period if over < 0.0 else 0.0, 0.0


def changed_rate(full_at: float, at: float, delta: float, limit: float, period: float) -> float:
    """When a rate is full again after a correction."""
    return _begin(full_at, at, period) + delta * period / limit


def left_of_rate(full_at: float, at: float, limit: float, period: float) -> float:
    """What can be taken at once."""
    left = (at + period - full_at) * limit / period
    return left if left > 0.0 else 0.0


def _begin(full_at: float, at: float, period: float) -> float:
    if full_at <= at:
        return at
    latest = at + period
    return full_at if full_at < latest else latest

"""Limits that go on when Redis is away: nearer and stricter ones, until it is back.

Failing open would leave the wallet to whoever makes Redis slow, and failing closed would be an outage. So a machine
that counts alone allows a quarter of each limit, and of a total a quarter of what was left when it was last
heard of. What was taken and given back meanwhile is owed to Redis, and told when it is back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from secrets import token_hex

from chatbot.core.logging import log
from chatbot.core.meter import LIVE, RATE, TOTAL, Changes, Meter, Take, Taken
from chatbot.core.shared_state import StateAway
from chatbot.core.waiting import now, spawn

STRICTER = 4
REST_SECONDS = 2.0
SLOW_SECONDS = 0.15
_SEEN_CAP = 10_000


class SteadyMeter:
    """`first` while it can be used, else `second`, which must not fail, with stricter limits."""

    def __init__(self, first: Meter, second: Meter) -> None:
        self._first = first
        self._second = second
        self._failed = False
        self._seen: dict[str, float] = {}
        self._owed: dict[str, tuple[Take, float]] = {}

    @property
    def name(self) -> str:
        """See `Meter`."""
        if self._failed:
            return f"{self._second.name}, stricter, since {self._first.name} can't be used"
        return self._first.name

    @property
    def is_away(self) -> bool:
        """Whether the stricter limits hold."""
        return self._failed

    def take(self, takes: Sequence[Take]) -> Taken:
        """See `Meter`. Never fails."""
        if not self._failed:
            begin = now()
            try:
                taken = self._first.take(takes)
            except StateAway as trouble:
                self._leave(str(trouble))
                # It may have been done all the same: a slot that nobody gives back is worse than one too many.
                self._owe((take, -1.0) for take in takes if take.kind == LIVE)
            else:
                self._note(takes, taken)
                if now() - begin > SLOW_SECONDS:
                    self._leave("slow")
                return taken._replace(by=self)
        stricter = [self._stricter(take) for take in takes]
        taken = self._second.take(stricter)
        if taken.refused is None:
            self._owe((take, take.cost) for take in takes if take.kind == TOTAL)
        return taken._replace(by=_Local(self, self._second, stricter))

    def _note(self, takes: Sequence[Take], taken: Taken) -> None:
        if len(self._seen) > _SEEN_CAP:
            self._seen.clear()
        for take, left in zip(takes, taken.left, strict=True):
            if take.kind == TOTAL:
                self._seen[take.key] = take.limit - left

    def _stricter(self, take: Take) -> Take:
        if take.kind == TOTAL:
            left = max(0.0, take.limit - self._seen.get(take.key, 0.0))
            return take._replace(key=f"alone:{take.key}", limit=left // STRICTER)
        limit = max(1, take.limit // STRICTER)
        return take._replace(limit=limit, cost=min(take.cost, limit))

    def change(self, changes: Changes, once: str = "") -> None:
        """See `Meter`. Never fails."""
        changes = list(changes)
        if not self._failed:
            try:
                self._first.change(changes)
            except StateAway as trouble:
                self._leave(str(trouble))
            else:
                return
        self._owe(changes)

    def used(self, take: Take) -> float:
        """See `Meter`."""
        if not self._failed:
            try:
                return self._first.used(take)
            except StateAway as trouble:
                self._leave(str(trouble))
        return self._seen.get(take.key, 0.0)

    def at_least(self, take: Take, used: float) -> bool:
        """See `Meter`. Away, it is what a machine that counts alone goes by."""
        if not self._failed:
            try:
                return self._first.at_least(take, used)
            except StateAway as trouble:
                self._leave(str(trouble))
        self._seen[take.key] = max(used, self._seen.get(take.key, 0.0))
        return False

    def _owe(self, changes: Changes) -> None:
        for take, delta in changes:
            self._owed[take.key] = (take, delta + self._owed.get(take.key, (take, 0.0))[1])

    def _leave(self, detail: str) -> None:
        if not self._failed:
            self._failed = True
            log("limits_stricter", level=logging.WARNING, state=self._first.name, detail=detail)
            spawn(self._wait_for_it)

    def _wait_for_it(self) -> None:
        """Beside all requests: look until what is owed can be told, fast enough."""
        look = Take(TOTAL, "look", 1, 1e12, time.time() + 60)
        batch: list[tuple[Take, float]] = []
        name = ""
        while self._failed:
            time.sleep(REST_SECONDS)
            if not batch:
                batch, self._owed = [(look, 1.0), *self._owed.values()], {}
                name = token_hex(8)
            begin = now()
            try:
                self._first.change(batch, once=name)
            except StateAway:  # done or not: told again under the same name
                continue
            batch = []
            if now() - begin <= SLOW_SECONDS and not self._owed:
                self._failed = False
                log("limits_back", level=logging.WARNING, state=self._first.name)


class _Local:
    """Who is told of changes to what was taken while `second` counted: it, and for totals the first too."""

    def __init__(self, steady: SteadyMeter, second: Meter, takes: Sequence[Take]) -> None:
        self._steady = steady
        self._second = second
        self._takes = {take.key.removeprefix("alone:"): take for take in takes}

    @property
    def name(self) -> str:
        return self._second.name

    def take(self, takes: Sequence[Take]) -> Taken:
        return self._steady.take(takes)

    @property
    def is_away(self) -> bool:
        return True

    def change(self, changes: Changes, once: str = "") -> None:
        changes = list(changes)
        self._second.change(self._local(t, delta) for t, delta in changes if t.key in self._takes)
        self._steady.change((take, delta) for take, delta in changes if take.kind == TOTAL)

    def used(self, take: Take) -> float:
        return self._steady.used(take)

    def at_least(self, take: Take, used: float) -> bool:
        return self._steady.at_least(take, used)

    def _local(self, take: Take, delta: float) -> tuple[Take, float]:
        """A change here: of a rate less may have been taken than was wanted."""
        mine = self._takes[take.key]
        return mine, delta + (take.cost - mine.cost if take.kind == RATE else 0.0)

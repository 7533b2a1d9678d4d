"""A breaker per target: one that fails again and again is asked last, until a single request finds it well.

    closed     asked in its turn; failures in a row are counted
    open       after `THRESHOLD` of them: asked only where no other target is left, for a cool-down
    half-open  the cool-down is over: one request, on any worker, probes it. Its success closes the breaker,
               its failure opens it again for longer

What is counted is shared by all workers, and by all machines where they share Redis. A breaker refuses
nobody: with all targets open they are asked as if it were not there. What the caller has to mend is no
failure of the target, and who leaves tells nothing about it.

That nothing is held against a target is believed for a moment: a busy worker looks some fifty times a second, and not for each
question. What other workers find out it hears so much later; what it finds out itself, at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from chatbot.core.errors import ChatbotError, RateLimitExceeded, TimeoutTotal, UpstreamFailure
from chatbot.core.logging import log
from chatbot.core.shared_state import Record, SharedState
from chatbot.core.waiting import now

THRESHOLD = 5
"""Failures in a row after which a target is asked last."""
FIRST_COOL_DOWN, LONGEST_COOL_DOWN = 5.0, 20.0
"""Seconds until a target is probed; doubled each time that a probe fails."""
FORGET_SECONDS = 60.0
"""Without a failure for so long, those before are forgotten."""
BELIEVED_SECONDS = 0.02
"""How long it is believed that nothing is held against a target."""

Standing = Literal["closed", "open", "half_open"]
_WORSE: tuple[Standing, ...] = ("closed", "half_open", "open")
GiveBack = Callable[[], None]


class Admitted(NamedTuple):
    """A target may be asked: whether as its probe, what to call when that is over, and whether nothing was held against it."""

    probes: bool
    give_back: GiveBack
    spotless: bool


def _nothing() -> None:
    """There is nothing to give back."""


_SPOTLESS = Admitted(False, _nothing, True)


class Breakers:
    """The breakers of all targets, by the targets' names. `clock` is that of all machines."""

    def __init__(self, state: SharedState, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock
        self._spotless_until: dict[str, float] = {}

    def admit(self, name: str) -> Admitted | None:
        """How this request may ask the target; None: open."""
        at = now()
        if at < self._spotless_until.get(name, 0.0):
            return _SPOTLESS
        record = self._state.read(_key(name))
        if record is None:
            self._spotless_until[name] = at + BELIEVED_SECONDS
            return _SPOTLESS
        standing = self._standing(record)
        if standing == "closed":
            return Admitted(False, _nothing, False)
        if standing == "open":
            return None
        give_back = self._state.lease(_key(name))
        if give_back is None:
            return None
        if self.standing(name) == "half_open":
            return Admitted(True, give_back, False)
        give_back()  # another probe ended between the two looks
        return self.admit(name) if self.standing(name) == "closed" else None

    def standing(self, name: str) -> Standing:
        """How the target stands."""
        return self._standing(self._state.read(_key(name)))

    def _standing(self, record: Record | None) -> Standing:
        if record is None or _number(record, "failures") < THRESHOLD:
            return "closed"
        return "open" if self._is_cooling(record) else "half_open"

    def standings(self, names: Mapping[str, Iterable[str]]) -> dict[str, Standing]:
        """How targets stand, each shown under one name for several: the worst of them."""
        return {
            shown: max(map(self.standing, several), key=_WORSE.index)
            for shown, several in names.items()
        }

    def note(self, name: str, error: ChatbotError | None, took: float = 0.0) -> None:
        """An attempt at the target, begun `took` seconds ago, is over: with this error, or without one.

        A success that began before the last failure tells nothing: it is an older stream that ends.
        """
        if isinstance(error, TimeoutTotal):
            return  # whose time it was, nobody knows
        if isinstance(error, (UpstreamFailure, RateLimitExceeded)):
            self._failed(name)
            return
        record = self._state.read(_key(name))
        if record is not None and self._clock() - took >= _number(record, "failed_at"):
            self._state.change(_key(name), lambda _: None, FORGET_SECONDS)
            if _number(record, "failures") >= THRESHOLD:
                log("breaker_closed", level=logging.WARNING, target=name)

    def _failed(self, name: str) -> None:
        opened: list[bool] = []

        def count(record: Record | None) -> Record:
            opened[:] = [False]
            time_is, old = self._clock(), record or {}
            counted = {
                "failures": _number(old, "failures") + 1,
                "failed_at": time_is,
                "until": _number(old, "until"),
                "cool_down": _number(old, "cool_down"),
            }
            if counted["failures"] >= THRESHOLD and not self._is_cooling(old):
                cool_down = max(FIRST_COOL_DOWN, 2 * counted["cool_down"])
                counted["cool_down"] = min(cool_down, LONGEST_COOL_DOWN)
                counted["until"] = time_is + counted["cool_down"]
                opened[:] = [True]
            return counted

        self._state.change(_key(name), count, FORGET_SECONDS)
        self._spotless_until.pop(name, None)
        if opened == [True]:
            log("breaker_open", level=logging.WARNING, target=name)

    def _is_cooling(self, record: Record) -> bool:
        # A clock that was set back must not keep a target out for an hour.
        return 0 < _number(record, "until") - self._clock() <= LONGEST_COOL_DOWN


def _number(record: Record, field: str) -> float:
    """A number of a record that somebody else may have written, another version say; 0 for anything else."""
    value = record.get(field)
    return value if isinstance(value, int | float) else 0.0


def _key(name: str) -> str:
    return f"breaker/{name}"

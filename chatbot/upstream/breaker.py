"""A breaker per target: one that fails again and again is asked last, until a single request finds it well.

    closed     asked in its turn; failures in a row are counted
    open       after `THRESHOLD` of them: asked only where no other target is left, for a cool-down
    half-open  the cool-down is over: one request, on any worker, probes it. Its success closes the breaker,
               its failure opens it again for longer

What is counted is shared by all workers, and by all machines where they share Redis. A breaker refuses
nobody: with all targets open they are asked as if it were not there. What the caller has to mend is no
failure of the target, and who leaves tells nothing about it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Literal

from chatbot.core.errors import ChatbotError, RateLimitExceeded, TimeoutTotal, UpstreamFailure
from chatbot.core.logging import log
from chatbot.core.shared_state import Record, SharedState

THRESHOLD = 5
"""Failures in a row after which a target is asked last."""
FIRST_COOL_DOWN, LONGEST_COOL_DOWN = 5.0, 20.0
"""Seconds until a target is probed; doubled each time that a probe fails."""
FORGET_SECONDS = 60.0
"""Without a failure for so long, those before are forgotten."""

Standing = Literal["closed", "open", "half_open"]
GiveBack = Callable[[], None]


def _nothing() -> None:
    """There is nothing to give back."""


class Breakers:
    """The breakers of all targets, by the targets' names. `clock` is that of all machines."""

    def __init__(self, state: SharedState, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock

    def admit(self, name: str) -> tuple[bool, GiveBack] | None:
        """Whether this request is the target's probe, and what to call when it is over; None: open."""
        standing = self.standing(name)
        if standing == "closed":
            return False, _nothing
        if standing == "open":
            return None
        give_back = self._state.lease(_key(name))
        if give_back is None:
            return None
        if self.standing(name) == "half_open":
            return True, give_back
        give_back()  # another probe ended between the two looks
        return self.admit(name) if self.standing(name) == "closed" else None

    def standing(self, name: str) -> Standing:
        """How the target stands."""
        record = self._state.read(_key(name))
        if record is None or record.get("failures", 0) < THRESHOLD:
            return "closed"
        # A clock that was set back must not keep a target out for an hour.
        wait = record.get("until", 0.0) - self._clock()
        return "open" if 0 < wait <= LONGEST_COOL_DOWN else "half_open"

    def standings(self, names: Iterable[str]) -> dict[str, Standing]:
        """How each target stands."""
        return {name: self.standing(name) for name in names}

    def note(self, name: str, error: ChatbotError | None) -> None:
        """An attempt at the target is over: with this error, or without one."""
        if _is_its_failure(error):
            self._failed(name)
        elif (record := self._state.read(_key(name))) is not None:
            self._state.change(_key(name), lambda _: None, FORGET_SECONDS)
            if record.get("failures", 0) >= THRESHOLD:
                log("breaker_closed", level=logging.WARNING, target=name)

    def _failed(self, name: str) -> None:
        before = self.standing(name)
        self._state.change(_key(name), self._count, FORGET_SECONDS)
        if before != "open" and self.standing(name) == "open":
            log("breaker_open", level=logging.WARNING, target=name)

    def _count(self, record: Record | None) -> Record:
        time_is, old = self._clock(), record or {}
        failures, until = old.get("failures", 0) + 1, old.get("until", 0.0)
        cool_down = old.get("cool_down", 0.0)
        if failures >= THRESHOLD and not 0 < until - time_is <= LONGEST_COOL_DOWN:
            cool_down = min(max(FIRST_COOL_DOWN, 2 * cool_down), LONGEST_COOL_DOWN)
            until = time_is + cool_down
        return {"failures": failures, "until": until, "cool_down": cool_down}


def _is_its_failure(error: ChatbotError | None) -> bool:
    return isinstance(error, (UpstreamFailure, RateLimitExceeded)) and not isinstance(
        error, TimeoutTotal
    )


def _key(name: str) -> str:
    return f"breaker/{name}"

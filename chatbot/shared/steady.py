"""A state that goes on when its storage fails: with a nearer one, until the first answers again.

No request may fail or wait because Redis is away or a disk is full. The first failure is said in the log
and to the operator; for a moment nobody asks the storage again, so that what is slow is not waited for by
every request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from chatbot.core.logging import log
from chatbot.core.shared_state import Change, Record, SharedState, StateAway
from chatbot.core.waiting import now

REST_SECONDS = 2.0
"""How long a storage that failed is not asked again."""
T = TypeVar("T")


class SteadyState:
    """`first` while it can be used, else `second`, which must not fail. See `SharedState`."""

    def __init__(self, first: SharedState, second: SharedState) -> None:
        self._first = first
        self._second = second
        self._rest_until = 0.0
        self._failed = False

    @property
    def name(self) -> str:
        """What is in use."""
        if self._failed:
            return f"{self._second.name}, since {self._first.name} can't be used"
        return self._first.name

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        return self._try(lambda state: state.read(key))

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`."""
        return self._try(lambda state: state.change(key, change, keep))

    def lease(self, key: str) -> Callable[[], None] | None:
        """See `SharedState.lease`."""
        return self._try(lambda state: state.lease(key))

    def _try(self, use: Callable[[SharedState], T]) -> T:
        if now() < self._rest_until:
            return use(self._second)
        try:
            found = use(self._first)
        except StateAway as trouble:
            self._rest_until = now() + REST_SECONDS
            if not self._failed:
                log(
                    "state_away", level=logging.WARNING, state=self._first.name, detail=str(trouble)
                )
            self._failed = True
            return use(self._second)
        if self._failed:
            self._failed = False
            log("state_back", level=logging.WARNING, state=self._first.name)
        return found

"""A state that goes on when its storage fails: with a nearer one, until the first can be written again.

No request may fail or wait because Redis is away or a disk is full. Those that find out wait for the storage's own
short limit; from then on nobody asks it but one look in the background, which writes: a disk that is full and a
replica can be read and are still no place for a breaker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from chatbot.core.logging import log
from chatbot.core.shared_state import Change, Record, SharedState, StateAway
from chatbot.core.waiting import now, spawn

REST_SECONDS = 2.0
"""Between two looks whether the storage is back."""
SLOW_SECONDS = 0.15
"""A storage that needs longer than this for one answer is as good as away: every request would wait."""
T = TypeVar("T")


class SteadyState:
    """`first` while it can be used, else `second`, which must not fail. See `SharedState`."""

    def __init__(self, first: SharedState, second: SharedState) -> None:
        self._first = first
        self._second = second
        self._failed = False

    @property
    def name(self) -> str:
        """What is in use."""
        if self._failed:
            return f"{self._second.name}, since {self._first.name} can't be used"
        return self._first.name

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        return self._use(lambda state: state.read(key))

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`."""
        return self._use(lambda state: state.change(key, change, keep))

    def lease(self, key: str) -> Callable[[], None] | None:
        """See `SharedState.lease`."""
        return self._use(lambda state: state.lease(key))

    def _use(self, use: Callable[[SharedState], T]) -> T:
        if self._failed:
            return use(self._second)
        begin = now()
        try:
            found = use(self._first)
        except StateAway as trouble:
            self._leave(str(trouble))
            return use(self._second)
        if now() - begin > SLOW_SECONDS:
            self._leave("slow")
        return found

    def _leave(self, detail: str) -> None:
        if not self._failed:
            self._failed = True
            log("state_away", level=logging.WARNING, state=self._first.name, detail=detail)
            spawn(self._wait_for_it)

    def _wait_for_it(self) -> None:
        """Beside all requests: look until the storage takes a record, fast enough."""
        while self._failed:
            time.sleep(REST_SECONDS)
            begin = now()
            try:
                self._first.change("look", lambda _: {"at": time.time()}, 5.0)
            except StateAway:
                continue
            if now() - begin <= SLOW_SECONDS:
                self._failed = False
                log("state_back", level=logging.WARNING, state=self._first.name)

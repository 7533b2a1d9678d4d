"""Which machines share a state: each puts down now and then what its workers say, and who is silent is forgotten.

Only where there are several (Redis): a machine's own workers are read from its folder.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from chatbot.core.background import Background
from chatbot.core.shared_state import Record, SharedState, StateAway
from chatbot.metrics.folder import Counts

FIRST_SECONDS, EVERY_SECONDS = 0.25, 10.0
"""Often at first, while a worker that has just begun may find the state slow."""
SILENT_SECONDS = 35.0
_KEY = "machines"


class Roll:
    """Puts down this machine, beside the requests. `read` gives what its workers have counted."""

    def __init__(self, state: SharedState, read: Callable[[], Counts], data_dir: Path) -> None:
        self._state = state
        self._read = read
        self._name = machine_name(data_dir)
        self._pause = FIRST_SECONDS
        self._background = Background(self.call, self._next)

    def start(self) -> None:
        """Begin. Safe to call again."""
        self._background.start()

    def close(self) -> None:
        """No more."""
        self._background.stop()

    def _next(self) -> float:
        pause, self._pause = self._pause, min(EVERY_SECONDS, 2 * self._pause)
        return pause

    def call(self) -> None:
        """Put it down once. Nothing happens where the state or the folder is away."""
        with suppress(OSError):
            self._put_down({"workers": self._read().workers})

    def _put_down(self, mine: Mapping[str, Any]) -> None:
        at = time.time()

        def change(record: Record | None) -> Record:
            return {**_of_now(record or {}, at), self._name: {"at": at, **mine}}

        with suppress(StateAway):
            self._state.change(_KEY, change, SILENT_SECONDS)


def machine_name(data_dir: Path) -> str:
    """A machine's name, and a few letters for its data directory: containers may have one name."""
    where = blake2b(str(data_dir.absolute()).encode("utf-8", "surrogateescape"), digest_size=3)
    return f"{platform.node()}:{where.hexdigest()}"


def machines(state: SharedState) -> Mapping[str, Any]:
    """What the machines have put down that were heard of just now. Raises `StateAway`."""
    return _of_now(state.read(_KEY) or {}, time.time())


def _of_now(record: Mapping[str, Any], at: float) -> dict[str, Any]:
    return {name: m for name, m in record.items() if abs(at - m["at"]) <= SILENT_SECONDS}

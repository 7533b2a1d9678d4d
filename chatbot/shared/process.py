"""State of this process alone: for programs without a server, and where no storage can be had."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chatbot.core.shared_state import Change, Record


class ProcessState:
    """See `SharedState`. Never fails."""

    name = "this process"

    def __init__(self) -> None:
        self._records: dict[str, tuple[float, Record]] = {}
        self._leases: dict[str, object] = {}
        self._lock = threading.Lock()

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        until, record = self._records.get(key, (0.0, {}))
        return dict(record) if time.monotonic() < until else None

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`."""
        with self._lock:
            record = change(self.read(key))
            if record is None:
                self._records.pop(key, None)
            else:
                self._records[key] = (time.monotonic() + keep, dict(record))
            return record

    def lease(self, key: str) -> Callable[[], None] | None:
        """See `SharedState.lease`."""
        mine = object()
        if self._leases.setdefault(key, mine) is not mine:
            return None

        def give_back() -> None:
            if self._leases.get(key) is mine:
                del self._leases[key]

        return give_back

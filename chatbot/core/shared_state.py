"""What workers and machines share: small records by key, changed one at a time, and leases.

One interface, so that what decides (breakers, limits) does not know whether it runs in one process, on one
machine or on many. The backends are in `shared`; `services` chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Record = dict[str, Any]
"""What JSON can hold."""
Change = Callable[[Record | None], Record | None]
"""The new record for the old one; None for none. May be called more than once: it only computes."""


class StateAway(Exception):
    """The storage can't be used at the moment. The text names the kind of trouble, and no address."""


class SharedState(Protocol):
    """Records and leases by key. Each method raises `StateAway` where the storage fails."""

    @property
    def name(self) -> str:
        """What it is, for an operator."""

    def read(self, key: str) -> Record | None:
        """The record of `key`, or None where there is none or it has expired."""

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """Replace the record of `key` by `change(record)`, while nobody else does; the new record.

        It is forgotten `keep` seconds later.
        """

    def lease(self, key: str) -> Callable[[], None] | None:
        """Take `key` for oneself: the function that gives it back, or None where somebody has it.

        A lease ends with the process that took it. The function may be called twice.
        """

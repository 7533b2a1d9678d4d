"""What has to be done from time to time: delete what is past its time, end what a dead process left open.

One worker of all does it at a time.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from chatbot.core.background import Background
from chatbot.core.logging import log, log_fields
from chatbot.core.shared_state import SharedState, StateAway
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import StoreAway

EVERY_SECONDS = 30.0
_LEASE = "upkeep"


class Upkeep:
    """Sweeps the conversations. `once` does it now."""

    def __init__(self, store: ConversationStore, state: SharedState) -> None:
        self._store = store
        self._state = state
        self._background = Background(self.once, lambda: EVERY_SECONDS)

    def start(self) -> None:
        """Go on beside the caller. Safe to call again."""
        self._background.start()

    def close(self) -> None:
        """No more."""
        self._background.stop()

    def once(self) -> None:
        """Sweep, unless another worker does."""
        leave = None
        with suppress(StateAway):
            leave = self._state.lease(_LEASE)
        if leave is None:
            return
        try:
            done = self._store.sweep()
            if any(done.values()):
                log_fields("swept", done)
        except StoreAway as away:
            log("not_swept", level=logging.WARNING, reason=str(away))
        finally:
            leave()

"""When the same target is asked once more: only where it answered fast and may recover.

A reset, a refused connection, a 5xx, a 429: asked again after its Retry-After or a back-off with jitter.
Silence never: whoever has waited for a first token in vain has no time to wait for another. An SDK in
front retries too, so the counts multiply; ours stays small.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from chatbot.core.errors import ChatbotError

LONGEST_RETRY_AFTER = 5
"""Seconds of Retry-After that are waited for; a longer one moves on to the next target."""
FAST_SECONDS = 3.0
"""An answer later than this is not fast: the visitor has waited enough for this target."""
_FIRST_BACK_OFF = 0.2


@dataclass(frozen=True)
class Retry:
    """How often one target is asked again."""

    retries: int

    def pause(self, failures: int, error: ChatbotError, took: float) -> float | None:
        """Seconds to wait before asking again after the `failures`-th failure; None: do not."""
        if failures > self.retries or not error.may_recover or took > FAST_SECONDS:
            return None
        if error.retry_after is None:
            return float(_FIRST_BACK_OFF * 2 ** (failures - 1) * random.uniform(0.5, 1.0))
        return None if error.retry_after > LONGEST_RETRY_AFTER else float(error.retry_after)

"""When silence has to be filled.

The status is held for a while, so that an early failure can be a real one; then a comment commits the
200, and from then on no silence is longer than the beat, counted from the request's start.
"""

from __future__ import annotations

from chatbot.core.waiting import now

HOLD_SECONDS = 5.0
"""How long the status waits for the first content."""
BEAT_SECONDS = 10.0
"""The longest silence on a stream; the strictest proxy that we know of hangs up after 30."""


class Heartbeat:
    """Tells when the next beat is due. `sent` is called whenever bytes have gone out."""

    def __init__(self) -> None:
        self._due = now() + HOLD_SECONDS

    def due(self) -> float:
        """The time of the next beat."""
        return self._due

    def sent(self) -> None:
        """Something has gone out: the silence begins anew."""
        self._due = now() + BEAT_SECONDS

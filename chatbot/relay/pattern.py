"""A paced test pattern: a stream whose every event says when it was sent, and that asks no provider.

Whoever reads it at the other end of a proxy sees what the proxy has done to it: held events back, changed a byte, cut
a silence short. So it sends nothing of its own into a silence, and its text is one that a wrong encoding spoils.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chatbot.core.errors import ChatbotError
from chatbot.core.waiting import now
from chatbot.protocol.error_body import error_body
from chatbot.protocol.pattern_text import TEXT
from chatbot.protocol.sse_encoder import DONE, encode_event, encode_event_in_utf8

MOST_EVENTS, MOST_SECONDS = 400, 130.0
"""Of one pattern: 100 s of silence are looked for at the most."""


@dataclass(frozen=True)
class Pattern:
    """One event, `silence` seconds of nothing, and then an event each `every` seconds, `events` in all.

    The second one comes after both."""

    events: int
    every: float
    silence: float

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.silence + self.every * (self.events - 1)


class PatternRun:
    """One pattern under way. `ended` is `complete`, `left` or `stopped`; empty while it goes on."""

    def __init__(self, pattern: Pattern, on_end: Callable[[PatternRun], None]) -> None:
        self.ended = ""
        self.after = 0.0
        self.sent = 0
        self._pattern = pattern
        self._on_end = on_end
        self._started = now()
        self._over = threading.Event()
        self._error: ChatbotError | None = None

    def leave(self) -> None:
        """The client is gone. Never blocks."""
        self._end("left")

    def stop(self, error: ChatbotError) -> None:
        """End with this error. Never blocks."""
        self._error = error
        self._end("stopped")

    def _end(self, how: str) -> None:
        if not self.ended:
            self.ended, self.after = how, round(now() - self._started, 3)
        self._over.set()

    def stream(self) -> Iterator[bytes]:
        """Its bytes. Who does not read them to their end has left."""
        try:
            yield from self._events()
        finally:
            self._end("left")
            self._on_end(self)

    def _events(self) -> Iterator[bytes]:
        for number in range(self._pattern.events):
            self._over.wait(max(0.0, self._due(number) - now()))
            if self.ended:
                break
            self.sent += 1
            yield encode_event_in_utf8(
                {"n": number, "at": round(now() - self._started, 3), "text": TEXT}
            )
        if self.ended == "left":
            return
        self._end("complete")
        yield _told(self._error) if self._error else DONE

    def _due(self, number: int) -> float:
        if not number:
            return self._started
        return self._started + self._pattern.silence + self._pattern.every * number


def _told(error: ChatbotError) -> bytes:
    return encode_event(error_body(error.message, error.type, error.code, error.param))

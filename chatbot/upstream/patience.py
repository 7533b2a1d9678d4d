"""How long a stream is waited for, and what it is called when that was in vain."""

from __future__ import annotations

from collections.abc import Callable

from chatbot.core.errors import ChatbotError, TimeoutFirstToken, TimeoutIdle
from chatbot.core.provider_config import Timeouts
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.upstream.provider import Exchange
from chatbot.upstream.reading import too_late

AFTER_FINISH_SECONDS = 5.0
"""How long `[DONE]` is waited for behind the last finish reason; it is sent without it then."""


def check_first_token(limit: float, total: float) -> None:
    """Raise `TimeoutFirstToken` where the clock has reached `limit`, `TimeoutTotal` for `total`."""
    if now() >= total:
        raise too_late()
    if now() >= limit:
        raise TimeoutFirstToken("The provider did not begin to answer in time. Try again.")


def next_piece(exchange: Exchange, patience: Patience, beat: Callable[[], float]) -> bytes | None:
    """The next bytes of a body; None where the beat is due first. Raises `ChatbotError` where patience ends."""
    limit = patience.limit()
    late = now() >= limit
    # Once also when it is late: what came in time must not be lost because this worker was held up.
    piece = exchange.read(min(limit, beat()))
    if piece is not None and (not late or patience.forgives()):
        return piece
    if late and patience.satisfied:
        return b""
    if late:
        raise patience.error()
    return None


class Patience:
    """Until when a stream is waited for: the first token, then the idle limit, and the total always.

    Life is an event with data: comments do not count as it.
    """

    def __init__(
        self, reader: AnswerReader, timeouts: Timeouts, first_token: float, total: float
    ) -> None:
        self._reader = reader
        self._idle = timeouts.idle
        self._first_token = first_token
        self._total = total
        self._events = 0
        self._forgiven = False
        self._life = now()

    def limit(self) -> float:
        """The time at which patience ends, as things stand."""
        if self._reader.events > self._events:
            self._events, self._life = self._reader.events, now()
            self._forgiven = False
        if not self._reader.has_content:
            return min(self._total, self._first_token)
        idle = min(self._idle, AFTER_FINISH_SECONDS) if self.satisfied else self._idle
        return min(self._total, self._life + idle)

    def forgives(self) -> bool:
        """Whether what is there although it is late still counts: once, until there is life again."""
        forgiven, self._forgiven = self._forgiven, True
        return not forgiven and now() < self._total

    @property
    def satisfied(self) -> bool:
        """Whether the answer is complete, and only its usage and `[DONE]` may still come."""
        return self._reader.complete

    def error(self) -> ChatbotError:
        """The error for the limit that was reached."""
        if now() >= self._total:
            return too_late()
        if self._reader.has_content:
            return TimeoutIdle("The provider stopped in the middle of its answer. Ask again.")
        return TimeoutFirstToken("The provider did not begin to answer in time. Try again.")

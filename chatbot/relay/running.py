"""The streams that run in this worker: counted, so that there is a bound, and told when it has to stop.

A worker that is full of streams still has to answer its health checks: the bound lies below the number of
connections that gunicorn accepts. A worker that is being stopped lets its streams run for the drain, and
then ends each truthfully, with the event `server_restarting`.
"""

from __future__ import annotations

from collections.abc import Callable

from chatbot.core.errors import ChatbotError, InvalidApiKey, Overloaded, ServerRestarting

RETRY_AFTER = 2
"""Seconds after which a refused caller may find a place."""


class Running:
    """The live questions of one worker. `limit` is the most that it takes; `on_change` is told how many there are."""

    def __init__(self, limit: int, on_change: Callable[[int], None] = lambda _: None) -> None:
        self._limit = limit
        self._on_change = on_change
        self._stops: dict[int, tuple[str, Callable[[ChatbotError], None]]] = {}
        self._next = 0
        self._ended = False

    def __len__(self) -> int:
        return len(self._stops)

    def enter(self, stop: Callable[[ChatbotError], None], key_id: str = "") -> Callable[[], None]:
        """Take a place; gives the function that leaves it, which may be called twice.

        `stop` is called with the error to end with, and must not block; `key_id` is who asks by it. Raises
        `Overloaded`, and `ServerRestarting` after `end`.
        """
        if self._ended:
            raise _restarting()
        if len(self._stops) >= self._limit:
            raise Overloaded(
                "This server is full at the moment. Try again shortly.", retry_after=RETRY_AFTER
            )
        self._next += 1
        number = self._next
        self._stops[number] = (key_id, stop)
        self._on_change(len(self._stops))
        return lambda: self._leave(number)

    def _leave(self, number: int) -> None:
        self._stops.pop(number, None)
        self._on_change(len(self._stops))

    def end(self) -> None:
        """End every live question with `server_restarting`, and take no more: a caller that keeps its connection
        may ask once more, and there is no time left for an answer."""
        self._ended = True
        for _, stop in list(self._stops.values()):
            stop(_restarting())

    def stop_keys(self, key_ids: set[str], error: ChatbotError | None = None) -> None:
        """End every live question of these keys with an error; with none, they are accepted no longer."""
        for key_id, stop in list(self._stops.values()):
            if key_id in key_ids:
                stop(error or InvalidApiKey("The key of this answer is no longer accepted."))


def _restarting() -> ServerRestarting:
    return ServerRestarting("The server is restarting. Ask again.", retry_after=RETRY_AFTER)

"""An iterator of bytes becomes a streamed response, once its first bytes are there.

Flask runs teardown before the first byte of a stream and again after its last, so nothing that a teardown
closes may be in use here: the generator gets plain values, and what must be let go is let go by
`call_on_close`, which the server runs exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

from flask import Response, stream_with_context

from chatbot.core.errors import InternalError
from chatbot.web.direct import direct_writer
from chatbot.web.here import here
from chatbot.web.telling import tell

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class _Body:
    """What the server goes through and closes: the iterator itself, with no call between it and each piece."""

    __slots__ = ("_pieces", "close")

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


class _Streamed(Response):
    """A response whose head stays as it was made, and whose body is bytes: nothing is copied, looked for or encoded."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, list(self.headers))
        return _Body(cast("Iterator[bytes]", self.response), self.close)


def stream_response(events: Iterator[bytes], on_close: Callable[[], None]) -> Response:
    """The response for `events`, whose first item is awaited here.

    Raises what the iterator raises before its first item, after `on_close`.
    """
    try:
        first = next(events, None)
        if first is None:
            raise InternalError("There was no answer, and no reason.")
    except BaseException:
        on_close()
        raise

    write = direct_writer(here().environ)

    def body() -> Iterator[bytes]:
        yield first
        if write is None:
            yield from events
            return
        for piece in events:
            if piece:  # an empty chunk would be the end
                write(piece)

    def close() -> None:
        closing = getattr(events, "close", None)
        if closing is not None:
            closing()
        on_close()

    tell(HEADERS)
    response = _Streamed(stream_with_context(body()), content_type=CONTENT_TYPE)
    response.call_on_close(close)
    return response

"""An iterator of bytes becomes a streamed response, once its first bytes are there.

Flask runs teardown before the first byte of a stream and again after its last, so nothing that a teardown
closes may be in use here: the generator gets plain values, and what must be let go is let go by
`call_on_close`, which the server runs exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Response, request, stream_with_context

from chatbot.core.errors import InternalError
from chatbot.web.direct import direct_writer

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


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

    write = direct_writer(request.environ)

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

    response = Response(stream_with_context(body()), headers=HEADERS)
    response.call_on_close(close)
    return response

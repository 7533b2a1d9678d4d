"""Reading a body that is wanted whole, and telling what a body is: events, an answer, an error."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chatbot.core.errors import ChatbotError, TimeoutTotal, UpstreamError
from chatbot.core.waiting import now
from chatbot.protocol.error_body import ProviderError, is_error, provider_error, read_provider_error
from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.upstream.failure import failure_in_stream
from chatbot.upstream.provider import BodyCut, Exchange, Head

BODY_CAP = 64 * 1024 * 1024
"""Bytes of a whole (non-streamed) answer, at the most."""
_ERROR_CAP = 64 * 1024
_ERROR_SECONDS = 1.0
_FIELDS = (b"data:", b":", b"event:", b"id:", b"retry:")


def read_whole(exchange: Exchange, until: float) -> bytes:
    """The body to its end. Raises `ChatbotError` where it breaks off, is too large or too late."""
    pieces: list[bytes] = []
    size = 0
    while True:
        try:
            piece = exchange.read(until)
        except BodyCut:
            raise UpstreamError(
                "The provider broke off in the middle of its answer.", may_recover=True
            ) from None
        if piece is None:
            raise too_late()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > BODY_CAP:
            raise UpstreamError("The provider's answer is too large.")


def read_error(exchange: Exchange) -> ProviderError:
    """The error in an error answer, read up to a cap and for a short time."""
    until, body = now() + _ERROR_SECONDS, b""
    with suppress(BodyCut):
        while len(body) < _ERROR_CAP and (piece := exchange.read(until)):
            body += piece
    return read_provider_error(body)


def looks_like_events(head: Head, start: bytes) -> bool:
    """Whether a body is an event stream: by its type, and where that says something else, by its start.

    Raises `UpstreamError` for a compressed body: we ask for none, and one could be a bomb.
    """
    if head.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise UpstreamError("The provider compressed its answer, unasked.")
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.content_type == "text/event-stream":
        return not start.startswith(b"{")
    if not start and head.content_type == "application/json":
        return False  # white space before a late answer
    return any(start.startswith(field) or field.startswith(start) for field in _FIELDS)


def read_completion(body: bytes) -> dict[str, Any]:
    """The JSON object of a whole answer. Raises where it is an error, or no answer at all."""
    try:
        value = read_json(body)
    except NotJSON:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError("The provider's answer is not JSON.")
    if is_error(value):
        raise failure_in_stream(provider_error(value))
    if not isinstance(value.get("choices"), list) or not value["choices"]:
        raise UpstreamError("The provider's answer has no choices.")
    return value


def too_late() -> ChatbotError:
    """The error for an answer that took longer than the total limit."""
    return TimeoutTotal("The answer took too long. Ask for less, or again.")

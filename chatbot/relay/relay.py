"""The relay: the one generator through which every stream passes.

It holds plain values and nothing open besides the question itself. Until its first bytes a failure is
raised, and becomes a real HTTP status; after them there is one truthful end: `[DONE]` where the answer is
complete, one error event where it is not. Nothing is sent after either.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from chatbot.core.errors import ChatbotError, InternalError
from chatbot.core.logging import log
from chatbot.core.waiting import now
from chatbot.protocol.error_body import error_body
from chatbot.protocol.sse_decoder import BOM
from chatbot.protocol.sse_encoder import DONE, encode_event, heartbeat
from chatbot.relay.departure import ClientConnection
from chatbot.relay.heartbeat import Heartbeat
from chatbot.relay.record import Record
from chatbot.upstream.asking import Asking
from chatbot.upstream.provider import Aborted


def relay(asking: Asking, client: ClientConnection, record: Record) -> Iterator[bytes]:
    """The bytes of one stream. The first `next` takes as long as the status may be held.

    Raises `ChatbotError` before the first bytes only, and `Aborted` where the client has left by then.
    """
    sending = _Sending(asking, client, record)
    try:
        for piece in asking.stream(sending.beat.due):
            if out := sending.made_of(piece):
                yield out
        record.ended_by = "upstream"
        if not asking.reader.done:
            yield DONE
    except ChatbotError as error:
        record.code, record.detail = error.code, error.detail
        if not record.first_byte:
            raise
        yield _error_event(error, asking.reader.events)
    except (Aborted, GeneratorExit) as left:
        record.ended_by = "client"
        if isinstance(left, GeneratorExit) or not record.first_byte:
            raise
        return
    except Exception:
        if not record.first_byte:
            raise
        yield _error_event(_crash(record), asking.reader.events)
    finally:
        _note(record, asking)
    client.finish()


class _Sending:
    """What is sent of what comes: the answer's events, and heartbeats between them."""

    __slots__ = ("_asking", "_client", "_record", "_sent_id", "beat")

    def __init__(self, asking: Asking, client: ClientConnection, record: Record) -> None:
        self.beat = Heartbeat()
        self._asking = asking
        self._client = client
        self._record = record
        self._sent_id = False

    def made_of(self, piece: bytes) -> bytes:
        """What goes out for a piece; nothing for an empty one before the beat is due."""
        beat = self.beat
        if not piece and now() < beat.due():
            return b""
        if not (piece and self._record.first_token):
            piece = self._marked(piece)
        beat.sent()
        if not piece:
            return heartbeat(self._sent_id)
        self._sent_id = self._sent_id or self._asking.reader.sent_id
        return piece

    def _marked(self, piece: bytes) -> bytes:
        """As it goes out, put down in the record: a heartbeat, or the first content."""
        record = self._record
        if record.first_byte and not record.first_token:
            piece = piece.removeprefix(BOM)  # it is one at the very start only
        if not record.first_byte:
            record.first_byte = now()
            self._client.hold()
        if not piece:
            record.heartbeats += 1
            record.take(self._asking)
        elif not record.first_token:
            record.first_token = record.handed_at = now()
            record.take(self._asking)
        return piece


def _crash(record: Record) -> ChatbotError:
    """Log a bug of ours, by place and kind; the error for the client names the request alone."""
    log("crash", level=logging.ERROR, exc_info=True, request_id=record.request_id)
    error = InternalError(f"Something failed here. Its id for the operator: {record.request_id}.")
    record.code = error.code
    return error


def _note(record: Record, asking: Asking) -> None:
    came_at = record.came_at
    record.take(asking)
    record.came_at = came_at or record.came_at  # of the word that the client has got
    record.provider, record.attempts = asking.provider, asking.attempts
    record.events = asking.reader.events
    record.usage = asking.reader.usage
    record.model = asking.reader.model or record.model


def _error_event(error: ChatbotError, events: int) -> bytes:
    body = error_body(error.message, error.type, error.code, error.param)
    body["error"]["delivered"] = {"events": events}
    return encode_event(body)

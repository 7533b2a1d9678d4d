"""The relay: the one generator through which every stream passes.

It holds plain values and nothing open besides the question itself. Until its first bytes a failure is
raised, and becomes a real HTTP status; after them there is one truthful end: `[DONE]` where the answer is
complete, one error event where it is not. Nothing is sent after either.
"""

from __future__ import annotations

from collections.abc import Iterator

from chatbot.core.errors import ChatbotError
from chatbot.core.waiting import now
from chatbot.protocol.error_body import error_body
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
    beat = Heartbeat()
    try:
        for piece in asking.stream(beat.due):
            if not piece and now() < beat.due():
                continue
            _mark(record, bool(piece), client)
            beat.sent()
            yield piece or heartbeat(asking.reader.sent_id)
        record.ended_by = "upstream"
        if not asking.reader.done:
            yield DONE
    except ChatbotError as error:
        record.code, record.detail = error.code, error.detail
        if not record.first_byte:
            raise
        yield _error_event(error, asking.reader.events)
    except (GeneratorExit, Aborted):
        record.ended_by = "client"
        if not record.first_byte:
            raise
        return
    finally:
        _note(record, asking)
    client.finish()


def _mark(record: Record, content: bool, client: ClientConnection) -> None:
    if not record.first_byte:
        record.first_byte = now()
        client.hold()
    if content and not record.first_token:
        record.first_token = now()


def _note(record: Record, asking: Asking) -> None:
    record.provider = asking.provider
    record.events = asking.reader.events
    record.usage = asking.reader.usage
    record.model = asking.reader.model or record.model


def _error_event(error: ChatbotError, events: int) -> bytes:
    body = error_body(error.message, error.type, error.code, error.param)
    body["error"]["delivered"] = {"events": events}
    return encode_event(body)

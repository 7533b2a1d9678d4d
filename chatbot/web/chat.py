"""`POST /api/v1/chat/completions`, and the same at `/v1`."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from chatbot.chat.answer import read_request
from chatbot.relay.departure import ClientConnection
from chatbot.web.guard import json_body, require_key, services, write_line
from chatbot.web.streaming import stream_response

bp = Blueprint("chat", __name__)


@bp.post("/chat/completions")
def create() -> Response:
    """A chat completion, streamed or whole."""
    require_key()
    asked = read_request(json_body())
    record, chat = g.record, services().chat
    record.asked = record.model = asked.model
    record.stream = asked.stream
    asking = chat.ask(asked, record.request_id)
    client = ClientConnection(request.environ.get("gunicorn.socket"))
    leave = services().running.enter(asking.abort)

    def close() -> None:
        leave()
        asking.close()
        client.release()

    if not asked.stream:
        try:
            body = chat.complete(asking, client, record)
        finally:
            close()
        return Response(body, mimetype="application/json")

    def close_stream() -> None:
        close()
        if record.first_byte:
            write_line(record)

    return stream_response(chat.stream(asking, client, record), close_stream)

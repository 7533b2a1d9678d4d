"""`POST /api/v1/chat/completions`, and the same at `/v1`."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from chatbot.access.caller import Caller
from chatbot.chat.answer import read_request
from chatbot.chat.conversing import Asked
from chatbot.protocol.chat_request import ChatRequest
from chatbot.relay.departure import ClientConnection
from chatbot.web.guard import caller, enter, json_body, services, write_line
from chatbot.web.streaming import stream_response
from chatbot.web.visiting import visiting

bp = Blueprint("chat", __name__)


@bp.post("/chat/completions")
def create() -> Response:
    """A chat completion, streamed or whole."""
    who = caller("chat")
    came = read_request(json_body())
    visit = _visit(who, came)
    asked = visit.request if visit else _owners(who, came)
    record, chat = g.record, services().chat
    record.asked = record.model = asked.model
    record.stream = asked.stream
    asking = chat.ask(asked, record.request_id)
    client = ClientConnection(request.environ.get("gunicorn.socket"))
    leave = enter(asking.abort, who)
    if visit:
        visit.begin(record, lambda: asking.reader)

    def close(body: bytes | None = None) -> None:
        leave()
        if visit:
            visit.end(record, body)
        asking.close()
        client.release()

    if not asked.stream:
        body = None
        try:
            body = chat.complete(asking, client, record)
        finally:
            close(body)
        return Response(body, mimetype="application/json")

    def close_stream() -> None:
        close()
        if record.first_byte:
            write_line(record)

    return stream_response(chat.stream(asking, client, record), close_stream)


def _visit(who: Caller, came: ChatRequest) -> Asked | None:
    """The question of a visitor, to whom ids are told whatever becomes of it; None for an owner's."""
    if not who.is_publishable:
        return None
    conversation = request.headers.get("X-Conversation-ID", "")
    visit = services().conversing.open(visiting(who), came, conversation)
    g.told = visit.headers
    return visit


def _owners(who: Caller, came: ChatRequest) -> ChatRequest:
    return services().conversing.with_prompt(who.bot, came) if who.bot else came

"""`POST /api/v1/chat/completions`, and the same at `/v1`."""

from __future__ import annotations

from flask import Blueprint, Response

from chatbot.access.caller import Caller
from chatbot.access.ticket import Ticket
from chatbot.chat.answer import read_request
from chatbot.chat.conversing import Asked
from chatbot.chat.spending import charge_of, spent_on
from chatbot.chat.visitor import Visitor
from chatbot.core.waiting import now
from chatbot.protocol.chat_request import ChatRequest
from chatbot.relay.departure import ClientConnection
from chatbot.web.guard import MAX_BODY, caller, enter, json_body, services, write_line
from chatbot.web.here import here
from chatbot.web.limits import admit
from chatbot.web.streaming import stream_response
from chatbot.web.telling import tell
from chatbot.web.visiting import visiting

bp = Blueprint("chat", __name__)
_VISITORS_BYTES = 256 * 1024
"""For what a client sends besides the question: the history, which is not read."""


@bp.post("/chat/completions")
def create() -> Response:
    """A chat completion, streamed or whole."""
    who = caller("chat")
    came = read_request(json_body(_most_bytes(who)))
    visitor = visiting(who) if who.is_publishable else None
    return answer(who, visitor, came, here().header("HTTP_X_CONVERSATION_ID"))


def answer(who: Caller, visitor: Visitor | None, came: ChatRequest, conversation: str) -> Response:
    """The answer to what came from `who`; a visitor's goes on with the conversation of this id."""
    if visitor:
        tell({"X-Session-ID": visitor.session.text})
    begin = now()
    ticket = admit(who, visitor, came)
    here().record.limits = now() - begin
    try:
        return _answer(who, visitor, came, conversation, ticket)
    except BaseException:
        ticket.settle(0)  # of what has not been asked; all else is settled by then
        raise


def _most_bytes(who: Caller) -> int:
    """Of a request's body. A visitor's has one question that counts, and parsing more would hold up everybody."""
    if not who.is_publishable or who.bot is None:
        return MAX_BODY
    return _VISITORS_BYTES + 4 * who.bot.limits.question_chars


def _answer(
    who: Caller, visitor: Visitor | None, came: ChatRequest, conversation: str, ticket: Ticket
) -> Response:
    visit = _visit(visitor, came, conversation)
    asked = visit.request if visit else _owners(who, came)
    current = here()
    record, ours = current.record, current.services
    chat, writer, measures = ours.chat, ours.writer, ours.measures
    record.asked = record.model = asked.model
    record.stream = asked.stream
    asking = chat.ask(asked, record.request_id)
    asking.may_ask_again = ticket.again
    client = ClientConnection.of(current.environ)
    leave = enter(asking.abort, who)
    if visit:
        visit.begin(record, lambda: asking.reader)

    def close(body: bytes | None = None) -> None:
        leave()
        asking.close()
        if client.left_at:
            record.left_at, record.let_go_at = client.left_at, now()
        client.release()
        spent = spent_on(asking)
        ticket.settle(spent.tokens)
        if asking.made:
            writer.put(charge_of(record, spent))
        if visit:
            visit.end(record, body)

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
            write_line(record, measures)

    return stream_response(chat.stream(asking, client, record), close_stream)


def _visit(visitor: Visitor | None, came: ChatRequest, conversation: str) -> Asked | None:
    """The question of a visitor, to whom ids are told whatever becomes of it; None for an owner's."""
    if visitor is None:
        return None
    visit = services().conversing.open(visitor, came, conversation)
    tell(visit.headers)
    return visit


def _owners(who: Caller, came: ChatRequest) -> ChatRequest:
    if came.dropped:
        tell({"X-Chatbot-Ignored": ", ".join(came.dropped)})
    return services().conversing.with_prompt(who.bot, came) if who.bot else came

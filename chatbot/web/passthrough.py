"""Models and embeddings: passed on to the default provider, and its answer back, byte for byte."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, g, request

from chatbot.access.caller import Caller
from chatbot.access.ticket import NeverFits, Ticket
from chatbot.chat.spending import Spent, charge_of
from chatbot.core.errors import ChatbotError, InvalidRequest, ServiceStopped, UpstreamError
from chatbot.core.waiting import now
from chatbot.protocol.error_body import read_provider_error
from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.relay.departure import ClientConnection
from chatbot.upstream.failure import failure_of
from chatbot.upstream.provider import Aborted, Exchange
from chatbot.upstream.reading import read_whole, too_late
from chatbot.web.guard import caller, enter, json_body, read_object, services
from chatbot.web.limits import asker_of, ticket

bp = Blueprint("passthrough", __name__)
_BYTES, _MOST = 3, 10**12
"""Bytes of a request for a token, where nobody counts: few, since it leans to too many."""


@bp.get("/models")
def models() -> Response:
    """The provider's models."""
    return _pass(caller("models"), "GET", "/models")


@bp.get("/models/<path:model>")
def model(model: str) -> Response:
    """One model."""
    return _pass(caller("models"), "GET", f"/models/{quote(model, safe='')}")


@bp.post("/embeddings")
def embeddings() -> Response:
    """Embeddings of texts."""
    who = caller("models")
    body = json_body()
    read_object(body)
    services().directory.check_running(who.key.bot_id)
    paid = _ticket(who, len(body) // _BYTES)
    cost = 0
    try:
        response = _pass(who, "POST", "/embeddings", body)
        cost = _cost(response.get_data(), len(body) // _BYTES)
        return response
    finally:
        paid.settle(cost)
        if cost:
            services().writer.put(charge_of(g.record, Spent(cost)))


def _ticket(who: Caller, tokens: int) -> Ticket:
    try:
        return ticket(asker_of(who, None), tokens)
    except NeverFits as never:
        part, limit = never.part, int(never.take.limit)
    raise InvalidRequest(
        f"This request may cost more than all of {part.name} of this {part.subject} ({limit}): "
        f"send {limit * _BYTES} bytes at the most.",
        param="input", detail=f"{part.subject}: {part.name}",
    )  # fmt: skip


def _cost(answer: bytes, estimate: int) -> int:
    """The tokens that the provider has counted, else an estimate."""
    try:
        counted = read_json(answer)["usage"]["total_tokens"]
    except (NotJSON, LookupError, TypeError):
        return estimate
    return counted if type(counted) is int and 0 <= counted <= _MOST else estimate


def _pass(who: Caller, method: str, path: str, body: bytes | None = None) -> Response:
    provider = services().router.default
    if message := services().directory.stopped_providers().get(provider.name):
        raise ServiceStopped(message)
    g.record.provider = provider.name
    stopped: list[ChatbotError] = []
    exchange = provider.ask(method, path, body)

    def stop(error: ChatbotError) -> None:
        stopped.append(error)
        exchange.abort()

    client = ClientConnection.of(request.environ)
    leave = None
    try:
        leave = enter(stop, who)
        client.watch(exchange.abort)
        return _answer(exchange, now() + provider.timeouts.total)
    except Aborted:
        if stopped:
            raise stopped[0] from None
        g.record.ended_by = "client"
        raise
    finally:
        if leave is not None:
            leave()
        exchange.close()
        client.release()


def _answer(exchange: Exchange, until: float) -> Response:
    head = exchange.head(until)
    if head is None:
        raise too_late()
    body = read_whole(exchange, until)
    if head.status != 200:
        raise failure_of(head, read_provider_error(body))
    if head.content_type != "application/json":
        raise UpstreamError("The provider's answer is not JSON.")
    g.record.ended_by = "upstream"
    return Response(body, mimetype="application/json")

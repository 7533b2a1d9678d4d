"""Models and embeddings: passed on to the default provider, and its answer back, byte for byte."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, g, request

from chatbot.access.caller import Caller
from chatbot.core.errors import ChatbotError, UpstreamError
from chatbot.core.waiting import now
from chatbot.protocol.error_body import read_provider_error
from chatbot.relay.departure import ClientConnection
from chatbot.upstream.failure import failure_of
from chatbot.upstream.provider import Aborted, Exchange
from chatbot.upstream.reading import read_whole, too_late
from chatbot.web.guard import caller, enter, json_body, read_object, services

bp = Blueprint("passthrough", __name__)


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
    return _pass(who, "POST", "/embeddings", body)


def _pass(who: Caller, method: str, path: str, body: bytes | None = None) -> Response:
    provider = services().router.default
    g.record.provider = provider.name
    stopped: list[ChatbotError] = []
    exchange = provider.ask(method, path, body)

    def stop(error: ChatbotError) -> None:
        stopped.append(error)
        exchange.abort()

    client = ClientConnection(request.environ.get("gunicorn.socket"))
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

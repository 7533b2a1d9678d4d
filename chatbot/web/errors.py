"""Every error leaves as OpenAI's error body, with the request's id, whoever raised it."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as HTTPMethodNotAllowed

from chatbot.core.errors import (
    BudgetExceeded,
    BudgetTooSmall,
    ChatbotError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    StorageUnavailable,
)
from chatbot.core.logging import log
from chatbot.protocol.error_body import error_body
from chatbot.store.database import StoreAway
from chatbot.upstream.provider import Aborted

_CLIENT_CLOSED_REQUEST = 499  # nobody reads it; it is for the log


def error_response(error: ChatbotError) -> Response:
    """The response for one of our errors."""
    response = jsonify(error_body(error.message, error.type, error.code, error.param))
    response.status_code = error.status
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, (BudgetExceeded, BudgetTooSmall)):
        response.headers["X-Should-Retry"] = "false"  # OpenAI's SDKs would ask again at once
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_http(error: HTTPException) -> ChatbotError:
    known: dict[int | None, ChatbotError] = {
        404: NotFound("There is nothing at this address."),
        405: MethodNotAllowed("This address does not take that method."),
        413: RequestTooLarge("The request is too large."),
    }
    return known.get(error.code) or InvalidRequest("The request can't be understood.")


def init_app(app: Flask) -> None:
    """Register the error handlers."""

    @app.errorhandler(ChatbotError)
    def known(error: ChatbotError) -> Response:
        g.record.code, g.record.detail = error.code, error.detail
        return error_response(error)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = known(_from_http(error))
        if isinstance(error, HTTPMethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(StoreAway)
    def away(error: StoreAway) -> Response:
        response = known(StorageUnavailable())
        g.record.detail = str(error)
        return response

    @app.errorhandler(Aborted)
    def left(_: Aborted) -> Response:
        return Response(status=_CLIENT_CLOSED_REQUEST)

    @app.errorhandler(Exception)
    def unknown(_: Exception) -> Response:
        log("crash", level=logging.ERROR, exc_info=True, request_id=g.record.request_id)
        return known(
            InternalError(f"Something failed here. Its id for the operator: {g.record.request_id}.")
        )

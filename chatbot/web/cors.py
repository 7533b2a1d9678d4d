"""Which pages' scripts may read an answer: those whose origin a living publishable key lists.

A preflight carries no key, so it asks whether any key lists the origin; the key's own list is enforced on
the request (`access/caller`). Nothing is ever allowed with credentials, and no origin is reflected that nobody listed.
flask-cors decides by a list that is fixed at the start, which fits the widget's configuration alone
(`web/widget`); here the list changes while the server runs.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from flask import Flask, Response, request

from chatbot.core.errors import OriginNotAllowed
from chatbot.web.errors import error_response
from chatbot.web.guard import own_origin, services
from chatbot.web.telling import tell

API_PREFIXES = ("/api/v1", "/v1")
_OPEN = "/widget/config"
"""What every page may read."""
ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
ALLOWED_HEADERS = "Authorization, Content-Type, X-Conversation-ID, X-Requested-With, X-Session-ID, X-Visitor-Token"
EXPOSED_HEADERS = (
    "Retry-After, Server-Timing, X-Chatbot-Ignored, X-Conversation-ID, X-Message-ID, "
    "X-RateLimit-Limit-Requests, X-RateLimit-Limit-Tokens, X-RateLimit-Remaining-Requests, "
    "X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Requests, X-RateLimit-Reset-Tokens, X-Request-ID, "
    "X-Session-ID"
)
_VARIES = {"Vary": "Origin"}
MAX_AGE_SECONDS = 7200
"""What browsers keep a preflight's answer for, at the most."""


def init_app(app: Flask) -> None:
    """Register what answers preflights and marks answers."""

    @app.before_request
    def preflight() -> Response | None:
        wanted = "Access-Control-Request-Method" in request.headers
        if request.method != "OPTIONS" or not wanted or not _is_api(request.path):
            return None
        if not _is_listed(request.headers.get("Origin", "")):
            return error_response(OriginNotAllowed("No key lists this origin."))
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        return response

    @app.after_request
    def mark(response: Response) -> Response:
        if not _is_api(request.path) or request.path.endswith(_OPEN):
            return response
        origin = request.headers.get("Origin", "")
        tell(_readable_by(origin) if origin and _is_listed(origin) else _VARIES)
        return response


def _readable_by(origin: str) -> dict[str, str]:
    return {
        **_VARIES,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED_HEADERS,
    }


def _is_api(path: str) -> bool:
    return any(path.startswith(prefix + "/") for prefix in API_PREFIXES)


def _is_listed(origin: str) -> bool:
    return origin == own_origin() or services().directory.lists(origin)

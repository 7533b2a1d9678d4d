"""Which pages' scripts may read an answer: those whose origin a living publishable key lists.

A preflight carries no key, so it asks whether any key lists the origin; the key's own list is enforced on
the request (`access/caller`). Nothing is ever allowed with credentials, and no origin is reflected that nobody listed.
flask-cors decides by a list that is fixed at the start, which fits the widget's configuration alone
(`web/widget`); here the list changes while the server runs.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, Response

from chatbot.core.errors import OriginNotAllowed
from chatbot.web.errors import error_response
from chatbot.web.guard import own_origin, services
from chatbot.web.here import here
from chatbot.web.telling import tell

API_PREFIXES = ("/api/v1", "/v1")
_BELOW = tuple(f"{prefix}/" for prefix in API_PREFIXES)
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
        asked = here()
        wanted = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in asked.environ
        if asked.environ["REQUEST_METHOD"] != "OPTIONS" or not wanted:
            return None
        if not _is_api(asked.request.path):
            return None
        if not _is_listed(asked.header("HTTP_ORIGIN")):
            return error_response(OriginNotAllowed("No key lists this origin."))
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        return response

    @app.after_request
    def mark(response: Response) -> Response:
        path = here().request.path
        if not _is_api(path) or path.endswith(_OPEN):
            return response
        origin = here().header("HTTP_ORIGIN")
        tell(_readable_by(origin) if origin and _is_listed(origin) else _VARIES)
        return response


@lru_cache(maxsize=256)
def _readable_by(origin: str) -> dict[str, str]:
    return {
        **_VARIES,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        "Timing-Allow-Origin": origin,
    }


def _is_api(path: str) -> bool:
    return path.startswith(_BELOW)


def _is_listed(origin: str) -> bool:
    return services().directory.lists(origin) or origin == own_origin()

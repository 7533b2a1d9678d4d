"""Headers of every answer that keep browsers from doing more with it than it is for."""

from __future__ import annotations

from flask import Flask, Response

from chatbot.web.here import here
from chatbot.web.telling import tell, told

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_NOT_STORED = {"Cache-Control": "no-store"}
# A form that is sent under "no-referrer" has the origin "null", also to its own server.
_PAGES = {
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": _PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


def init_app(app: Flask) -> None:
    """Register what sets them."""

    @app.after_request
    def secure(response: Response) -> Response:
        tell(_EVERYWHERE)
        if response.mimetype == "text/html":
            tell(_PAGES)
        has_one = told("Cache-Control") or "Cache-Control" in response.headers
        if not has_one and not here().request.path.startswith("/static/"):
            tell(_NOT_STORED)
        return response

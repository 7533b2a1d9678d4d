"""The path below which visitors find the application, as a proxy in front tells it: `X-Forwarded-Prefix: /chat`.

A proxy that takes a prefix off (`location /chat/ { proxy_pass http://chatbot/; }`) has to say so, or every link of a page
leads beside it. It is believed where proxies are trusted, as the other `X-Forwarded-` headers are, and only where it
is a plain path: it becomes part of links, of redirections and of a cookie's path, so `//evil.example` must never be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.A)
_LONGEST = 200


def plain_path(text: str) -> str:
    """`text` where it is a path of plain names, without its last slash; else empty."""
    path = text.strip().rstrip("/")
    return path if len(path) <= _LONGEST and _PLAIN.fullmatch(path) else ""


class Mounted:
    """`app` below the path that the nearest proxy tells. A server's own SCRIPT_NAME stays, and comes behind it."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told = environ.get("HTTP_X_FORWARDED_PREFIX", "")
        if told and (prefix := plain_path(told.rpartition(",")[2])):
            environ["SCRIPT_NAME"] = prefix + environ.get("SCRIPT_NAME", "")
        return self._app(environ, start_response)

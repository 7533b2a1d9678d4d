"""Flask's application without two things that nothing here needs, at each of a dozen places of every request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask, Request
from flask.ctx import RequestContext
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_path_info

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Context(RequestContext):
    def match_request(self) -> None:
        """Once: Flask would look for the view again where a stream takes its context up again."""
        if self.request.url_rule is None and self.request.routing_exception is None:
            super().match_request()


@lru_cache(maxsize=64)
def _in_ascii(host: str) -> str:
    name, sign, port = host.lower().partition(":")
    try:
        return name.encode("idna").decode("ascii") + sign + port
    except UnicodeError as error:
        raise BadHost from error


class Application(Flask):
    """Flask with functions for views and hooks, and no coroutines."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """See `Flask`: without subdomains, and with a host's name looked at once."""
        if request is None or "HTTP_UPGRADE" in request.environ:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map, _in_ascii(request.host), request.root_path, "", request.scheme,
            get_path_info(request.environ), request.method, request.query_string.decode(errors="replace"),
        )  # fmt: skip

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """See `Flask`."""
        return _Context(self, environ)

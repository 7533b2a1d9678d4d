"""Headers that go with an answer, whatever it is: put down by name, and added as the answer is begun.

werkzeug's own collection checks and copies each header several times over: a fifth of what a question costs in
calls. Those here are added to the plain list that the server gets, so who puts one down has to know that its value is a
plain one: ids, numbers, names that were made fit, origins that somebody has listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask

from chatbot.services import Services
from chatbot.web.here import Here, current, here

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def tell(headers: Mapping[str, str]) -> None:
    """Give these headers with the answer, an error too. The last one of a name holds."""
    here().told.update(headers)


def told(name: str) -> str:
    """What has been told under this name; empty for nothing."""
    return here().told.get(name, "")


class Telling:
    """The application, with what was told added to each answer."""

    def __init__(self, app: WSGIApplication, services: Services) -> None:
        self._app = app
        self._services = services

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = Here(environ, self._services)

        def begin(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            headers = [*headers, *asked.told.items()]
            return start_response(status, headers, *([exc_info] if exc_info else []))

        token = current.set(asked)
        try:
            return self._app(environ, begin)
        finally:
            current.reset(token)


def init_app(app: Flask) -> None:
    """Add what was told to each answer of `app`."""
    app.wsgi_app = Telling(app.wsgi_app, app.extensions["chatbot"])  # type: ignore[method-assign]

"""Headers that go with an answer, whatever it is: put down by name, and added as the answer is begun.

werkzeug's own collection checks and copies each header several times over: a fifth of what a question costs in
calls. Those here are added to the plain list that the server gets, so who puts one down has to know that its value is a
plain one: ids, numbers, names that were made fit, origins that somebody has listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TOLD = "chatbot.told"


def tell(headers: Mapping[str, str]) -> None:
    """Give these headers with the answer, an error too. The last one of a name holds."""
    told: dict[str, str] = request.environ[_TOLD]
    told.update(headers)


def told(name: str) -> str:
    """What has been told under this name; empty for nothing."""
    found: dict[str, str] = request.environ[_TOLD]
    return found.get(name, "")


class Telling:
    """The application, with what was told added to each answer."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told: dict[str, str] = {}
        environ[_TOLD] = told

        def begin(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            headers = [*headers, *told.items()]
            return start_response(status, headers, *([exc_info] if exc_info else []))

        return self._app(environ, begin)


def init_app(app: Flask) -> None:
    """Add what was told to each answer of `app`."""
    app.wsgi_app = Telling(app.wsgi_app)  # type: ignore[method-assign]

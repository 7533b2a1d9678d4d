"""What belongs to the request that is being answered, found in one look-up.

Flask's `request`, `g` and `current_app` take four calls each time, and its headers five more; a question needed some
sixty of them. Views that are asked rarely go on using those.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from flask import Request

from chatbot.relay.record import Record
from chatbot.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Here:
    """One request. `told` are headers that go with its answer (`web/telling`); `request` and `record` are there from `web/guard` on."""

    __slots__ = ("environ", "record", "request", "services", "told")
    request: Request
    record: Record

    def __init__(self, environ: WSGIEnvironment, services: Services) -> None:
        self.environ = environ
        self.services = services
        self.told: dict[str, str] = {}

    def header(self, name: str) -> str:
        """A header by its name in the environment (`HTTP_ORIGIN`); empty where it was not sent."""
        sent: str = self.environ.get(name, "")
        return sent


current: ContextVar[Here] = ContextVar("chatbot.here")
here = current.get
"""The request that is being answered. Raises `LookupError` outside one."""

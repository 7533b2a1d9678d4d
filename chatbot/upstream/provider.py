"""What a provider is to the rest of the house: something that can be asked, waited for, read and let go.

An `Exchange` is one question to one provider. No call on it waits longer than it is told to, so one
greenlet can look after the answer, the heartbeats and the deadlines; and `abort` may be called from
anywhere, also from the event loop, and wakes whoever waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from chatbot.core.provider_config import Timeouts


class Aborted(Exception):
    """The exchange was aborted: the client left. Nobody is to be told."""


class BodyCut(Exception):
    """The body ended before its framing said so: reset, short of its length, or mis-framed."""


class Head(NamedTuple):
    """Status and headers (names in lower case) of a provider's answer."""

    status: int
    headers: Mapping[str, str] = {}

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Exchange(Protocol):
    """One question under way. Times are `waiting.now()` seconds; `sent_at` is when all of it was sent, 0.0 before."""

    sent_at: float

    def head(self, until: float) -> Head | None:
        """The head, or None where it has not come by `until`. Raises `UpstreamUnreachable`, `Aborted`."""

    def read(self, until: float) -> bytes | None:
        """Some bytes, `b""` at a clean end, None where nothing came by `until`.

        Raises `BodyCut` and `Aborted`; after either, nothing more can be read.
        """

    def abort(self) -> None:
        """Let the provider go at once. Never blocks; safe to call at any time, and twice."""

    def close(self, *, finished: bool = False) -> None:
        """The end, in any state. A connection that was read to its end is kept for the next.

        `finished`: all that was wanted has come, so that the end of the body is worth a short look.
        """


class Provider(Protocol):
    """A server that speaks OpenAI's API."""

    name: str
    timeouts: Timeouts
    retries: int

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeouts: Timeouts | None = None,
    ) -> Exchange:
        """Start a request, at once and without waiting. `path` begins with a slash.

        `timeouts` are the route's where it has its own."""

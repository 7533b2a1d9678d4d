"""The operator's front, asked as a browser would ask it, with a clock beside.

HTTP/1.1 by the standard library, one connection for each question, in threads: the doctor is no server. No proxy of
the environment stands between, no redirect is followed, and the key goes to the one address that was given.
"""

from __future__ import annotations

import http.client
import json
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlencode

from chatbot.core.waiting import now
from chatbot.protocol.sse_decoder import Frame, SSEDecoder

API = "/api/v1"
PATIENCE = 10.0
"""Seconds for an answer that is due at once."""
Trouble = (OSError, http.client.HTTPException, UnicodeError)
"""What asking raises; the last one for a name that can be no host's."""
Query = Mapping[str, object]
"""Parameters of a pattern."""


@dataclass(frozen=True)
class Answer:
    """One whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The object that the body is; empty for everything else."""
        with suppress(ValueError):
            found = json.loads(self.body)
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def code(self) -> str:
        """The code of one of our errors; empty where it is none of ours."""
        error = self.json.get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""


@dataclass
class Stream:
    """A pattern as it arrives. `came` are (what the event says, when it came); times are `waiting.now()`."""

    status: int
    headers: http.client.HTTPMessage
    response: http.client.HTTPResponse
    began: float
    came: list[tuple[dict[str, Any], float]] = field(default_factory=list)
    done: bool = False

    def events(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Each event, as it comes. Raises `OSError`, `HTTPException` where the transfer breaks."""
        decoder, unzip = SSEDecoder(), _unzip(self.headers.get("Content-Encoding", ""))
        while piece := self.response.read1(65536):
            for frame in decoder.feed(unzip(piece)):
                if (event := _event(frame)) is not None:
                    self.came.append((event, now()))
                    yield self.came[-1]
                self.done = self.done or frame.data == b"[DONE]"

    def check(self) -> None:
        """Raise `HTTPException` where the application itself has refused the pattern: its bounds say nothing of the front."""
        if self.status != 200 and (code := self._code()):
            raise http.client.HTTPException(
                f"the server refused a test pattern ({code}); ask again in a minute"
            )

    def begun(self) -> Stream:
        """Itself. Raises `HTTPException` where it has been refused by anybody."""
        self.check()
        if self.status != 200:
            raise http.client.HTTPException(f"a test pattern was answered with {self.status}")
        return self

    def _code(self) -> str:
        return Answer(self.status, self.headers, self.response.read(1 << 16)).code

    def read(self) -> Stream:
        """All of it, to its end or to where it breaks."""
        with suppress(*Trouble, zlib.error):
            for _ in self.events():
                pass
        return self


def _event(frame: Frame) -> dict[str, Any] | None:
    with suppress(ValueError):
        found = json.loads(frame.text)
        return found if isinstance(found, dict) and "n" in found else None
    return None


def _unzip(encoding: str) -> Callable[[bytes], bytes]:
    return zlib.decompressobj(31).decompress if encoding == "gzip" else lambda data: data


class Front:
    """The address that visitors use. `ca` is a file of certificates to trust besides the system's."""

    def __init__(self, url: SplitResult, key: str, ca: str | None = None) -> None:
        self.url = url
        self.is_tls = url.scheme == "https"
        self.host = url.hostname or ""
        self.port = url.port or (443 if self.is_tls else 80)
        self.name = ""
        self._key = key
        self._path = url.path.rstrip("/")
        self._tls = ssl.create_default_context(cafile=ca) if self.is_tls else None

    def connection(self, timeout: float = PATIENCE) -> http.client.HTTPConnection:
        """A connection of one's own, not opened yet."""
        if self._tls is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self._tls)

    def shows(self) -> str:
        """What the front calls itself: the `Server` header of its own answer, to an address that is none. The
        application's would show through with any other. Empty where there is none. Nothing is sent along, so the
        certificate does not matter."""
        connection = self.connection()
        if isinstance(connection, http.client.HTTPSConnection):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                self.host, self.port, timeout=PATIENCE, context=context
            )
        try:
            connection.request("GET", "/%zz")
            return str(connection.getresponse().headers.get("Server", "")).lower()
        except Trouble:
            return ""
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, key: bool = True
    ) -> Answer:
        """One question and its whole answer; with the operator's key, unless `key` is off."""
        connection = self.connection()
        try:
            connection.request(method, self._path + path, headers=self._headers(headers, key))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read(1 << 20))
        finally:
            connection.close()

    def diagnosis(self, headers: Mapping[str, str] | None = None, run: str = "") -> Answer:
        """What the server has seen of this question."""
        return self.ask("GET", f"{API}/diagnosis" + (f"?run={run}" if run else ""), headers)

    @contextmanager
    def pattern(
        self, query: Query, headers: Mapping[str, str] | None = None, *, patience: float = PATIENCE
    ) -> Iterator[Stream]:
        """A test pattern that has begun; `patience` is for each wait. Its connection ends with the block."""
        with ExitStack() as open_ones:
            connection = self.connection(patience)
            open_ones.callback(connection.close)
            self.send_for_pattern(connection, query, headers)
            stream = self.begun(connection)
            # One whose end is the connection's keeps the socket to itself.
            open_ones.callback(stream.response.close)
            yield stream

    def send_for_pattern(
        self,
        connection: http.client.HTTPConnection,
        query: Query,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Ask for a pattern on this connection."""
        path = f"{self._path}{API}/diagnosis/stream?{urlencode(query)}"
        connection.request("GET", path, headers=self._headers(headers, True))

    def begun(self, connection: http.client.HTTPConnection) -> Stream:
        """The pattern that was asked for, from its head on."""
        response = connection.getresponse()
        return Stream(response.status, response.headers, response, now())

    def _headers(self, headers: Mapping[str, str] | None, key: bool) -> dict[str, str]:
        own = {"User-Agent": "chatbot-doctor", "Accept-Encoding": "identity"}
        return own | ({"Authorization": f"Bearer {self._key}"} if key else {}) | dict(headers or {})

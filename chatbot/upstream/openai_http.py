"""A provider over HTTP. The head is waited for beside the caller, the body is read by the caller.

Theory of operation. `ask` starts a greenlet (a thread where there is no gevent) that connects, sends and
waits for the head; the caller waits on an event with whatever deadline it has, so that a heartbeat is
never late because a provider, a name server or a TLS handshake is. From the head on there is one reader.

Reading must not be interrupted: urllib3 takes an interrupted `read1` for the end of the body. So bytes
are looked for first (in the buffer of http.client, or pending in TLS, by a peek that can't block), then
the socket is waited for until the caller's deadline, and only when there is something is `read1` called.
`iter_content` and `iter_lines` are never used: they lose bytes that came before a reset, and the latter
is quadratic in the length of a line.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from chatbot.core.errors import ChatbotError, UpstreamError, UpstreamUnreachable
from chatbot.core.provider_config import ProviderConfig
from chatbot.core.waiting import now, spawn, wait_readable
from chatbot.upstream.connections import new_session, sending
from chatbot.upstream.provider import Aborted, BodyCut, Exchange, Head

READ_SIZE = 65536
_END_OF_BODY_SECONDS = 0.05
"""How long `close` waits for the last bytes of a body whose content has ended, to keep the connection."""


class HTTPProvider:
    """An OpenAI-compatible server at `config.base_url`."""

    def __init__(self, config: ProviderConfig) -> None:
        self.name = config.name
        self.timeouts = config.timeouts
        self.retries = config.retries
        self._config = config
        self._session = new_session()

    def ask(self, method: str, path: str, body: bytes | None = None) -> Exchange:
        """Start a request; see `Provider.ask`."""
        headers = {"Accept": "application/json, text/event-stream"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._config.api_key:
            headers["Authorization"] = f"Bearer {self._config.api_key.reveal()}"
        request = requests.Request(method, self._config.base_url + path, headers=headers, data=body)
        prepared = self._session.prepare_request(request)
        return HTTPExchange(self._session, prepared, self.timeouts.connect, self.timeouts.total)


class HTTPExchange:
    """One request over HTTP; see `Exchange`."""

    def __init__(
        self,
        session: requests.Session,
        request: requests.PreparedRequest,
        connect: float,
        total: float,
    ) -> None:
        self._session = session
        self._request = request
        self._limits = (connect, total)
        self._answered = threading.Event()
        self._response: requests.Response | None = None
        self._error: ChatbotError | None = None
        self._socket: socket.socket | None = None
        self._aborted = self._closed = self._ended = False
        spawn(self._send)

    def use_socket(self, sock: socket.socket) -> None:
        """The socket that the request is being sent on."""
        self._socket = sock
        if self._aborted:
            raise OSError("aborted before sending")

    def _send(self) -> None:
        sending.set(self)
        try:
            self._response = self._session.send(
                self._request, stream=True, timeout=self._limits, allow_redirects=False
            )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self._error = UpstreamUnreachable(
                "The provider can't be reached at the moment. Try again shortly.",
                detail=type(error).__name__,
                may_recover=not isinstance(error, requests.Timeout),
            )
        finally:
            sending.set(None)
            if self._error is None and self._response is None:
                self._error = UpstreamError("The provider's answer can't be read.")
            self._answered.set()
            if self._closed:
                self._let_go()

    def head(self, until: float) -> Head | None:
        """See `Exchange.head`."""
        self._answered.wait(max(0.0, until - now()))
        if self._aborted:
            raise Aborted
        if not self._answered.is_set():
            return None
        if self._error is not None:
            raise self._error
        assert self._response is not None  # noqa: S101  set before the event where there is no error
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        return Head(self._response.status_code, headers)

    def read(self, until: float) -> bytes | None:
        """See `Exchange.read`."""
        if self._aborted:
            raise Aborted
        if self._ended:
            return b""
        ready = self._can_read() or self._wait(until)
        if self._aborted:
            raise Aborted
        return self._read1() if ready else None

    def _read1(self) -> bytes:
        assert self._response is not None  # noqa: S101  reading comes after the head
        try:
            data: bytes = self._response.raw.read1(READ_SIZE, decode_content=False) or b""
        except (HTTPError, OSError, ValueError) as error:
            self._ended = True
            if self._aborted:
                raise Aborted from None
            raise BodyCut(type(error).__name__) from None
        self._ended = not data
        return data

    def _wait(self, until: float) -> bool:
        """Wait for something to read, or the end. TLS can wake for half a record: look, wait again."""
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return True
        while wait_readable(sock, until):
            if self._aborted or self._can_read() or self._started_line() or self._at_end(sock):
                return True
            if now() >= until:
                break
        return False

    def _can_read(self) -> bool:
        """Whether `read1` would return without waiting.

        Between two chunks http.client still has to take the line end of the one and the size of the
        other, and would wait for both: so the line end, mostly in the buffer already, is taken here, and
        a size counts only once its whole line is there.
        """
        body = self._body()
        if body is None or body.fp is None:
            return True
        seen = self._peek(body.fp)
        if not body.chunked or body.chunk_left:
            return bool(seen)
        if body.chunk_left == 0 and seen[:2] == b"\r\n":
            body.fp.read(2)
            body.chunk_left = None
            seen = self._peek(body.fp)
        return b"\n" in seen[2 if body.chunk_left == 0 else 0 :]

    def _started_line(self) -> bool:
        """A size line that was cut in two: the buffer takes no more, so `read1` has to wait for it."""
        body = self._body()
        return body is not None and body.fp is not None and bool(self._peek(body.fp))

    def _peek(self, reader: Any) -> bytes:
        """What is buffered, or what the kernel or TLS has if nothing is; never waits."""
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return b""
        limit = sock.gettimeout()
        sock.settimeout(0.0)
        try:
            return bytes(reader.peek(1))
        except (OSError, ValueError):
            return b""
        finally:
            sock.settimeout(limit)

    def _at_end(self, sock: socket.socket) -> bool:
        """Readable, and nothing to peek at: the end, or with TLS perhaps half a record."""
        if not isinstance(sock, ssl.SSLSocket):
            return True
        with socket.socket(fileno=os.dup(sock.fileno())) as twin:
            twin.setblocking(False)
            try:
                return not twin.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return False
            except OSError:
                return True

    def _body(self) -> Any:
        """http.client's response beneath urllib3's; None where the body has been read."""
        return getattr(getattr(self._response, "raw", None), "_fp", None)

    def abort(self) -> None:
        """See `Exchange.abort`. The descriptor is shut, not the object: TLS must not be half undone."""
        self._aborted = True
        sock = self._socket
        if sock is not None and not self._closed and sock.fileno() >= 0:
            with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)  # fails where the provider was faster
        self._answered.set()

    def close(self, *, finished: bool = False) -> None:
        """See `Exchange.close`."""
        if self._closed:
            return
        if self._response is None:
            self.abort()
            self._closed = True
            return
        if finished and not self._aborted:
            self._read_to_end()
        self._closed = True
        self._let_go()

    def _read_to_end(self) -> None:
        """After `[DONE]` the end of the body is mostly there already; a connection is worth a look."""
        until = now() + _END_OF_BODY_SECONDS
        with suppress(BodyCut, Aborted):
            while not self._ended and now() < until and self.read(until):
                pass  # a provider that goes on after its end is cut off here, and by the time

    def _let_go(self) -> None:
        if self._response is None:
            return
        if not self._ended:
            self._response.raw.close()
        self._response.close()

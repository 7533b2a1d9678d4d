"""A provider over HTTP. The head is waited for beside the caller, the body is read by the caller.

Theory of operation. `ask` starts a greenlet (a thread where there is no gevent) that connects, sends and
waits for the head; the caller waits on an event with whatever deadline it has, so that a heartbeat is
never late because a provider, a name server or a TLS handshake is. From the head on there is one reader.

The body is read by `BodyReader`. `iter_content` and `iter_lines` are never used: they lose bytes that came
before a reset, and the latter is quadratic in the length of a line.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

import requests
from urllib3.exceptions import HTTPError

from chatbot.core.errors import ChatbotError, UpstreamError, UpstreamUnreachable
from chatbot.core.provider_config import ProviderConfig, Timeouts
from chatbot.core.waiting import now, spawn
from chatbot.upstream.body import BodyReader
from chatbot.upstream.connections import new_session, sending
from chatbot.upstream.provider import Aborted, BodyCut, Exchange, Head

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

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeouts: Timeouts | None = None,
    ) -> Exchange:
        """Start a request; see `Provider.ask`."""
        headers = {"Accept": "application/json, text/event-stream"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._config.api_key:
            headers["Authorization"] = f"Bearer {self._config.api_key.reveal()}"
        request = requests.Request(method, self._config.base_url + path, headers=headers, data=body)
        prepared = self._session.prepare_request(request)
        limits = timeouts or self.timeouts
        return HTTPExchange(self._session, prepared, limits.connect, limits.total)


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
        self._body: BodyReader | None = None
        self._aborted = self._closed = False
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
        if self._body is None:
            assert self._response is not None  # noqa: S101  reading comes after the head
            self._body = BodyReader(self._response.raw, self._socket)
        try:
            data = self._body.read(until)
        except BodyCut:
            if self._aborted:
                raise Aborted from None
            raise
        finally:
            if self._body.ended:
                # The pool may have given it to another request: not ours to cut any more.
                self._socket = None
        if self._aborted:
            raise Aborted
        return data

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
            while now() < until and self.read(until):
                pass  # a provider that goes on after its end is cut off here, and by the time

    def _let_go(self) -> None:
        if self._response is None:
            return
        if self._body is None or not self._body.ended:
            self._response.raw.close()
        self._response.close()

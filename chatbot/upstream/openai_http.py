"""A provider over HTTP/1.1. The head is waited for by the caller, the body is read by the caller.

Theory of operation. Where an idle connection takes the whole request at once, nobody waits and nothing is
started: that is the ordinary case, and the fast one. Else a greenlet (a thread where there is no gevent)
looks up, connects, shakes hands and sends, while the caller waits on an event with whatever deadline it has, so
that a heartbeat is never late because a provider, a name server or a TLS handshake is. Redirects are never
followed: a 307 would carry body and key elsewhere.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from chatbot.core.errors import ChatbotError, UpstreamError, UpstreamUnreachable
from chatbot.core.logging import log
from chatbot.core.provider_config import ProviderConfig, Timeouts
from chatbot.core.waiting import now, spawn
from chatbot.protocol.http_head import HEAD_CAP, BadHead, ResponseHead, end_of_head, parse_head
from chatbot.upstream.body import BodyReader
from chatbot.upstream.connections import Connection, Pool
from chatbot.upstream.provider import Aborted, BodyCut, Exchange, Head

_END_OF_BODY_SECONDS = 0.05
"""How long `close` waits for the last bytes of a body whose content has ended, to keep the connection."""


class HTTPProvider:
    """An OpenAI-compatible server at `config.base_url`."""

    def __init__(self, config: ProviderConfig) -> None:
        self.name = config.name
        self.timeouts = config.timeouts
        self.retries = config.retries
        self._pool = Pool(config.base_url)
        parts = urlsplit(config.base_url)
        self._path = parts.path.rstrip("/")
        lines = [
            f"Host: {parts.netloc}",
            "Accept: application/json, text/event-stream",
            "Accept-Encoding: identity",
            "User-Agent: chatbot",
        ]
        if config.api_key:
            lines.append(f"Authorization: Bearer {config.api_key.reveal()}")
        self._headers = "".join(f"{line}\r\n" for line in lines)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeouts: Timeouts | None = None,
    ) -> Exchange:
        """Start a request; see `Provider.ask`."""
        head = f"{method} {self._path}{path} HTTP/1.1\r\n{self._headers}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        request = (head + "\r\n").encode("latin-1") + (body or b"")
        return HTTPExchange(self._pool, request, timeouts or self.timeouts)


class HTTPExchange:
    """One request over HTTP; see `Exchange`."""

    def __init__(self, pool: Pool, request: bytes, limits: Timeouts) -> None:
        self._pool = pool
        self._limits = limits
        self._connection: Connection | None = None
        self._sending: threading.Event | None = None
        self._error: ChatbotError | None = None
        self._seen = b""
        self._body: BodyReader | None = None
        self._aborted = self._closed = False
        self.sent_at = 0.0
        self._begin(request)

    def _begin(self, request: bytes) -> None:
        connection, sent = self._pool.take(), 0
        if connection is not None:
            try:
                sent = connection.send_now(request)
            except OSError:  # it had ended, and nothing of the request has arrived
                connection.close()
                connection = None
        self._connection = connection
        if connection is None or sent < len(request):
            self._sending = threading.Event()
            spawn(lambda: self._send(request[sent:]))
        else:
            self.sent_at = now()

    def _send(self, request: bytes) -> None:
        """Beside the caller: connect where there is no connection, and send."""
        try:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._pool.connect(self._limits.connect)
            if not self._aborted:
                connection.send_rest(request, self._limits.total)
                self.sent_at = now()
        except OSError as error:
            failure = _unreachable(error)
            failure.sent = self._connection is not None
            self._error = failure
        except Exception:  # a bug: who waits for the head is told, and the log has the place
            self._error = UpstreamError("The provider can't be asked.")
            log("crash", level=logging.ERROR, exc_info=True)
        finally:
            if self._sending is not None:
                self._sending.set()
            if self._closed:
                self._let_go()

    def head(self, until: float) -> Head | None:
        """See `Exchange.head`."""
        if self._sending is not None:
            self._sending.wait(max(0.0, until - now()))
            if not self._sending.is_set() and not self._aborted:
                return None
            if self._sending.is_set():
                self._sending = None
        if self._aborted:
            raise Aborted
        if self._error is not None:
            raise self._error
        head = self._read_head(until)
        if self._aborted:
            raise Aborted
        return None if head is None else Head(head.status, head.headers)

    def _read_head(self, until: float) -> ResponseHead | None:
        connection = self._connection
        assert connection is not None  # noqa: S101  sent, and no error
        while True:
            end = end_of_head(self._seen)
            if end < 0:
                if not self._more(connection, until):
                    return None
                continue
            try:
                head = parse_head(self._seen[:end])
            except BadHead:
                raise UpstreamError("The provider's answer can't be read.") from None
            self._seen = self._seen[end:]
            if head.status >= 200:
                self._body, self._seen = BodyReader(connection, head, self._seen), b""
                return head

    def _more(self, connection: Connection, until: float) -> bool:
        """More bytes of the head; False where none came in time."""
        try:
            data = connection.receive(until)
        except OSError as error:
            raise Aborted if self._aborted else _unreachable(error) from None
        if data is None:
            return False
        if not data:
            raise Aborted if self._aborted else _unreachable(ConnectionResetError())
        self._seen += data
        if len(self._seen) > HEAD_CAP and end_of_head(self._seen) < 0:
            raise UpstreamError("The provider's answer can't be read.")
        return True

    def read(self, until: float) -> bytes | None:
        """See `Exchange.read`."""
        if self._aborted:
            raise Aborted
        assert self._body is not None  # noqa: S101  reading comes after the head
        try:
            data = self._body.read(until)
        except BodyCut:
            if self._aborted:
                raise Aborted from None
            raise
        if self._aborted:
            raise Aborted
        if self._body.leaves_connection:
            self._let_go()  # for the next, however long the caller takes to pass this on
        return data

    def abort(self) -> None:
        """See `Exchange.abort`."""
        if self._closed or self._aborted:
            return
        self._aborted = True
        if self._connection is not None:
            self._connection.shut()
        if self._sending is not None:
            self._sending.set()

    def close(self, *, finished: bool = False) -> None:
        """See `Exchange.close`."""
        if self._closed:
            return
        if finished and not self._aborted and self._body is not None:
            self._read_to_end()
        self._closed = True
        if self._sending is None or self._sending.is_set():
            self._let_go()

    def _read_to_end(self) -> None:
        """After `[DONE]` the end of the body is mostly there already; a connection is worth a look."""
        until = now() + _END_OF_BODY_SECONDS
        with suppress(BodyCut, Aborted):
            while now() < until and self.read(until):
                pass  # a provider that goes on after its end is cut off here, and by the time

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._body is not None and self._body.leaves_connection and not self._aborted:
            self._pool.give(connection)
        else:
            connection.close()


def _unreachable(error: OSError) -> UpstreamUnreachable:
    return UpstreamUnreachable(
        "The provider can't be reached at the moment. Try again shortly.",
        detail=type(error).__name__,
        may_recover=not isinstance(error, TimeoutError),
    )

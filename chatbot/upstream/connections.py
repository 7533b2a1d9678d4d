"""Pooled connections to providers, by requests, each of which can be cut from outside.

`requests` waits for an answer's head in one blocking call. To let a client leave during that wait, the
socket beneath must be known: the connection classes here tell the exchange that is being sent which
socket it uses. `trust_env` is off (a ~/.netrc would replace our Authorization header, a proxy variable
would carry our keys elsewhere), and redirects are never followed (a 307 re-sends body and key).
"""

from __future__ import annotations

import socket
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from chatbot.upstream.names import Names

POOL_SIZE = 1024
"""Idle connections kept per host: as many as streams that may end at the same time."""


class SocketUser(Protocol):
    """Who wants to know the socket."""

    def use_socket(self, sock: socket.socket) -> None:
        """Called before the request is written to `sock`."""


names = Names()
"""What was found, for all providers of this process."""
sending: ContextVar[SocketUser | None] = ContextVar("sending", default=None)


def _tell(sock: Any) -> None:
    user = sending.get()
    if user is not None and sock is not None:
        user.use_socket(sock)


class _WatchedHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers. The name stays what TLS and the Host header see."""
        name, limit = self._dns_host, self.timeout
        try:
            addresses = names.addresses(name, limit if isinstance(limit, (int, float)) else 60.0)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from None
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from None
        try:
            return self._connect_to_one(addresses)
        except HTTPError:
            names.forget(name)
            raise
        finally:
            self._dns_host = name

    def _connect_to_one(self, addresses: list[str]) -> socket.socket:
        for address in addresses[:-1]:
            self._dns_host = address
            with suppress(HTTPError):
                return super()._new_conn()
        self._dns_host = addresses[-1]
        return super()._new_conn()

    def connect(self) -> None:
        super().connect()
        _tell(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _tell(self.sock)
        super().request(*args, **kwargs)


class _WatchedHTTPS(_WatchedHTTP, HTTPSConnection):
    """The same over TLS: `super()` in the class above is then HTTPSConnection."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def new_session() -> requests.Session:
    """A session with its own pool, and nothing of the environment in it."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.headers["Accept-Encoding"] = "identity"
    session.headers["User-Agent"] = "chatbot"
    adapter = _Adapter(pool_connections=16, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session

"""Connections to one provider: made, kept while idle, given to the next request.

Nothing here reads the environment: a ~/.netrc would replace our Authorization header, a proxy variable would
carry our keys elsewhere. TLS verifies against certifi's roots. Under gevent an idle connection is watched: one
that its provider closes leaves the pool at once, so that no request is written into it.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import certifi

from chatbot.core.readiness import readiness_of
from chatbot.core.waiting import now, peer_is_gone, under_gevent
from chatbot.upstream.names import Names

POOL_SIZE = 1024
"""Idle connections kept per provider: as many as streams that may end at the same time."""
READ_SIZE = 65536
names = Names()
"""What was found, for all providers of this process."""


class Connection:
    """One connection. Its socket never blocks; whoever wants to wait says until when."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0.0)
        self.idle_in: Pool | None = None
        self._socket = sock
        self._pending: Any = getattr(sock, "pending", None)  # TLS has bytes that no poll tells of
        self._readiness = readiness_of(sock.fileno(), self._on_idle)
        self._closed = False

    def send_now(self, data: bytes) -> int:
        """How many of the bytes the kernel took at once. Raises `OSError`."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def send_rest(self, data: bytes, seconds: float) -> None:
        """All of the bytes, for so long as that takes. Raises `OSError`."""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(data)
        finally:
            if not self._closed:
                self._socket.settimeout(0.0)

    def receive(self, until: float) -> bytes | None:
        """Some bytes, `b""` at the end, None where nothing came by `until`. Raises `OSError`."""
        while True:
            in_time = bool(self._pending and self._pending()) or self._readiness.wait(until)
            if self._closed:
                return b""
            try:
                # Also when time is up: where this process was held up the loop tells that first, and bytes may lie here.
                return self._socket.recv(READ_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError):
                if not in_time or now() >= until:
                    return None

    def rest(self, pool: Pool) -> None:
        """Be idle in `pool`, and leave it when the other end closes."""
        self.idle_in = pool
        self._readiness.watch()

    def shut(self) -> None:
        """End it in both directions, from anywhere; wakes whoever waits. Never blocks.

        The descriptor is shut, not the object: TLS must not be half undone.
        """
        if not self._closed:
            with suppress(OSError), socket.socket(fileno=os.dup(self._socket.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)  # fails where the provider was faster

    def close(self) -> None:
        """Let it go. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._readiness.close()
            self._socket.close()

    @property
    def is_gone(self) -> bool:
        """Whether the other end has closed it; under gevent the pool is told instead."""
        return self._closed or (not under_gevent() and peer_is_gone(self._socket.fileno()))

    def _on_idle(self) -> None:
        """Readable, and nobody reads: in the pool that is its end, or what nobody asked for."""
        if self.idle_in is not None:
            self.idle_in.drop(self)


class Pool:
    """The connections to the host of `url`; the path is not used."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._secure = parts.scheme == "https"
        self._context: ssl.SSLContext | None = None
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def take(self) -> Connection | None:
        """An idle connection, the one that was used last, or None."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            connection.idle_in = None
            if not connection.is_gone:
                return connection
            connection.close()

    def give(self, connection: Connection) -> None:
        """A connection whose last answer was read to its end."""
        if len(self._idle) >= POOL_SIZE:
            connection.close()
            return
        self._idle.append(connection)
        connection.rest(self)

    def drop(self, connection: Connection) -> None:
        """An idle connection has ended."""
        with suppress(ValueError):
            self._idle.remove(connection)
        connection.idle_in = None
        connection.close()

    def connect(self, seconds: float) -> Connection:
        """A new connection to the first address that answers. Raises `OSError`, also for TLS and names."""
        until = now() + seconds
        error: OSError = OSError("no address")
        addresses = names.addresses(self._host, seconds)
        for number, address in enumerate(addresses):
            # One that never answers must leave time for the next: they share what is left.
            share = (until - now()) / (len(addresses) - number)
            sock: socket.socket | None = None
            try:
                sock = socket.create_connection((address, self._port), max(0.01, share))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._secure:
                    sock = self._tls().wrap_socket(sock, server_hostname=self._host)
                return Connection(sock)
            except OSError as failure:
                error = failure
                if sock is not None:
                    sock.close()
        names.forget(self._host)
        raise error

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=certifi.where())
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context

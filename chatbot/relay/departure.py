"""The client's side of a stream: noticing that it leaves, and making sure that it notices if we do.

A write to a client that has left fails late, and never while the provider is silent. So the socket itself
is watched from the request's start, by the event loop, at no cost per event. Where the server shows no
socket (not gunicorn), or there is no event loop, a departure shows at the next heartbeat.

The other way round, a worker that is killed closes its sockets, and behind a proxy that speaks HTTP/1.0
that looks like the end of the answer. While a stream runs its socket has SO_LINGER (1, 0): the kernel
then resets it instead, which every proxy passes on as a broken transfer.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from chatbot.core.waiting import PeerWatch, now

WRITE_SECONDS = 20.0
"""A reader that takes nothing for so long is let go."""
_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Linux; elsewhere the kernel's own patience."""
_RESET = struct.pack("ii", 1, 0)
_ORDERLY = struct.pack("ii", 0, 0)
_shut: WeakSet[socket.socket] = WeakSet()


def read_no_more(sock: socket.socket, how: int = socket.SHUT_RD) -> None:
    """What is still to come of a connection is none of its requests."""
    _shut.add(sock)
    with suppress(OSError):
        sock.shutdown(how)


def reads_no_more(sock: socket.socket) -> bool:
    """Whether its server has to end it. What is shut lets bytes through that come later, on Linux."""
    return sock.fileno() < 0 or sock in _shut


class ClientConnection:
    """The socket of one request, or None where the server does not show it: then nothing happens."""

    def __init__(self, sock: socket.socket | None) -> None:
        self._socket = sock
        self._watch: PeerWatch | None = None
        self._held = False
        self._twin: socket.socket | None = None
        self.left_at = 0.0
        """When it was noticed that the client has left, by `waiting.now()`; 0.0 while it has not."""

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> ClientConnection:
        """The connection of a request: gunicorn puts its socket there, uWSGI tells its number."""
        sock = environ.get("gunicorn.socket")
        if sock is None and (twin := _twin_under_uwsgi()) is not None:
            connection = cls(twin)
            connection._twin = twin
            return connection
        return cls(sock)

    def watch(self, on_gone: Callable[[], None]) -> None:
        """Call `on_gone` from the event loop, or from a thread, if the client leaves before `release`."""
        if self._socket is None or self._socket.fileno() < 0:
            return

        def left() -> None:
            self.left_at = now()
            on_gone()
            if self._socket is not None:
                read_no_more(self._socket, socket.SHUT_RDWR)  # frees a writer that is stuck on it

        self._watch = PeerWatch(self._socket, left)

    def hold(self) -> None:
        """A stream begins: from here to `finish` a closed socket is a broken transfer."""
        if self._socket is None:
            return
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._socket.settimeout(WRITE_SECONDS)
            self._held = True
            if _USER_TIMEOUT is not None:
                # Who is cut off without a word acknowledges nothing: without this the kernel goes on for a
                # quarter of an hour. Heartbeats are sent, so a silent stream finds it too.
                self._socket.setsockopt(
                    socket.IPPROTO_TCP, _USER_TIMEOUT, int(WRITE_SECONDS * 1000)
                )

    def finish(self) -> None:
        """The stream has had its end: closing the socket is orderly again."""
        if self._socket is not None and self._held:
            self._held = False
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ORDERLY)

    def release(self) -> None:
        """The request is over, whichever way. Without `finish`, a held socket stays so."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._socket = None
        if self._twin is not None:
            self._twin.close()
            self._twin = None


def _twin_under_uwsgi() -> socket.socket | None:
    """The request's connection once more, with a descriptor of our own: uWSGI goes on with its."""
    uwsgi = sys.modules.get("uwsgi")  # there is such a module in its processes alone
    if uwsgi is None:
        return None
    try:
        return socket.socket(fileno=os.dup(uwsgi.connection_fd()))
    except OSError:
        return None

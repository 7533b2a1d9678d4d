"""Waiting for sockets and time, the same under gevent and under threads: the only place that asks which.

Under gevent a wait is a libev watcher and costs no thread; without it, `select.poll` in the request's
own thread. The wait for a provider's socket, which each event of each stream makes, is in `readiness`.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

now = time.monotonic
"""Seconds on the clock that every deadline here is measured by. It never jumps."""

_POLLRDHUP = getattr(select, "POLLRDHUP", 0)  # Linux; elsewhere a departure shows at the next write
_GONE = _POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL
_RECHECK_SECONDS = 0.2
T = TypeVar("T")


def under_gevent() -> bool:
    """Whether sockets are gevent's in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def spawn(function: Callable[[], None]) -> None:
    """Run `function` beside the caller: a greenlet under gevent, else a thread."""
    if under_gevent():
        import gevent

        gevent.spawn(function)
    else:
        threading.Thread(target=function, daemon=True).start()


def within(seconds: float, function: Callable[[], T]) -> T:
    """What `function` gives. Raises `TimeoutError` where it takes longer; under gevent only, elsewhere it is the server's to see to."""
    if not under_gevent():
        return function()
    import gevent

    try:
        with gevent.Timeout(seconds) as ours:
            return function()
    except gevent.Timeout as over:
        if over is not ours:
            raise
        raise TimeoutError("timed out") from None


def peer_is_gone(fd: int) -> bool:
    """Whether the other end of the connection has closed or reset it, without reading from it."""
    original: Any = select.poll
    if under_gevent():
        from gevent.monkey import get_original

        original = get_original("select", "poll")
    poll = original()
    poll.register(fd, _POLLRDHUP)
    return any(events & _GONE for _, events in poll.poll(0))


class PeerWatch:
    """Calls `on_gone` once when the peer of `sock` leaves: from the event loop, or from a thread that watches for all.

    Nobody waits here, and it costs nothing while nothing happens. `on_gone` must not block. `stop` is safe to call twice.
    """

    def __init__(self, sock: socket.socket, on_gone: Callable[[], None]) -> None:
        self._watch = (_HubWatch if under_gevent() else _ThreadWatch)(sock.fileno(), on_gone)

    def stop(self) -> None:
        """Watch no longer."""
        self._watch.stop()


class _HubWatch:
    def __init__(self, fd: int, on_gone: Callable[[], None]) -> None:
        from gevent.hub import get_hub

        loop: Any = get_hub().loop
        self._fd = fd
        self._on_gone: Callable[[], None] | None = on_gone
        self._loop = loop
        self._timer: Any = None
        self._watcher = loop.io(self._fd, 1)
        self._watcher.start(self._look)

    def _look(self) -> None:
        on_gone = self._on_gone
        if on_gone is None:
            return
        if peer_is_gone(self._fd):
            self.stop()
            on_gone()
        elif self._watcher.active:
            # A pipelined request lies unread, and would wake this watcher for ever: look by the clock.
            self._watcher.stop()
            self._timer = self._loop.timer(_RECHECK_SECONDS, _RECHECK_SECONDS)
            self._timer.start(self._look)

    def stop(self) -> None:
        if self._on_gone is not None:
            self._on_gone = None
            self._watcher.close()
            if self._timer is not None:
                self._timer.close()


class _ThreadWatch:
    def __init__(self, fd: int, on_gone: Callable[[], None]) -> None:
        self._fd, self._on_gone = fd, on_gone
        _lookout().add(fd, self)

    def stop(self) -> None:
        _lookout().remove(self._fd, self)

    def gone(self) -> None:
        self._on_gone()


class _Lookout:
    """One thread for all connections of a process. Where there is no epoll, a departure shows at the next write."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._watched: dict[int, _ThreadWatch] = {}
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            threading.Thread(target=self._run, daemon=True, name="departures").start()

    def add(self, fd: int, watch: _ThreadWatch) -> None:
        if self._epoll is None:
            return
        with self._lock:
            self._watched[fd] = watch
            self._epoll.register(fd, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def remove(self, fd: int, watch: _ThreadWatch) -> None:
        with self._lock:
            if self._epoll is None or self._watched.get(fd) is not watch:
                return
            del self._watched[fd]
            with suppress(OSError):  # closed before: then the kernel has forgotten it too
                self._epoll.unregister(fd)

    def _run(self) -> None:
        while self._epoll is not None:
            for fd, _ in self._epoll.poll():
                self._look(fd)

    def _look(self, fd: int) -> None:
        with self._lock:
            watch = self._watched.get(fd)
            # The number may be another connection's by now, which nobody has left.
            left = watch is not None and peer_is_gone(fd)
        if watch is not None and left:
            watch.gone()


_lookouts: list[_Lookout] = []
_lookouts_lock = threading.Lock()


def _lookout() -> _Lookout:
    """This process's: a thread does not live on in a child."""
    with _lookouts_lock:
        if not _lookouts or _lookouts[0].process != os.getpid():
            _lookouts[:] = [_Lookout()]
        return _lookouts[0]

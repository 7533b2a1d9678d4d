"""Waiting for one socket again and again, at next to no cost: what each event of each stream does.

Under gevent the socket has one libev watcher, which stays on between two waits: turning it off and on would be a system
call each. A deadline moves with every event, so its timer is not moved: it fires at the earliest deadline
that was asked for, looks whether that still holds, and starts anew. Without gevent this is `select.poll`.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Protocol

from chatbot.core.waiting import now, under_gevent

_SHORTEST = 0.001


class Readiness(Protocol):
    """Waits for one socket."""

    def wait(self, until: float) -> bool:
        """Wait for bytes or their end, at the latest until the clock says `until`; whether they came."""

    def watch(self) -> None:
        """Nobody waits, but its end is to be noticed."""

    def close(self) -> None:
        """Before the descriptor is closed."""


def readiness_of(fd: int, on_idle: Callable[[], None]) -> Readiness:
    """What waits for `fd`. Under gevent `on_idle` is called where it is readable and nobody waits."""
    return _HubReadiness(fd, on_idle) if under_gevent() else _PollReadiness(fd)


class _PollReadiness:
    def __init__(self, fd: int) -> None:
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def wait(self, until: float) -> bool:
        return bool(self._poll.poll(max(0.0, until - now()) * 1000))

    def watch(self) -> None:
        pass

    def close(self) -> None:
        pass


class _HubReadiness:
    def __init__(self, fd: int, on_idle: Callable[[], None]) -> None:
        import gevent
        from gevent.hub import get_hub

        self._hub: Any = get_hub()
        self._current = gevent.getcurrent
        self._io: Any = self._hub.loop.io(fd, 1)
        self._on_idle = on_idle
        self._timer: Any = None
        self._armed = self._until = 0.0
        self._waiter: Any = None

    def wait(self, until: float) -> bool:
        io = self._io
        if io is None:
            return True
        self._waiter = self._current()
        self._until = until
        if not io.active:
            io.start(self._ready)
        if self._timer is None or until < self._armed:
            self._arm()
        try:
            return bool(self._hub.switch())
        finally:
            self._waiter = None

    def watch(self) -> None:
        if self._io is not None and not self._io.active:
            self._io.start(self._ready)

    def _ready(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch(True)
            return
        # Level-triggered: it would fire for ever until somebody reads.
        if self._io is not None:
            self._io.stop()
            self._on_idle()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.close()
        self._armed = self._until
        self._timer = self._hub.loop.timer(max(_SHORTEST, self._until - now()))
        self._timer.start(self._rang, update=True)

    def _rang(self) -> None:
        self._timer.close()
        self._timer = None
        waiter = self._waiter
        if waiter is None:
            return
        if now() < self._until:
            self._arm()
            return
        self._waiter = None
        waiter.switch(False)

    def close(self) -> None:
        io, self._io = self._io, None
        if io is not None:
            io.close()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.close()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._hub.loop.run_callback(waiter.switch, True)

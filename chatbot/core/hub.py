"""Whether the event loop is held up, by how much, and by which call.

A greenlet wakes by the clock and sees how late it is: whatever it waited for, every stream of the worker has waited for too. A
thread of the system, which nobody can hold up, looks whether it has woken, and where not takes down what the loop's thread is
doing at that moment: places in files, and no values. Under another server there is no loop, and nothing to watch.
"""

from __future__ import annotations

import logging
import os
import sys
import weakref
from collections.abc import Callable
from types import FrameType

import orjson

from chatbot.core.background import Background
from chatbot.core.logging import log
from chatbot.core.waiting import now, under_gevent

TICK_SECONDS = 0.1
SETTLE_SECONDS = 1.0
"""Of a worker that has just begun: it imports, and collects garbage once and for all."""
BLOCKED_SECONDS = 0.1
"""A loop that is late by so much is said to be blocked. What this product does itself has to stay far below."""
STUCK_SECONDS = 10.0
"""A call that has not come back by then is told while it lasts: gunicorn kills a worker that is stuck for longer."""
_QUIET_SECONDS = 1.0
"""Between two lines: a machine without CPU to give makes every tick late. All of them are counted."""
_DEPTH = 12


class HubWatch:
    """Watches the loop of the thread in which `start` is called. `on_lag` gets the seconds of each tick's lateness, `on_blocked` is
    called for each that was long."""

    def __init__(self, on_lag: Callable[[float], None], on_blocked: Callable[[], None]) -> None:
        self._on_lag = on_lag
        self._on_blocked = on_blocked
        self._background = Background(self._tick, self._pause)
        self._due = 0.0
        self._settled = False
        self._process = 0
        self._stack = ""
        self._quiet_until = 0.0
        self._stopped = False

    def start(self) -> None:
        """Watch, in this process."""
        if self._process != os.getpid() and under_gevent():
            from gevent.monkey import get_original

            self._process, self._due, self._settled = os.getpid(), 0.0, False
            start = get_original("_thread", "start_new_thread")
            # Under gevent `threading` has a greenlet's number.
            start(_look_on, (weakref.ref(self), get_original("_thread", "get_ident")()))
            self._background.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped = True
        self._background.stop()

    def _pause(self) -> float:
        is_settled, self._settled = self._settled, True
        self._due = now() + TICK_SECONDS if is_settled else 0.0
        return TICK_SECONDS if is_settled else SETTLE_SECONDS

    def _tick(self) -> None:
        if not self._due:
            return
        late, stack = now() - self._due, self._stack
        self._stack = ""
        self._on_lag(max(0.0, late))
        if late >= BLOCKED_SECONDS:
            self._on_blocked()
        if late >= BLOCKED_SECONDS and now() >= self._quiet_until:
            self._quiet_until = now() + _QUIET_SECONDS
            log(
                "hub_blocked", level=logging.WARNING, seconds=round(late, 3), by=stack or "not seen"
            )

    def look(self, thread: int) -> float:
        """From the other thread: note what the loop's thread does where its tick is late; seconds by which it is."""
        late = now() - self._due if self._due else 0.0
        if late >= BLOCKED_SECONDS / 2 and not self._stack:
            self._stack = _places(sys._current_frames().get(thread))
        return late

    @property
    def is_over(self) -> bool:
        """Whether nobody watches any more, or in another process."""
        return self._stopped or self._process != os.getpid()

    def tell(self, late: float) -> None:
        """Write the line of a call that does not come back, past everything that it may hold."""
        line = {
            "level": "error",
            "event": "hub_stuck",
            "seconds": round(late, 1),
            "by": self._stack,
        }
        os.write(2, orjson.dumps(line) + b"\n")


def _look_on(watch: weakref.ref[HubWatch], thread: int) -> None:
    """The thread's work, until nobody watches. It takes no lock of ours, and holds nothing between two looks."""
    from gevent.monkey import get_original

    sleep, told = get_original("time", "sleep"), False
    while True:
        sleep(BLOCKED_SECONDS / 2)
        found = watch()
        if found is None or found.is_over:
            return
        late = found.look(thread)
        if late > STUCK_SECONDS and not told:
            found.tell(late)
        told = late > STUCK_SECONDS
        del found


def _places(frame: FrameType | None) -> str:
    """Where a thread is, from the innermost call outwards."""
    places: list[str] = []
    while frame is not None and len(places) < _DEPTH:
        code = frame.f_code
        places.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
        frame = frame.f_back
    return " < ".join(places)

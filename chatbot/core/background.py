"""Work that goes on beside the requests: a greenlet or a thread that ends with its object.

It is started by the first request and not by the application's start, since some servers fork in between,
and neither threads nor greenlets pass a fork.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from types import MethodType
from weakref import WeakMethod

from chatbot.core.logging import log
from chatbot.core.waiting import spawn

_AFTER_A_BUG = 1.0


class Background:
    """Calls a method again and again, until its object is gone or `stop`. `pause` gives the seconds before each call."""

    def __init__(
        self, method: Callable[[], None], pause: Callable[[], float] = lambda: 0.0
    ) -> None:
        if not isinstance(method, MethodType):
            raise TypeError("expected a bound method")
        self._method: WeakMethod[Callable[[], None]] = WeakMethod(method)
        self._pause = pause
        self._process = 0
        self._stopped = False

    def start(self) -> None:
        """Begin, if it has not begun in this process."""
        if self._process != os.getpid() and not self._stopped:
            self._process = os.getpid()
            spawn(_Loop(self._method, self._pause, lambda: self._stopped).run)

    def stop(self) -> None:
        """End after the call that is under way."""
        self._stopped = True


class _Loop:
    """Holds nothing of the object between two calls."""

    def __init__(
        self,
        method: WeakMethod[Callable[[], None]],
        pause: Callable[[], float],
        stopped: Callable[[], bool],
    ) -> None:
        self._method = method
        self._pause = pause
        self._stopped = stopped

    def run(self) -> None:
        while not self._stopped() and self._once():
            pass

    def _once(self) -> bool:
        time.sleep(self._pause())
        method = self._method()
        if method is None or self._stopped():
            return False
        try:
            method()
        except Exception:
            log("crash", level=logging.ERROR, exc_info=True)
            del method
            time.sleep(_AFTER_A_BUG)
        return True

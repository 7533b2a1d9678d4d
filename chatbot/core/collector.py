"""When Python looks for garbage in cycles: not while thousands of streams run.

A full collection walks over every object there is. With 8,000 live streams that took more than half a second, in which no
event went out, and it came again and again while streams were being opened. Nearly all of what a stream leaves behind is
freed by counting references, and young cycles are still looked for all the time; the full collection is
left to quiet moments, and comes every ten minutes where there are none.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from chatbot.core.waiting import spawn

LOOK_SECONDS = 30.0
QUIET_STREAMS = 100
"""With so few streams a full collection takes some milliseconds."""
_LOOKS_WITHOUT = 20
_THRESHOLDS = (2000, 10, 1_000_000)
"""Young objects, generations of them until the middle-aged are looked at, and the same for all: never by itself."""


def tame(live: Callable[[], int]) -> None:
    """From now on. `live` tells how many streams there are. Called once, when all is loaded."""
    gc.collect()
    gc.freeze()  # what is loaded stays, and need not be looked at again
    gc.set_threshold(*_THRESHOLDS)
    spawn(lambda: _collect_in_quiet_moments(live))


def _collect_in_quiet_moments(live: Callable[[], int]) -> None:
    looks = 0
    while True:
        time.sleep(LOOK_SECONDS)
        looks += 1
        if live() <= QUIET_STREAMS or looks >= _LOOKS_WITHOUT:
            gc.collect()
            looks = 0

"""How much may be diagnosed at once: test patterns cost no provider anything, and still a connection each.

The bounds are this installation's, not a key's: who has several keys has no more of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chatbot.core.errors import RateLimitExceeded
from chatbot.core.meter import LIVE, RATE, Meter, Take

PER_MINUTE, AT_ONCE = 90, 40
"""Patterns: a whole examination starts some twenty, most of them at once."""


def admit_pattern(meter: Meter) -> Callable[[], None]:
    """Let one pattern begin; gives the function that says that it has ended. Raises `RateLimitExceeded`."""
    takes = (
        Take(RATE, "diagnosis:minute", 1.0, PER_MINUTE, 60.0),
        Take(LIVE, "diagnosis:live", 1.0, AT_ONCE, 0.0),
    )
    taken = meter.take(takes)
    if taken.refused is not None:
        raise RateLimitExceeded(
            "Too many test patterns. Try again shortly.", retry_after=max(1, math.ceil(taken.wait)),
            detail="diagnosis",
        )  # fmt: skip
    return lambda: taken.by.change([(takes[1], -1.0)])

"""How often browsers may tell what their visitors saw: a number costs little, and a flood of them would still hide the true ones.

An answer is worth one. An address has room for a school behind it, a bot for what its limits let it answer.
"""

from __future__ import annotations

import math

from chatbot.access.limits import network_of
from chatbot.core.errors import RateLimitExceeded
from chatbot.core.meter import RATE, Meter, Take

PER_ADDRESS, PER_BOT = 300, 6000
"""Of each a minute."""


def admit_perceived(meter: Meter, bot_id: str, address: str) -> None:
    """Let one pass. Raises `RateLimitExceeded`."""
    taken = meter.take((
        Take(RATE, f"perceived:{bot_id}:{network_of(address)}", 1.0, PER_ADDRESS, 60.0),
        Take(RATE, f"perceived:{bot_id}", 1.0, PER_BOT, 60.0),
    ))  # fmt: skip
    if taken.refused is not None:
        raise RateLimitExceeded(
            "Too many of these. Try again shortly.", retry_after=max(1, math.ceil(taken.wait)), detail="perceived"
        )  # fmt: skip

"""What headers say of limits: how near those are that refuse first, by the names that OpenAI gave them.

Source: https://platform.openai.com/docs/guides/rate-limits
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from chatbot.access.limits import Asked
from chatbot.core.meter import LIVE, RATE, Take, Taken

_NOISE = 0.01
"""What a time of today is exact to makes a whole number a little less, or more."""


class _Names(NamedTuple):
    """Of a limit on one thing."""

    limit: str
    remaining: str
    reset: str


_REQUESTS, _TOKENS = (
    _Names(f"X-RateLimit-Limit-{of}", f"X-RateLimit-Remaining-{of}", f"X-RateLimit-Reset-{of}")
    for of in ("Requests", "Tokens")
)


def rate_headers(asked: Asked, left: Sequence[float]) -> dict[str, str]:
    """Of requests and of tokens the limit that fewest more such questions fit into.

    Of several that is the one which takes longer to come back: parts go from the minute to the month.
    """
    headers: dict[str, str] = {}
    _tell_nearest(headers, _REQUESTS, asked.takes[: asked.slots], left)
    _tell_nearest(headers, _TOKENS, asked.takes[asked.tokens :], left[asked.tokens :])
    return headers


def _tell_nearest(
    headers: dict[str, str], names: _Names, takes: Sequence[Take], left: Sequence[float]
) -> None:
    fewest, nearest = math.inf, -1
    for number, (_, _, cost, _, _) in enumerate(takes):
        more = left[number] / (cost or 1.0)
        if more <= fewest:
            fewest, nearest = more, number
    if nearest >= 0:
        _tell(headers, names, takes[nearest], left[nearest])


def headers_of_refusal(asked: Asked, taken: Taken, number: int) -> dict[str, str]:
    """As `rate_headers`, with the limit that has refused before others that would have, too."""
    headers, part = rate_headers(asked, taken.left), asked.parts[number]
    if part.kind != LIVE:
        names = _TOKENS if part.in_tokens else _REQUESTS
        _tell(headers, names, asked.takes[number], taken.left[number])
    return headers


def _tell(headers: dict[str, str], names: _Names, take: Take, left: float) -> None:
    headers[names.limit] = str(int(take.limit))
    headers[names.remaining] = str(int(left + _NOISE))
    headers[names.reset] = _duration(_seconds_to_full(take, left))


def _seconds_to_full(take: Take, left: float) -> float:
    if take.kind == RATE:
        return (take.limit - left) * take.period / take.limit
    return take.period - time.time()


def _duration(seconds: float) -> str:
    """Seconds as `1h2m3s`."""
    whole = max(0, math.ceil(seconds - _NOISE))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60}s"
    return f"{whole // 3600}h{whole % 3600 // 60}m{whole % 60}s"

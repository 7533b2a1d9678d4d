"""What the sums of a machine stood at in each minute of the last day, in a file of fixed size beside them.

A minute's place holds the sums themselves and not what came in it, so a place may be written again and again, by whichever worker does
it: nothing is counted twice when one is killed and another goes on, and a torn place costs no more than where a minute ends.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from chatbot.metrics.families import (
    DURATION,
    FIRST_TOKEN,
    LIVE,
    PER_TOKEN,
    PERCEIVED,
    REFUSALS,
    TOKENS,
    Family,
)
from chatbot.metrics.folder import Counts

MINUTES = 24 * 60
_HISTOGRAMS = (FIRST_TOKEN, PER_TOKEN, PERCEIVED)
PLACE = 4096
"""Bytes of a minute: twice what all codes need, with numbers of ten digits."""


class Counted(NamedTuple):
    """Sums, or what lies between two of them. `live` is the most answers that were under way.

    `first`, `token`, `seen` are the buckets of the first token, of the time per token and of the first token as browsers saw it;
    `output` are tokens, `codes` ends of requests by code.
    """

    live: int
    first: tuple[int, ...]
    token: tuple[int, ...]
    seen: tuple[int, ...]
    output: int
    codes: Mapping[str, int]


class Stand(NamedTuple):
    """The sums at a time, in seconds since 1970; `streams` are under way at it."""

    at: float
    streams: int
    sums: Counted

    @property
    def minute(self) -> int:
        """The minute since 1970 that it is of."""
        return int(self.at // 60)


def stand_of(counts: Counts, at: float) -> Stand:
    """What all workers have counted, summed over bots, providers and models."""
    codes: Counter[str] = Counter()
    for (name, labels), values in counts.series.items():
        if name in (DURATION.name, REFUSALS.name):
            codes[labels[-1]] += int(sum(values[1:] or values))
    streams = int(counts.series.get((LIVE.name, ()), [0.0])[0])
    output = sum(
        v[0] for (n, ls), v in counts.series.items() if n == TOKENS.name and ls[-1] == "output"
    )
    first, token, seen = (_buckets(counts, family) for family in _HISTOGRAMS)
    return Stand(round(at, 1), streams, Counted(streams, first, token, seen, int(output), codes))


def _buckets(counts: Counts, family: Family) -> tuple[int, ...]:
    found = [values[1:] for (name, _), values in counts.series.items() if name == family.name]
    return tuple(int(sum(column)) for column in zip([0] * (family.size - 1), *found, strict=True))


def encoded(stand: Stand) -> bytes:
    """A place's content: a check sum, and JSON."""
    text = json.dumps(stand, separators=(",", ":")).encode()
    return b"%08x %s" % (crc32(text), text)


def decoded(data: bytes) -> Stand | None:
    """What a place says; None for one that is empty, torn, or of another version."""
    check, _, text = data.rstrip(b"\0").partition(b" ")
    try:
        if int(check, 16) != crc32(text):
            return None
        at, streams, (live, first, token, seen, output, codes) = json.loads(text)
        fits = all(
            len(have) == family.size - 1
            for have, family in zip((first, token, seen), _HISTOGRAMS, strict=True)
        )
    except (ValueError, TypeError):
        return None
    sums = Counted(live, tuple(first), tuple(token), tuple(seen), output, codes)
    return Stand(at, streams, sums) if fits else None


class MinutesFile:
    """The minutes of this machine."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "minutes.ring"

    def read(self, minutes: Sequence[int]) -> list[bytes]:
        """What the places of these minutes hold, of whichever day. Raises `OSError`."""
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return [b""] * len(minutes)
        try:
            return [os.pread(descriptor, PLACE, _place(minute)) for minute in minutes]
        finally:
            os.close(descriptor)

    def write(self, minute: int, data: bytes) -> None:
        """Put down a minute in the place of the same minute of the day before. Raises `OSError`."""
        if len(data) > PLACE:
            raise OSError("a minute has no room in its place")
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, data.ljust(PLACE, b"\0"), _place(minute))
        finally:
            os.close(descriptor)


def _place(minute: int) -> int:
    return minute % MINUTES * PLACE


class Trace:
    """The stands of one machine, in their order: what came in any span is one subtraction, and not one for each minute."""

    def __init__(self, stands: Sequence[Stand]) -> None:
        self._stands = stands
        self._minutes = [stand.minute for stand in stands]
        totals = [sum(stand.sums.codes.values()) for stand in stands]
        self._anew = [n for n in range(1, len(stands)) if totals[n] < totals[n - 1]]
        """Where counters begin anew, since their folder was removed."""

    @property
    def last(self) -> Stand | None:
        """The newest."""
        return self._stands[-1] if self._stands else None

    def came(self, begin: int, end: int) -> Counted | None:
        """What came from one minute until another one began; None where nothing was put down. Nothing is known of the first."""
        low, high = bisect_left(self._minutes, begin), bisect_left(self._minutes, end)
        if low == high:
            return None
        edges = [max(0, low - 1), *(n for n in self._anew if low <= n < high), high]
        parts = [self._piece(n, until) for n, until in pairwise(edges)]
        live = max(stand.sums.live for stand in self._stands[low:high])
        return (parts[0] if len(parts) == 1 else plus(parts))._replace(live=live)

    def _piece(self, begin: int, end: int) -> Counted:
        """What came between two stands; where counters began anew, all of the last one."""
        last = self._stands[end - 1].sums
        return last if begin in self._anew else minus(last, self._stands[begin].sums)


def minus(later: Counted, earlier: Counted) -> Counted:
    """What came between two sums; never below 0."""
    first, token, seen = (
        tuple(a - b if a > b else 0 for a, b in zip(x, y, strict=True))
        for x, y in zip(later[1:4], earlier[1:4], strict=True)
    )
    codes = Counter(later.codes) - Counter(earlier.codes)
    output = max(0, later.output - earlier.output)
    return Counted(later.live, first, token, seen, output, codes)


def plus(parts: Iterable[Counted], *, side_by_side: bool = False) -> Counted:
    """All of these together; of answers under way the most, or their sum where they are of machines `side_by_side`."""
    found, codes = [*parts], Counter[str]()
    for part in found:
        codes.update(part.codes)
    lives = [part.live for part in found]
    live = sum(lives) if side_by_side else max(lives, default=0)
    first, token, seen = (
        tuple(map(sum, zip([0] * (family.size - 1), *(part[n] for part in found), strict=True)))
        for n, family in enumerate(_HISTOGRAMS, 1)
    )
    return Counted(live, first, token, seen, sum(part.output for part in found), codes)


def quantile(buckets: Sequence[float], counts: Sequence[float], part: float) -> float | None:
    """The value below which a part (0 to 1) lies, by a straight line within its bucket; the last bound for all that is over it.

    None of nothing.
    """
    total, below = sum(counts), 0.0
    if not total:
        return None
    low, wanted = 0.0, part * total
    for bound, count in zip(buckets, counts, strict=False):
        if count and below + count >= wanted:
            return low + (bound - low) * (wanted - below) / count
        low, below = bound, below + count
    return buckets[-1]

"""Plots as SVG paths in a box of 600 by 150, which a page stretches to its width; what is written beside them stays text.

So a plot is there without JavaScript, and its words have one size on a phone and on a desk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

WIDTH, HEIGHT = 600, 150
Values = Sequence[float | None]


@dataclass(frozen=True)
class Plot:
    """One plot. `lines` are names of looks and paths; `ticks` are written beside it from top to bottom; `grid` is a path."""

    lines: tuple[tuple[str, str], ...]
    ticks: tuple[str, ...]
    grid: str


def times(series: Sequence[tuple[str, Values]]) -> Plot:
    """Seconds on an axis where each step is ten times the one below: 0.2 s and 20 s can both be read."""
    found = [v for _, values in series for v in values if v]
    low = math.floor(math.log10(min(found, default=0.1)))
    high = max(low + 1, math.ceil(math.log10(max(found, default=1.0))))

    def height(value: float) -> float:
        part = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return HEIGHT * (1 - part)

    lines = tuple(
        (look, _line([None if v is None else height(v) for v in values])) for look, values in series
    )
    ticks = tuple(seconds(10.0**power) for power in range(high, low - 1, -1))
    return Plot(lines, ticks, _grid(high - low))


def amounts(look: str, values: Values) -> Plot:
    """Something that is counted, from 0 on."""
    top = _round(max((v for v in values if v), default=1.0))
    steps = [None if v is None else HEIGHT * (1 - v / top) for v in values]
    ticks = tuple(f"{top * part:g}" for part in ((1, 0.5, 0) if top > 1 else (1, 0)))
    return Plot(((look, _bars(steps)),), ticks, _grid(len(ticks) - 1))


def seconds(value: float | None) -> str:
    """A time as it is read: milliseconds below a second."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.3g} s"


def _round(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power = 10.0 ** math.floor(math.log10(max(value, 1.0)))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value)


def _places(heights: Values) -> Iterator[tuple[float, float | None]]:
    step = WIDTH / max(1, len(heights))
    return ((n * step, y) for n, y in enumerate(heights))


def _line(heights: Values) -> str:
    """A line through the middle of each span; where nothing is known it is interrupted, and a value without neighbours is as wide as its span."""
    step = WIDTH / max(1, len(heights))
    runs = (list(run) for known, run in groupby(_places(heights), _is_known) if known)
    return "".join(_run(run, step) for run in runs)


def _is_known(place: tuple[float, float | None]) -> bool:
    return place[1] is not None


def _run(places: list[tuple[float, float | None]], step: float) -> str:
    if len(places) == 1:
        x, y = places[0]
        return f"M{x:.1f} {y:.1f}h{step:.1f}"
    return "M" + "L".join(f"{x + step / 2:.1f} {y:.1f}" for x, y in places)


def _bars(heights: Values) -> str:
    width = WIDTH / max(1, len(heights)) * 0.8
    return "".join(
        f"M{x:.1f} {HEIGHT}V{y:.1f}h{width:.1f}V{HEIGHT}z"
        for x, y in _places(heights)
        if y is not None and y < HEIGHT
    )


def _grid(steps: int) -> str:
    return "".join(f"M0 {n * HEIGHT / steps:g}H{WIDTH}" for n in range(steps + 1))

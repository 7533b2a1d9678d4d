"""How long each part of an examination takes. Tests give a front one second where it has a minute, and wait less."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds and counts. `idle` are the silences that are tried; `hold` is how long many streams are held at once."""

    events: int = 6
    every: float = 0.25
    idle: tuple[float, ...] = (30.0, 60.0, 100.0)
    silence: float = 3.0
    goodbye: float = 0.25
    streams: int = 12
    hold: float = 4.0
    certificate_days: int = 14
    clock: float = 30.0

    def quick(self) -> Pace:
        """The same without the long silences."""
        return Pace(**{**vars(self), "idle": ()})

"""What a number of live answers needs, by what was measured: pure arithmetic on `costs.json`, which `make bench` writes.

An answer costs once for its question and then for each of its events. So cores follow from both rates, memory and
descriptors from how many are open at a time, and Redis and the database from questions alone: no event touches them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatbot.core.descriptors import descriptors_for

FILE = Path(__file__).with_name("costs.json")
BUSY = 0.6
"""How busy a core may be: above it events wait for one another, and there is nothing left for a peak."""
SPARE = 1.25
"""Places are set so much higher than what is expected, since answers never spread evenly over workers."""
LINK_BITS = 1e9
PORTS = 28_000
"""Connections that Linux makes from one address to one other, as it is set up: nginx needs one for each answer."""


@dataclass(frozen=True)
class Load:
    """Answers that are under way at a time; `words` events each, `pace` of them a second."""

    streams: int
    words: float = 200.0
    pace: float = 20.0
    rate: float = 0.0
    """Questions a second; 0: as many as end meanwhile."""

    @property
    def questions(self) -> float:
        """Questions a second."""
        return self.rate or self.streams * self.pace / self.words

    @property
    def events(self) -> float:
        """Events a second, of all answers."""
        return self.streams * self.pace


def read_costs() -> dict[str, Any]:
    """The file: `machine`, `costs`, `measured`."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def cpu_seconds(costs: Mapping[str, float], questions: float, events: float) -> float:
    """Of the workers, for so many questions with so many events in all."""
    return questions * costs["question_ms"] / 1e3 + events * costs["event_us"] / 1e6


def memory_mb(costs: Mapping[str, float], streams: float, workers: int = 1) -> float:
    """Of all workers, while so many answers are under way."""
    return workers * costs["worker_mb"] + streams * costs["stream_kb"] / 1e3


def descriptors(costs: Mapping[str, float], streams: float) -> float:
    """That one worker has open for so many answers, without what it keeps for the next ones."""
    return streams * costs["descriptors_per_stream"]


def needs(load: Load, costs: Mapping[str, float]) -> dict[str, Any]:
    """What the load needs, what to set for it, and how many answers each part carries alone."""
    cores = cpu_seconds(costs, load.questions, load.events)
    workers = max(1, math.ceil(cores / BUSY))
    places = math.ceil(load.streams * SPARE / workers)
    return {
        "load": {**asdict(load), "questions_per_second": load.questions, "events_per_second": load.events},
        "needs": {
            "cores": cores, "memory_mb": memory_mb(costs, load.streams, workers),
            "descriptors": descriptors_for(places) * workers,
            "megabits_per_second": 8e-6 * load.events * costs["event_bytes"],
            "redis_commands_per_second": load.questions * costs["redis_commands"],
            "database_rows_per_second": load.questions * costs["database_rows"],
        },
        "set": {
            "WEB_CONCURRENCY": workers, "CHATBOT_MAX_STREAMS": places, "LimitNOFILE": descriptors_for(places),
            "worker_connections": 2 * math.ceil(load.streams * SPARE) + 512,
        },
        "carries": dict(sorted(carries(load, costs).items(), key=lambda part: part[1])),
    }  # fmt: skip


def carries(load: Load, costs: Mapping[str, float]) -> dict[str, int]:
    """Answers of this kind at a time that each part carries: what is least is full first."""
    one = Load(1, load.words, load.pace, load.rate / load.streams)
    per_stream = {
        "a worker's core": cpu_seconds(costs, one.questions, one.events) / BUSY,
        "Redis' core": one.questions * costs["redis_ms"] / 1e3 / BUSY,
        "PostgreSQL, one core of it": one.questions * costs["database_ms"] / 1e3 / BUSY,
        "a link of 1 Gbit/s": 8 * one.events * costs["event_bytes"] / LINK_BITS / BUSY,
        "ports between nginx and one address": 1 / PORTS,
    }
    return {part: round(1 / share) for part, share in per_stream.items() if share > 0}

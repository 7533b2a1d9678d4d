"""The promise as a number: this server between visitors and a provider with the latencies that started the project.

    python -m bench.origin [--runs 200] [--pairs-per-second 4]

Each run asks the same question with streaming and without, as a visitor with a publishable key, of the server as it is shipped (one
worker). In real time: the runs begin one after another and go on side by side. Our own share is what lies between a question's
leaving the visitor and its arrival at the provider, and between the first word's leaving the provider and its arrival at
the visitor; one clock sees all four.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from time import monotonic
from urllib.request import urlopen

from bench.origin_provider import length_of
from bench.processes import LOAD_CORE, RELAY_CORE, free_port, ours, running
from bench.visitors import Visitors

WORD = re.compile(rb'"content": ?"[^"]')


@dataclass
class Answer:
    """Seconds by the monotonic clock; `first` 0.0: there was no word."""

    began: float
    first: float = 0.0
    ended: float = 0.0
    is_whole: bool = False

    @property
    def wait(self) -> float:
        return self.first - self.began

    @property
    def total(self) -> float:
        return self.ended - self.began


async def ask(port: int, key: str, number: int, *, stream: bool) -> Answer:
    """One question on a connection of its own, to its answer's last byte."""
    body = json.dumps(
        {"stream": stream, "messages": [{"role": "user", "content": f"Run {number}"}]}
    ).encode()
    head = (
        "POST /api/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answer = Answer(monotonic())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        await (read_stream if stream else read_whole)(reader, answer)
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        pass
    answer.ended = monotonic()
    return answer


async def read_stream(reader: asyncio.StreamReader, answer: Answer) -> None:
    seen = b""
    while not seen.endswith(b"0\r\n\r\n"):
        piece = await reader.read(65536)
        if not piece:
            return
        seen += piece
        if not answer.first and WORD.search(seen):
            answer.first = monotonic()
    answer.is_whole = bool(answer.first) and b"data: [DONE]\n\n" in seen


async def read_whole(reader: asyncio.StreamReader, answer: Answer) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(length_of(head))
    answer.first = monotonic()
    answer.is_whole = head.startswith(b"HTTP/1.1 200 ") and WORD.search(body) is not None


async def crowd(port: int, key: str, runs: int, pairs_per_second: float) -> list[list[Answer]]:
    """Answers with streaming, and without, in the order of their runs."""

    async def later(number: int, *, stream: bool) -> Answer:
        # The two of a pair half a step apart: they are not to wait for one another.
        await asyncio.sleep((number + 0.5 * stream) / pairs_per_second)
        return await ask(port, key, number, stream=stream)

    found = await asyncio.gather(
        *(later(n, stream=stream) for stream in (True, False) for n in range(runs))
    )
    return [found[:runs], found[runs:]]


def p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def shares(streams: list[Answer], times: dict[str, list[float]]) -> list[float]:
    """Our own part of each wait for the first word, in seconds."""
    known = [(answer, times[str(n)]) for n, answer in enumerate(streams) if answer.is_whole]
    return [arrived - a.began + a.first - left for a, (arrived, left) in known]


def rows(
    streams: list[Answer], others: list[Answer], times: dict[str, list[float]]
) -> list[tuple[str, str, str, bool | None]]:
    """What was measured, its value, the goal, and whether it is met (None: there is none)."""
    waits, totals = ([a.wait for a in all_ if a.is_whole] for all_ in (streams, others))
    own, good = shares(streams, times), len(waits) + len(totals)
    if not waits or not totals:
        sys.exit("no answer came whole")
    sooner = 100 * (1 - mean(waits) / mean(totals))
    return [
        ("without streaming, the least wait for a word", f"{min(totals):.1f} s", "", None),
        ("without streaming, on average", f"{mean(totals):.1f} s", "", None),
        ("without streaming, P95", f"{p95(totals):.1f} s", "", None),
        ("streaming, first word on average", f"{mean(waits):.2f} s", "under 1 s (asked: 1.2 s)", mean(waits) < 1),
        ("streaming, first word P95", f"{p95(waits):.2f} s", "under 1 s (asked: 2 s)", p95(waits) < 1),
        ("our own share, median", f"{1e3 * sorted(own)[len(own) // 2]:.1f} ms", "", None),
        ("our own share, P95", f"{1e3 * p95(own):.1f} ms", "under 10 ms", p95(own) < 0.01),
        ("sooner, by the averages", f"{sooner:.1f} %", "over 90 %", sooner > 90),
        ("answers that came whole", f"{good} of {2 * len(streams)}", "all", good == 2 * len(streams)),
    ]  # fmt: skip


def table(found: list[tuple[str, str, str, bool | None]]) -> str:
    words = {True: "met", False: "**missed**", None: ""}
    lines = [f"| {name} | {value} | {goal} | {words[met]} |" for name, value, goal, met in found]
    return "\n".join(["| measured |  | goal |  |", "| --- | --- | --- | --- |", *lines]) + "\n"


def measure(
    runs: int, pairs_per_second: float, profile: str
) -> list[tuple[str, str, str, bool | None]]:
    """Start provider and server, ask, and stop both."""
    port, upstream = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command, environ = ours(folder, port, upstream)
        provider = [sys.executable, "-m", "bench.origin_provider", str(upstream), profile]
        with (
            running(provider, upstream, LOAD_CORE, folder / "provider.log"),
            running(command, port, RELAY_CORE, folder / "ours.log", **environ),
        ):
            key = Visitors(folder / "data", port).authorization("mock-origin")
            # The crowd's own pauses are not to be taken for ours.
            gc.disable()
            os.sched_setaffinity(0, LOAD_CORE)
            streams, others = asyncio.run(crowd(port, key, runs, pairs_per_second))
            with urlopen(f"http://127.0.0.1:{upstream}/times") as answer:
                times = json.load(answer)
    return rows(streams, others, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--pairs-per-second", type=float, default=4.0)
    parser.add_argument("--profile", default="origin", help="of the mock: origin, demo, instant")
    options = parser.parse_args()
    found = measure(options.runs, options.pairs_per_second, options.profile)
    sys.stdout.write(table(found))
    sys.exit(any(met is False for *_, met in found))


if __name__ == "__main__":
    main()

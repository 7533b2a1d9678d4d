"""What one stream, one event and one question cost, for `python -m chatbot capacity`; and live streams to hold that to.

    python -m bench.costs

Writes `chatbot/core/costs.json`, which ships with the package. The costs come from runs of their own (short answers, 100 live
streams, 1,000 silent ones); the figures that the prediction is held to come from others: 100, 1,000 and 8,000 at a time.
Redis' commands and the database's transactions are counted by Redis and PostgreSQL themselves, over questions of visitors.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.processes import LOAD_CORE, RELAY_CORE, Tree, free_port, ours, running
from bench.visitors import Visitors
from chatbot.core import capacity

CHECKS = ((100, 10.0, 6.0), (1000, 10.0, 5.0), (8000, 0.25, 40.0))
"""Streams at a time, events a second of each, seconds."""
QUESTIONS = 400


class Peak:
    """The most memory and descriptors that a tree of processes has at a time, while this is entered."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self._over = tree, threading.Event()
        self.memory = self.descriptors = 0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.memory = max(self.memory, self._tree.memory())
            self.descriptors = max(self.descriptors, descriptors(self._tree))


def descriptors(tree: Tree) -> int:
    """Open ones of the process that has most: limits are a process's."""
    counts = [0]
    for pid in tree.pids():
        with contextlib.suppress(OSError):
            counts.append(len(os.listdir(f"/proc/{pid}/fd")))
    return max(counts)


def costs(bench: Any) -> dict[str, float]:
    """Of one worker that is warm: see the names."""
    tree = bench.tree
    idle = descriptors(tree)
    bench.load(32, 1000, "b_16_0_32")
    base = tree.memory()
    short = bench.load(32, 4000, "b_16_0_32")
    question = short["cpu"] / short["whole"]
    live = sorted(_event(bench, question) for _ in range(3))[1]
    with Peak(tree) as silent:
        bench.load(1000, 1000, "b_2_2000000_32", ramp_us=1000)
    return {
        "worker_mb": base / 1e6,
        "stream_kb": (silent.memory - base) / 1000 / 1e3,
        "question_ms": question * 1e3,
        "event_us": live * 1e6,
        "event_bytes": short["bytes"] / short["events"],
        "descriptors_per_stream": (silent.descriptors - idle) / 1000,
    }


def _event(bench: Any, question: float) -> float:
    """CPU seconds of one event of a live stream, without the question's."""
    found = bench.live(100, 50, 6)
    return max(1e-6, (found["cpu"] - 100 * question) / found["events"])


def check(bench: Any, streams: int, per_second: float, seconds: float) -> dict[str, float]:
    """So many streams at a time, measured."""
    bench.load(4, 200, "b_16_0_32")
    with Peak(bench.tree) as peak:
        found = bench.live(streams, per_second, seconds)
    return {
        "streams": streams, "events": found["events"], "seconds": found["seconds"], "cpu_seconds": found["cpu"],
        "memory_mb": peak.memory / 1e6, "descriptors": peak.descriptors,
        "broken": found["broken"], "lost": found["lost"],
    }  # fmt: skip


def stores(make: Callable[..., Any], wire: Path, upstream: int, folder: Path) -> dict[str, float]:
    """Redis' commands and CPU, the database's transactions, rows and CPU, for one question of a visitor."""
    from tests.engines import postgresql, redis_server

    folder.mkdir()
    with redis_server(folder) as (redis_url, _), postgresql() as server:
        url = server.new_database()
        environ = {"CHATBOT_REDIS_URL": redis_url, "CHATBOT_DATABASE_URL": url}
        with _server(folder, upstream, **environ) as (tree, port):
            bench = make(
                wire, port, tree, quick=False, slow=False, visitors=Visitors(folder, port, url)
            )
            bench.load(8, 50, "b_16_0_32")
            assert server.process is not None
            before = _counted(redis_url, url, server.process.pid)
            bench.load(8, QUESTIONS, "b_16_0_32")
            after = _counted(redis_url, url, server.process.pid)
    names = ("redis_commands", "redis_ms", "database_transactions", "database_rows", "database_ms")
    return {n: (b - a) / QUESTIONS for n, a, b in zip(names, before, after, strict=True)}


def _counted(redis_url: str, database_url: str, database_pid: int) -> list[float]:
    import time

    import psycopg
    import redis

    time.sleep(11)  # an idle process of PostgreSQL tells what it has counted after 10 s
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        commands = float(client.info("stats")["total_commands_processed"])
        cpu = client.info("cpu")
    query = "SELECT xact_commit, tup_inserted + tup_updated FROM pg_stat_database WHERE datname = current_database()"
    with contextlib.closing(psycopg.connect(database_url, autocommit=True)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    spent = 1e3 * (cpu["used_cpu_sys"] + cpu["used_cpu_user"])
    return [commands, spent, *map(float, row), 1e3 * Tree(database_pid).cpu()]


@contextlib.contextmanager
def _server(folder: Path, upstream: int, **environ: str) -> Iterator[tuple[Tree, int]]:
    port = free_port()
    command, own = ours(folder, port, upstream)
    with running(command, port, RELAY_CORE, folder / "costs.log", **own, **environ) as tree:
        yield tree, port


def measure(make: Callable[..., Any], wire: Path, upstream: int, folder: Path) -> dict[str, Any]:
    """All of it. `make` is the crowd: `bench.__main__.Bench`."""
    folder.mkdir(exist_ok=True)

    def fresh(name: str, act: Callable[[Any], Any]) -> Any:
        own = folder / name
        own.mkdir()
        with _server(own, upstream) as (tree, port):
            visitors = Visitors(own / "data", port)
            return act(make(wire, port, tree, quick=False, slow=False, visitors=visitors))

    measured = [fresh(f"check{c[0]}", lambda b, c=c: check(b, *c)) for c in CHECKS]
    found = {"machine": machine(), "costs": fresh("costs", costs), "measured": measured}
    found["costs"] |= stores(make, wire, upstream, folder / "stores")
    return found


def machine() -> dict[str, object]:
    """What was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")
    return {"cores": os.cpu_count(), "model": model, "python": platform.python_version()}


def write(found: dict[str, Any]) -> None:
    """Put it where the package has it."""
    capacity.FILE.write_text(json.dumps(_rounded(found), indent=1) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def table(known: dict[str, Any]) -> str:
    """What was measured beside what the costs predict, in Markdown."""
    of = known["costs"]
    lines = [
        "| answers at a time | events | CPU, s: predicted, measured | memory, MB | descriptors |",
        "| --- | --- | --- | --- | --- |",
    ]
    for m in known["measured"]:
        cpu = capacity.cpu_seconds(of, m["streams"], m["events"])
        memory, most = capacity.memory_mb(of, m["streams"]), capacity.descriptors(of, m["streams"])
        lines.append(
            f"| {m['streams']:,} | {m['events']:,} | {cpu:.1f}, {m['cpu_seconds']:.1f} "
            f"| {memory:.0f}, {m['memory_mb']:.0f} | {most:,.0f}, {m['descriptors']:,} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    from bench.__main__ import Bench, build

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wire, upstream = build(folder), free_port()
        command = [str(wire), "upstream", str(upstream)]
        with running(command, upstream, LOAD_CORE, folder / "upstream.log"):
            write(measure(Bench, wire, upstream, folder / "costs"))
    sys.stdout.write(table(capacity.read_costs()))


if __name__ == "__main__":
    main()

"""`make bench`: what this relay costs, beside others, in one run.

    python -m bench [--only ours,nginx] [--quick] [--out FOLDER]

Only ratios within one run count: machines are noisy. The relay has a core of its own; the provider and the
crowd (bench/tools/wire.c, built here) share the other. They are measured alone first: what they need is
not the relay's. Costs are CPU seconds of the relay's whole process tree; a stream that is not whole fails the
run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench import costs
from bench.processes import (
    KEY,
    LOAD_CORE,
    RELAY_CORE,
    RELAYS,
    ROOT,
    Tree,
    available,
    free_port,
    running,
)
from bench.report import picture, tables
from bench.visitors import Visitors

SLOW = ("iter_lines", "litellm")


class Bench:
    """The crowd against one address."""

    def __init__(
        self,
        wire: Path,
        port: int,
        tree: Tree | None,
        *,
        quick: bool,
        slow: bool,
        visitors: Visitors | None = None,
    ) -> None:
        self.wire, self.port, self.tree, self.visitors = wire, port, tree, visitors
        self.quick, self.slow = quick, slow

    def load(
        self, connections: int, requests: int, model: str, ramp_us: int = 0, prompt: int = 5
    ) -> dict:
        """Run the crowd to its end; its figures, and the CPU seconds of the relay meanwhile (`cpu`)."""
        key = self.visitors.authorization(model) if self.visitors else KEY
        before = self.tree.cpu() if self.tree else 0.0
        command = [str(self.wire), "load", str(self.port), str(connections), str(requests), str(ramp_us),
                   model, key, str(prompt)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, LOAD_CORE))  # fmt: skip
        found = json.loads(done.stdout)
        found["cpu"] = (self.tree.cpu() if self.tree else 0.0) - before
        found["lost"] = requests * int(model.split("_")[1]) - found["events"]
        if found["broken"] or found["lost"]:
            sys.stderr.write(
                f"  {found['broken']} streams not whole, {found['lost']} events lost\n"
            )
        return found

    def share(self, count: int) -> int:
        """Fewer requests where a relay is slow or a quick look is wanted."""
        return max(1, count // (10 if self.slow else 1) // (4 if self.quick else 1))

    def live(self, streams: int, per_second: float, seconds: float) -> dict:
        """Streams side by side, each with so many events a second."""
        events = max(2, int(per_second * seconds))
        found = self.load(streams, streams, f"b_{events}_{int(1e6 / per_second)}_32",
                          ramp_us=max(1500, int(1e6 / per_second / streams)))  # fmt: skip
        found["cpu_per_event_us"] = found["cpu"] / found["events"] * 1e6
        return found

    def live_median(self) -> dict:
        """What an idle core counts as CPU varies."""
        seconds = 3 if self.quick else 6
        return _median(lambda: self.live(100, 50, seconds), "cpu_per_event_us")

    def short_median(self) -> dict:
        """So does how fast this machine is, from one second to the next."""
        return _median(self.short, "cpu_per_stream_ms")

    def short(self) -> dict:
        found = self.load(32, self.share(3000), "b_16_0_32")
        found["cpu_per_stream_ms"] = found["cpu"] / found["whole"] * 1e3
        return found

    def full_speed(self) -> dict:
        events = self.share(50_000)
        found = self.load(8, 16, f"b_{events}_0_32")
        found["cpu_per_event_us"] = found["cpu"] / found["events"] * 1e6
        return found

    def idle(self) -> dict:
        return self.load(1, self.share(1000), "b_2_0_32")

    def memory(self) -> dict:
        """Memory of 1,000 streams that are open and silent, each."""
        if self.tree is None:
            return {}
        self.load(32, 200, "b_16_0_32")
        before, seen = self.tree.memory(), []
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.1):
                seen.append(self.tree.memory())

        thread = threading.Thread(target=look)
        thread.start()
        streams = 200 if self.slow else 1000
        found = self.load(streams, streams, "b_2_2000000_32", ramp_us=1000)
        stop.set()
        thread.join()
        found["memory_per_stream_kb"] = (max(seen) - before) / streams / 1024
        return found

    def many(self) -> dict:
        return self.live(1000, 10, 5)

    def crowd(self) -> dict:
        return self.live(8000, 0.25, 8)

    def in_a_row(self) -> dict:
        """Tens of thousands of streams: does memory grow?"""
        assert self.tree is not None
        self.load(32, 2000, "b_16_0_32")
        before = self.tree.memory()
        found = self.load(32, 5_000 if self.quick else 50_000, "b_16_0_32")
        found["memory_growth_mb"] = (self.tree.memory() - before) / 1024 / 1024
        return found

    def beside(self, heavy: tuple[int, int, str, int]) -> dict:
        """50 streams at 20 events/s, while somebody asks for much."""
        connections, requests, model, prompt = heavy
        result: dict = {}
        small = threading.Thread(target=lambda: result.update(self.live(50, 20, 4)))
        small.start()
        time.sleep(1)
        result["heavy"] = self.load(connections, requests, model, prompt=prompt)
        small.join()
        return result

    def knee(self) -> list[dict]:
        """More and more live streams at 10 events/s, until the p99 delay of an event passes 50 ms."""
        found = []
        for streams in (100, 200, 400, 800, 1200, 1600, 2400, 3200, 4800, 6400):
            found.append({"streams": streams, **self.live(streams, 10, 3)})
            if found[-1]["delay_p99"] > 50:
                break
        return found


def _median(run: Callable[[], dict], name: str) -> dict:
    """The middle of three runs by this figure, with what all of them have lost."""
    runs = [run() for _ in range(3)]
    middle = sorted(runs, key=lambda found: found[name])[1]
    return {**middle, **{lost: sum(found[lost] for found in runs) for lost in ("broken", "lost")}}


BOTH: dict[str, Callable[[Bench], object]] = {
    "live": Bench.live_median,
    "short": Bench.short_median,
    "full_speed": Bench.full_speed,
    "idle": Bench.idle,
    "memory": Bench.memory,
}
MORE: dict[str, Callable[[Bench], object]] = {
    "many": Bench.many,
    "crowd": Bench.crowd,
    "large_prompts": lambda b: b.beside((2, 40, "b_2_0_32", 100_000)),
    "large_answers": lambda b: b.beside((1, 4, "b_50000_0_200", 5)),
    "knee": Bench.knee,
    "in_a_row": Bench.in_a_row,
}


def build(folder: Path) -> Path:
    """Compile the provider and the crowd."""
    wire = folder / "wire"
    source = ROOT / "bench" / "tools" / "wire.c"
    subprocess.run(["gcc", "-O2", "-o", str(wire), str(source)], check=True)
    return wire


def measure(
    name: str, wire: Path, upstream: int, folder: Path, *, quick: bool, all_of_it: bool
) -> dict:
    port = free_port()
    command, environ = RELAYS[name](folder, port, upstream)
    with running(command, port, RELAY_CORE, folder / f"{name}.log", **environ) as tree:
        visitors = Visitors(folder / "data", port) if name == "ours" else None
        bench = Bench(wire, port, tree, quick=quick, slow=name in SLOW, visitors=visitors)
        bench.load(4, 50, "b_16_0_32")
        wanted = {**BOTH, **(MORE if all_of_it else {})}
        found = {}
        for title, scenario in wanted.items():
            sys.stderr.write(f"{name}: {title}\n")
            found[title] = scenario(bench)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="relays, comma-separated")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else available()
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        wire, upstream = build(folder), free_port()
        command = [str(wire), "upstream", str(upstream)]
        stack.enter_context(running(command, upstream, LOAD_CORE, folder / "upstream.log"))
        alone = Bench(wire, upstream, None, quick=options.quick, slow=False)
        results["no relay"] = {title: scenario(alone) for title, scenario in BOTH.items()}
        for relay in names:
            all_of_it = relay == "ours" and not options.quick
            results[relay] = measure(
                relay, wire, upstream, folder, quick=options.quick, all_of_it=all_of_it
            )
        if not options.quick and "ours" in names:
            sys.stderr.write("ours: costs\n")
            costs.write(costs.measure(Bench, wire, upstream, folder / "costs"))
    machine = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
    }
    (options.out / "results.json").write_text(
        json.dumps({"machine": machine, "results": results}, indent=1)
    )
    if results.get("ours", {}).get("knee"):
        (options.out / "delay.svg").write_text(picture(results["ours"]["knee"]))
    sys.stdout.write(tables(results))
    broken = [
        n
        for n, r in results.items()
        for s in r.values()
        if isinstance(s, dict) and (s.get("broken") or s.get("lost"))
    ]
    if "ours" in broken:
        sys.exit("ours lost a stream")


if __name__ == "__main__":
    main()

"""What an open answer costs each server: `python -m tests.hosting.fronts.cost` prints the table of `docs/hosting/other-servers.md`.

Memory is what the server's processes have more, of their own, with 200 answers open than with eight.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.hosting.fronts.cells import CELLS, NAMES, Cell
from tests.hosting.fronts.checks import STREAMS
from tests.hosting.fronts.client import question
from tests.hosting.fronts.machine import memory
from tests.hosting.fronts.started_cells import Site, make_certificates, running_site

OPEN_SECONDS = 25.0


def _kilobytes_each(site: Site) -> float:
    few = 8
    before = _with_answers_open(site, few)
    return (_with_answers_open(site, STREAMS) - before) / (STREAMS - few) / 1024


def _with_answers_open(site: Site, answers: int) -> int:
    """The server's memory while so many are open."""
    with ExitStack() as stack:
        visitors = []
        for _ in range(answers):
            visitors.append(stack.enter_context(site.visitor()))
            visitors[-1].ask(question(first_token=0, pace=OPEN_SECONDS, tokens=2))
        for visitor in visitors:
            next(visitor.pieces(visitor.head()))
        time.sleep(1)
        return memory([site.server.pid])


def _first(server: str) -> Cell:
    return next(cell for cell in CELLS if cell.server == server)


def main() -> None:
    """Print a row for each server."""
    certificates = make_certificates(Path(tempfile.mkdtemp()))
    print("| server | memory for each open answer (KB) |\n| --- | --- |")
    for server in ("gevent", "threads", "uwsgi", "mod_wsgi"):
        with running_site(_first(server), certificates) as site:
            print(f"| {NAMES[server]} | {_kilobytes_each(site):.0f} |", flush=True)


if __name__ == "__main__":
    main()

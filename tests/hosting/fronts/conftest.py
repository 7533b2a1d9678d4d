"""Every cell is started at the first test, and all are asked side by side; each test waits for what its cell said.

Only with HOSTING=1, as `make test-hosting` sets it: the servers are more than a machine has that runs the other tests, and
70 s of silence are 70 s.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.hosting.fronts.cells import CELLS, CHECKS, Cell, table
from tests.hosting.fronts.checks import BY_NAME
from tests.hosting.fronts.started_cells import AT_ONCE, Site, make_certificates, running_site
from tests.server import ROOT

if not os.environ.get("HOSTING"):
    collect_ignore_glob = ["test_*.py"]
PAGE = ROOT / "docs/hosting/README.md"
BEGIN, END = "<!-- cells -->\n", "<!-- end of cells -->\n"
_said: dict[tuple[Cell, str], str] = {}


class Asked:
    """What each cell says of each check, as soon as it says it."""

    def __init__(self, certificates: Path, wanted: set[tuple[Cell, str]]) -> None:
        self._certificates = certificates
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._said = {each: Future() for each in wanted}
        for cell in CELLS:
            if any(cell == each for each, _ in wanted):
                self._pool.submit(self._ask, cell)

    def said(self, cell: Cell, check: str) -> str:
        """The cell's word. Raises what its check raised."""
        word = self._said[cell, check].result(900)
        _said[cell, check] = word
        return word

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _ask(self, cell: Cell) -> None:
        try:
            with running_site(cell, self._certificates) as site:
                self._check(site)
        except BaseException as error:
            for check in CHECKS:
                with suppress(Exception):  # it has its answer, or nobody asks
                    self._said[cell, check].set_exception(error)

    def _check(self, site: Site) -> None:
        """All but the last side by side with the long silence, one after the other."""
        with ThreadPoolExecutor(1) as beside:
            waiting = beside.submit(self._one, site, "silence")
            for check in CHECKS:
                if check not in ("silence", "killed"):
                    self._one(site, check)
            waiting.result()
        self._one(site, "killed")

    def _one(self, site: Site, check: str) -> None:
        answer = self._said.get((site.cell, check))
        if answer is None:
            return
        try:
            answer.set_result(BY_NAME[check](site))
        except BaseException as error:
            answer.set_exception(error)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def asked(request, certificates):
    params = [i.callspec.params for i in request.session.items if "asked" in i.fixturenames]
    made = Asked(certificates, {(found["cell"], found["check"]) for found in params})
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter):
    if not _said:
        return
    terminalreporter.write("\n" + table(_said))
    if os.environ.get("HOSTING_WRITE") and len(_said) == len(CELLS) * len(CHECKS):
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + table(_said) + END + rest.partition(END)[2])

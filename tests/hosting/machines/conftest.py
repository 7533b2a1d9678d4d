"""Hosts of our own in network namespaces: outside of the ordinary runs. At the end the faults are printed as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosting.machines.world import Passage, world
from tests.server import ROOT

PAGE = (ROOT / "docs" / "hosting" / "several-machines.md").read_text()


class Notes(dict[str, Passage]):
    """What the crowd met, by fault. Each has its row in the documents."""

    def __setitem__(self, fault: str, passage: Passage) -> None:
        assert f"| {fault} |" in PAGE
        super().__setitem__(fault, passage)


PASSED = Notes()


@pytest.fixture(scope="session")
def known(tmp_path_factory):
    with world(tmp_path_factory.mktemp("machines")) as found:
        yield found


@pytest.fixture
def note():
    return PASSED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.hosting)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if PASSED:
        terminalreporter.write_line(
            "\n| fault | what the visitor sees | seconds until all is as before |\n| --- | --- | --- |"
        )
    for fault, passage in PASSED.items():
        terminalreporter.write_line(f"| {fault} | {passage.seen} | {passage.seconds:.0f} |")

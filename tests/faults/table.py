"""The matrix as a table: `make faults` prints it, with each row's result."""

from __future__ import annotations

import pytest

from tests.faults.rows import OTHERS, SCENARIOS, UPSTREAM

_results: dict[str, bool] = {}


def pytest_addoption(parser):
    parser.addoption("--fault-table", action="store_true", help="print the fault matrix")


def row_of(item) -> str | None:
    """The row that a test belongs to: of its mark, or of its parameters."""
    mark = item.get_closest_marker("fault")
    if mark is not None and mark.args:
        return mark.args[0]
    row = getattr(item, "callspec", None) and item.callspec.params.get("row")
    return getattr(row, "fault", None)


def pytest_collection_finish(session):
    """With the whole table asked for, each row has a test."""
    if session.config.getoption("--fault-table"):
        rows = {row_of(item) for item in session.items}
        missing = [
            name for name in [*OTHERS, *SCENARIOS, *(r.fault for r in UPSTREAM)] if name not in rows
        ]
        assert not missing, f"rows without a test: {missing}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    row = row_of(item)
    if row is not None and (report.when == "call" or report.failed):
        _results[row] = _results.get(row, True) and report.passed
    return report


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--fault-table"):
        terminalreporter.write("\n" + table(_results))


def table(results: dict[str, bool]) -> str:
    """The matrix with its results, in Markdown."""

    def result(row: str) -> str:
        return {True: "pass", False: "FAIL", None: "not run"}[results.get(row)]

    lines = ["| a provider's fault | alone | a second target is well | not streamed | result |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    lines += [
        f"| `{r.fault}` | {r.alone} | {r.pair or '–'} | {r.plain or '–'} | {result(r.fault)} |"
        for r in UPSTREAM
    ]
    lines += ["", "| another fault | what happens | result |", "| --- | --- | --- |"]
    lines += [f"| {name} | {what} | {result(name)} |" for name, what in OTHERS.items()]
    lines += ["", "| FailoverBench's scenario | result |", "| --- | --- |"]
    lines += [f"| {name} | {result(name)} |" for name in SCENARIOS]
    return "\n".join(lines) + "\n"

"""Nothing secret gets into a line."""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from chatbot.core import logging as ours
from chatbot.core.logging import JsonLines, configure_logging, hide, log, redact
from chatbot.core.secret import Secret


@pytest.mark.parametrize(
    "text",
    ["sk-abcdef0123456789", "sk_abcdef0123456789", "pk_abcdef0123456789", "sk-proj-abc_DEF-123456", "gsk_abcdef0123456789",
     "Authorization: Bearer abcdef0123"],
)  # fmt: skip
def test_whatever_looks_like_a_key_is_starred_out(text):
    assert "abc" not in redact(f"before {text} after")


def test_a_known_secret_is_starred_out_whatever_it_looks_like():
    hide(Secret("correct horse battery"))
    assert "horse" not in redact("a correct horse battery staple")


def test_a_line_is_json_and_a_secret_in_a_field_is_stars(capfd):
    configure_logging()
    log("request", key=Secret("hunter2"), url="x?key=sk-abcdef0123456789")
    line = capfd.readouterr().err
    assert json.loads(line)["key"] == "********"
    assert "abcdef" not in line


def test_a_traceback_names_places_and_kind_but_no_text(capfd):
    configure_logging()
    try:
        raise ValueError("canary")
    except ValueError:
        log("crash", exc_info=True)
    line = json.loads(capfd.readouterr().err)
    assert line["traceback"].startswith("ValueError < ")
    assert "test_logging.py" in line["traceback"]
    assert "canary" not in str(line)
    assert sys.exc_info() == (None, None, None)


@pytest.mark.parametrize("odd", ["\ud800", 2**80, float("nan"), {"a": {1, 2}}, b"bytes", object()])
def test_no_value_loses_the_line(odd):
    record = logging.makeLogRecord({"msg": "event", "fields": {"odd": odd, "fine": 1}})
    assert json.loads(JsonLines().format(record))["fine"] == 1


@pytest.mark.parametrize(
    "text", ["sk-abcdefgh1", "a pk_abcdefgh1 b", "gsk_abcdefgh1", "xai-abcdefgh1", "AIza" + "x" * 20,
             "Bearer something", "BEARER x.y.z", "rk-abcdefgh1"],
)  # fmt: skip
def test_every_kind_of_key_is_starred(text):
    assert "********" in redact(text)


@contextmanager
def alone(*others):
    """Our own handler is the only one, as it is in a server: pytest's hear of no line. `others` hear of it besides."""
    configure_logging()
    root = logging.getLogger()
    before, root.handlers = root.handlers, [ours._handler, *others]
    try:
        yield
    finally:
        root.handlers = before


def test_a_line_is_the_same_with_and_without_a_record(capfd):
    fields = {"key": "sk-abcdef0123456789", "time_to": 1.5, "odd": "\ud800"}
    for others in ([], [logging.NullHandler()]):
        with alone(*others):
            log("request", **fields)
            log("request", level=logging.WARNING, **fields)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    times = [line.pop("time") for line in lines]
    assert lines[:2] == lines[2:]
    assert {len(time) for time in times} == {len("2026-11-27T00:00:00.000+00:00")}
    assert lines[0] == {"level": "info", "event": "request", **fields, "key": "********"}


def test_a_line_below_the_level_is_not_written(capfd):
    with alone():
        log("request", level=logging.DEBUG)
    assert capfd.readouterr().err == ""


def test_a_standard_error_that_is_gone_stops_nobody(capfd, monkeypatch):
    class Gone:
        def write(self, _):
            raise BrokenPipeError

    with alone():
        monkeypatch.setattr(ours._handler, "stream", Gone())
        log("request")
    assert "BrokenPipeError" in capfd.readouterr().err


def test_lines_of_threads_stay_whole(tmp_path, monkeypatch):
    with (tmp_path / "log").open("w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        configure_logging()
        try:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda n: log("line", n=n, filler="x" * (n % 997)), range(4000)))
        finally:
            monkeypatch.undo()
            configure_logging()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(line["n"] for line in lines) == list(range(4000))

"""The test pattern has one end, whoever ends it, and says which."""

from __future__ import annotations

import json
import threading

import pytest

from chatbot.core.errors import InvalidApiKey
from chatbot.relay.pattern import Pattern, PatternRun

LONG = Pattern(events=3, every=0, silence=60)


def run_of(pattern: Pattern) -> tuple[PatternRun, list[str]]:
    ends: list[str] = []
    return PatternRun(pattern, lambda run: ends.append(run.ended)), ends


def test_read_to_its_end_it_is_complete():
    run, ends = run_of(Pattern(events=3, every=0, silence=0))
    pieces = list(run.stream())
    assert [json.loads(p[6:])["n"] for p in pieces[:-1]] == [0, 1, 2]
    assert pieces[-1] == b"data: [DONE]\n\n"
    assert (ends, run.sent) == (["complete"], 3)


def test_who_leaves_ends_the_silence_and_nothing_more_is_sent():
    run, ends = run_of(LONG)
    stream = run.stream()
    next(stream)
    threading.Timer(0.01, run.leave).start()
    assert list(stream) == []
    assert (ends, run.sent) == (["left"], 1)
    assert run.after < 30


def test_who_does_not_read_on_has_left():
    run, ends = run_of(LONG)
    stream = run.stream()
    next(stream)
    stream.close()
    assert ends == ["left"]


def test_one_that_is_stopped_ends_with_the_reason():
    run, ends = run_of(LONG)
    stream = run.stream()
    next(stream)
    run.stop(InvalidApiKey("The key of this answer is no longer accepted."))
    (last,) = stream
    assert json.loads(last[6:])["error"]["code"] == "invalid_api_key"
    assert ends == ["stopped"]


@pytest.mark.parametrize("pattern", [Pattern(1, 5, 0), Pattern(5, 1, 2)])
def test_how_long_it_takes_is_known_before(pattern):
    assert pattern.seconds == pattern.silence + (pattern.events - 1) * pattern.every

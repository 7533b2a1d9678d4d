"""The mock: sensible, deterministic, and with the latencies that started this project."""

from __future__ import annotations

import random

import pytest

from chatbot.upstream.mock_script import origin_total, pace_of, write_script


def test_the_origin_profile_has_the_latencies_that_started_this_project():
    rng = random.Random(1)
    totals = sorted(origin_total(rng) for _ in range(40_000))
    assert totals[0] >= 7.4
    assert sum(totals) / len(totals) == pytest.approx(11.7, rel=0.02)
    assert totals[int(len(totals) * 0.95)] == pytest.approx(18.8, rel=0.03)


def test_the_origin_profile_takes_that_long_in_all():
    payload = {"model": "mock-origin", "stream": True, "mock": {"seed": 7},
               "messages": [{"role": "user", "content": "Hi"}]}  # fmt: skip
    assert 0.5 <= pace_of(payload, payload["mock"]).first_token <= 0.9
    streamed = sum(delay for delay, _ in write_script(payload).steps)
    whole = sum(delay for delay, _ in write_script({**payload, "stream": False}).steps)
    assert 7.3 < streamed < 40
    assert streamed == pytest.approx(whole, rel=0.02)


def test_an_unknown_fault_is_said():
    script = write_script({"messages": [], "mock": {"fault": "stal"}})
    assert script.status == 400


def test_it_says_that_it_is_a_mock_and_answers_in_markdown():
    body = b"".join(
        d for _, d in write_script({"messages": [], "mock": {"profile": "instant"}}).steps
    )
    for part in (b"built-in mock", b"1. ", b"| --- |", b"```python"):
        assert part in body

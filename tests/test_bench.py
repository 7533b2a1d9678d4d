"""The command that prints the promise beside what was measured; what it prints is a matter of the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.origin import Answer, p95, rows, shares, table
from bench.origin_provider import SEEDS
from chatbot.upstream.mock_script import pace_of, stream_script
from tests.server import ROOT


def test_it_asks_a_real_server_and_every_answer_comes_whole(tmp_path):
    command = [sys.executable, "-m", "bench.origin", "--runs", "2", "--profile", "instant"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert "| answers that came whole | 4 of 4 | all | met |" in done.stdout, done.stderr
    assert done.stdout.startswith("| measured |  | goal |  |")


def test_two_hundred_runs_have_the_latencies_of_the_original():
    totals = []
    for number in range(200):
        payload = {"messages": [{"role": "user", "content": f"Run {number}"}]}
        script = stream_script(
            payload, pace_of(payload, {"profile": "origin", "seed": SEEDS + number})
        )
        totals.append(sum(delay for delay, _ in script.steps))
    assert [round(x, 1) for x in (sum(totals) / 200, p95(totals))] == [11.7, 18.8]
    assert min(totals) >= 7.4


def measured(wait: float, own: float, *, is_whole: bool = True) -> tuple[Answer, list[float]]:
    """An answer whose first word took `wait`, `own` of it here: a fourth before the provider, the rest after it."""
    return Answer(100.0, 100.0 + wait, 112.0, is_whole), [100 + own / 4, 100 + wait - own * 3 / 4]


def test_our_own_share_is_what_lies_on_either_side_of_the_provider():
    answer, times = measured(0.7, 0.008)
    assert shares([answer], {"0": times}) == [pytest.approx(0.008)]


def test_each_goal_that_is_missed_is_said():
    quick, times = measured(0.7, 0.008)
    whole = Answer(100.0, 112.0, 112.0, True)
    good = rows([quick] * 2, [whole] * 2, {"0": times, "1": times})
    assert [met for *_, met in good if met is not None] == [True] * 5
    slow, late = measured(1.5, 0.02)
    broken = Answer(100.0, 0.0, 101.0)
    bad = rows([slow, broken], [whole] * 2, {"0": late})
    assert [met for *_, met in bad if met is not None] == [False] * 5
    assert table(bad).count("**missed**") == 5
    assert "| answers that came whole | 3 of 4 | all | **missed** |" in table(bad)

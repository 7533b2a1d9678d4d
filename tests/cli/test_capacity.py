"""`capacity`, as it is called."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from bench.costs import table
from chatbot.cli import main
from chatbot.core.capacity import read_costs
from tests.server import ROOT

PAGE = (ROOT / "docs" / "capacity.md").read_text()


def printed(*options: str) -> str:
    done = CliRunner().invoke(main, ["capacity", *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_it_says_what_to_set():
    text = printed("--streams", "1000")
    for name in ("WEB_CONCURRENCY=", "CHATBOT_MAX_STREAMS=", "LimitNOFILE=", "worker_connections "):
        assert name in text


def test_the_page_shows_what_is_printed():
    assert "\n".join(f"    {line}" for line in printed("--streams", "1000").splitlines()) in PAGE


def test_the_page_shows_what_was_measured_beside_what_is_predicted():
    assert table(read_costs()) in PAGE


def test_more_answers_need_more_of_everything_and_fewer_questions_less():
    small, large, few = (
        json.loads(printed("--json", *options.split()))["needs"]
        for options in ("--streams 100", "--streams 10000", "--streams 10000 --rate 1")
    )
    assert all(large[name] > small[name] for name in small)
    assert few["cores"] < large["cores"]


@pytest.mark.parametrize("option", ["--words", "--pace", "--rate"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "many", "1e300"])
def test_what_is_no_number_of_this_world_is_refused_with_its_name(option, value):
    done = CliRunner().invoke(main, ["capacity", "--streams", "5", option, value])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output


def test_the_largest_numbers_give_an_answer():
    for words, pace, rate in (("1e6", "0.01", "0"), ("1", "1e4", "1e6")):
        printed("--streams", "10000000", "--words", words, "--pace", pace, "--rate", rate)

"""Budgets that are too small for a question, as commands say it: refused, or let pass with a note."""

from __future__ import annotations

import json
import re

import pytest

from chatbot.chat.room import longest_visit, shortest_visit
from chatbot.chat.spending import most_of_visit
from chatbot.core.bot import Bot, read_bot
from chatbot.protocol.chat_request import parse_chat_request


def needed_by(bot: Bot, question: str) -> int:
    body = {"messages": [{"role": "user", "content": question}]}
    return most_of_visit(bot, parse_chat_request(json.dumps(body).encode()))


def bot_of(run, name: str = "shop") -> Bot:
    return next(b for b in run.contents.bots if b.id == name)


def test_what_is_said_to_be_needed_is_what_a_question_reserves():
    bot = read_bot({"id": "shop", "prompt": "You sell tea.", "limits": {"question_chars": 500}})
    assert shortest_visit(bot) == needed_by(bot, "Hello")
    assert longest_visit(bot) >= needed_by(bot, "What does green tea cost? " * 19) * 0.95


@pytest.mark.parametrize("name", ["tokens_per_day", "tokens_per_month"])
def test_a_bot_that_could_answer_nothing_is_not_made_and_the_number_is_said(run, name):
    said = run.refused("bots", "create", "shop", "--limit", f"{name}=500")
    assert f"{name}: no question fits into 500 tokens" in said
    assert "2000 history_tokens, 1000 max_tokens" in said
    assert "shop" not in {b.id for b in run.contents.bots}
    needed = int(re.search(r"One of one word needs (\d+)", said)[1])
    assert f"fits into {needed - 1} tokens" in run.refused(
        "bots", "create", "shop", "--limit", f"{name}={needed - 1}"
    )
    said = run("bots", "create", "shop", "--limit", f"{name}={needed}")
    assert f"limits.{name}, {needed} tokens, is too little for long questions" in said
    assert f"needs some {longest_visit(bot_of(run))}." in said


def test_a_bot_with_room_is_made_without_a_word_of_it(run):
    said = run("bots", "create", "shop", "--limit", "tokens_per_day=20000", "--limit", "streams=0")
    assert "limits" not in said
    limits = bot_of(run).limits
    assert (limits.tokens_per_day, limits.streams) == (20_000, 0)


def test_a_rate_that_is_less_than_a_question_is_said_and_made(run):
    said = run("bots", "create", "shop", "--limit", "visitor_tokens_per_day=100", "--limit", "tokens_per_minute=0")  # fmt: skip
    assert "visitor_tokens_per_day, 100 tokens, is less than one question needs" in said
    assert "tokens_per_minute" not in said


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("tokens_per_dya=5000", "Did you mean tokens_per_day?"),
        ("tokens_per_day=many", "whole number"),
        ("tokens_per_day", "whole number"),
        ("tokens_per_day=0", "expected a whole number from 1"),
        ("streams=-1", "whole number"),
    ],
)
def test_a_limit_that_is_none_is_refused(run, pair, says):
    assert says in run.refused("bots", "create", "shop", "--limit", pair)


def test_a_file_with_a_bot_that_could_answer_nothing_changes_nothing(run, tmp_path):
    file = tmp_path / "bots.toml"
    good, bad = (
        '[[bot]]\nid = "good"\n',
        '[[bot]]\nid = "bad"\nlimits = { tokens_per_month = 900 }\n',
    )
    file.write_text(good + bad)
    for options in ([], ["--dry-run"]):
        said = run.refused("apply", file, *options)
        assert "bots.toml: bot 'bad': limits: tokens_per_month: no question fits into 900" in said
    assert not {b.id for b in run.contents.bots} & {"good", "bad"}
    file.write_text(good + bad.replace("900", "4000"))
    said = run("apply", file)
    assert "limits.tokens_per_month, 4000 tokens, is too little for long questions" in said
    assert "limits." not in run("apply", file)


def test_a_key_that_could_ask_nothing_is_not_made(run):
    run("bots", "create", "shop")
    before = len(run.contents.keys)
    limit = ["--limit", "tokens_per_day=5"]
    needed = shortest_visit(bot_of(run))
    assert "short one needs" in run.refused("keys", "create", "--secret", *limit)
    assert f"short one needs {needed}." in run.refused("keys", "create", "--bot", "shop", *limit)
    assert len(run.contents.keys) == before
    made = run("keys", "create", "--bot", "shop", "--limit", f"tokens_per_day={needed}")
    assert "is too little for long questions" in made
    assert run.contents.keys[-1].limits == (("tokens_per_day", needed),)


def test_a_secret_key_with_little_is_told_what_to_ask_for(run):
    said = run("keys", "create", "--secret", "--limit", "tokens_per_day=4000")
    assert "a request that does not say max_tokens" in said
    most = int(re.search(r"Say max_tokens, (\d+) at the most", said)[1])
    assert 3900 < most < 4000
    assert "max_tokens" not in run("keys", "create", "--secret", "--limit", "tokens_per_day=5000")
    assert "max_tokens" not in run("keys", "create", "--secret", "--limit", "requests_per_day=1")
    run("bots", "create", "shop")
    assert "max_tokens" in run("keys", "create", "--secret", "--bot", "shop", "--limit", "tokens_per_day=900")  # fmt: skip


def test_a_bot_that_grows_out_of_its_keys_budget_says_so(run, tmp_path):
    run("bots", "create", "shop")
    made = run("keys", "create", "--bot", "shop", "--limit", "tokens_per_day=9000")
    key = re.search(r"This is (key_\w+)", made)[1]
    file = tmp_path / "bots.toml"
    file.write_text('[[bot]]\nid = "shop"\nmax_tokens = 9000\n')
    assert f"key {key}: tokens_per_day: no request fits into 9000" in run("apply", file)

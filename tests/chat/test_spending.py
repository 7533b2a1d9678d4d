"""What a question may cost and has cost."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from chatbot.chat import spending as module
from chatbot.chat.prompt import bot_payload, remembered
from chatbot.chat.spending import (
    UNSAID_TOKENS,
    Spent,
    charge_of,
    most_of_request,
    most_of_visit,
    spent_on,
)
from chatbot.core.bot import read_bot
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.protocol.chat_request import parse_chat_request
from chatbot.protocol.sse_encoder import encode_event
from chatbot.protocol.token_estimate import (
    MESSAGE_TOKENS,
    REPLY_TOKENS,
    estimate_messages,
    estimate_tokens,
)
from chatbot.relay.record import Record
from tests.protocol.test_token_estimate import FIXTURE


def request(**fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "How long is it?"}], **fields}
    return parse_chat_request(json.dumps(body).encode())


def attempt(*deltas, usage=None, may_cost=True, body_size=0):
    reader = AnswerReader(wants_usage=True, choices=1)
    for delta in deltas:
        reader.feed(
            encode_event(
                {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                 "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            )
        )  # fmt: skip
    reader.usage = usage
    return SimpleNamespace(reader=reader, may_cost=may_cost, body_size=body_size)


def asking(*made, stream=True, is_stopped=False):
    asked = request(stream=stream, max_tokens=700)
    return SimpleNamespace(made=list(made), request=asked, is_stopped=is_stopped)


PROMPT = estimate_messages(request().payload["messages"])


@pytest.mark.parametrize("facts", [0, 3])
@pytest.mark.parametrize(
    "question", ["Hi", "Wo bleibt mein Paket? " * 40, "価格はいくらですか" * 30]
)
def test_a_reservation_covers_the_prompt_with_the_longest_history_and_answer(facts, question):
    bot = read_bot(
        {"id": "b", "prompt": "You sell tea. " * 20, "max_tokens": 300, "limits": {"history_tokens": 500},
         "facts": [{"name": f"{n}.md", "text": "Oolong is half fermented.\n\n" * 30} for n in range(facts)]}
    )  # fmt: skip
    asked = request(messages=[{"role": "user", "content": question}])
    said = [("user", "word " * 20, "whole"), ("assistant", "many words " * 15, "whole")] * 40
    history = remembered(said, 500)
    assert estimate_messages(history) > 400
    payload = bot_payload(bot, history, question, asked.payload)
    assert most_of_visit(bot, asked) >= estimate_messages(payload["messages"]) + 300


def test_a_secret_keys_request_reserves_what_it_may_be_answered():
    assert most_of_request(request(max_tokens=50)) == PROMPT + 50
    assert most_of_request(request(max_completion_tokens=70, max_tokens=50)) == PROMPT + 70
    assert most_of_request(request(max_tokens=50, n=3)) == PROMPT + 150
    assert most_of_request(request()) == PROMPT + 4096
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"a": "b" * 99}}}]
    assert most_of_request(request(max_tokens=1, tools=tools)) > PROMPT + 30


def test_the_providers_count_holds():
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    assert spent_on(asking(attempt({"content": "word"}, usage=usage))) == (7, 9)


@pytest.mark.parametrize("wrong", [-1, 1.5, "9", True, None, 10**15, [], {}])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_is_none_does_not(name, wrong):
    usage = {"prompt_tokens": 7, "completion_tokens": 9, name: wrong}
    assert spent_on(asking(attempt({"content": "word"}, usage=usage))) == (
        PROMPT,
        estimate_tokens("word"),
    )


def test_attempts_add_up_and_those_that_were_refused_cost_nothing():
    counted = attempt(usage={"prompt_tokens": 7, "completion_tokens": 9})
    refused, silent = attempt(may_cost=False), attempt()
    broken = attempt({"content": "Oolong tea "}, {"content": "is half fermented and fine."})
    said = estimate_tokens("Oolong tea is half fermented and fine.")
    assert spent_on(asking(refused)) == (0, 0)
    assert spent_on(asking(silent)) == (PROMPT, 0)
    assert spent_on(asking(broken)) == (PROMPT, said)
    assert spent_on(asking(refused, silent, broken, counted)) == (2 * PROMPT + 7, said + 9)


def test_what_has_no_text_is_counted_by_its_events_and_a_whole_answer_by_its_size():
    calls = [{"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}] * 12
    assert spent_on(asking(attempt(*calls))) == (PROMPT, 12)
    assert spent_on(asking(attempt(body_size=300))) == (PROMPT, 100)


SAMPLES = json.loads(FIXTURE.read_text(encoding="utf-8"))
COUNTS = {s["text"]: max(s["o200k_base"], s["cl100k_base"]) for s in SAMPLES}
ANSWER = 300


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s["text"].strip()], ids=lambda s: s["name"])  # fmt: skip
def test_no_reservation_is_under_what_tokenizers_count_with_the_longest_history(sample):
    text, owners = sample["text"], SAMPLES[0]["text"]
    bot = read_bot({"id": "b", "prompt": owners, "max_tokens": ANSWER})
    asked = request(messages=[{"role": "user", "content": text}])
    history = remembered([("user", text, "whole"), ("assistant", text, "whole")] * 300, bot.limits.history_tokens)  # fmt: skip
    assert history
    messages = bot_payload(bot, history, text.strip(), asked.payload)["messages"]
    counted = sum(COUNTS.get(m["content"], COUNTS[text]) + MESSAGE_TOKENS for m in messages)
    assert most_of_visit(bot, asked) >= counted + REPLY_TOKENS + ANSWER


@pytest.mark.parametrize("lasted", [0.0, 5.0])
def test_a_question_is_of_the_day_on_which_it_was_asked(monkeypatch, lasted):
    midnight = 1_795_824_000.0
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: midnight + 1, gmtime=time.gmtime, strftime=time.strftime))  # fmt: skip
    record = Record(request_id="req_1", started=now() - lasted)
    assert charge_of(record, Spent(1, 2)).row["day"] == ("2026-11-27" if lasted else "2026-11-28")


def test_a_ledgers_row_has_no_more_than_fits():
    record = Record(request_id="req_1", key_id="key_1", bot_id="shop", model="m\0\ud800" * 300)
    row = charge_of(record, Spent(1, 2), requests=3).row
    assert len(row["model"]) == 200
    assert "\0" not in row["model"]
    assert row["model"].encode()
    assert (row["bot_id"], row["key_id"], row["requests"], row["input_tokens"], row["output_tokens"]) == ("shop", "key_1", 3, 1, 2)  # fmt: skip


def test_what_makes_no_sense_as_a_length_reserves_the_usual():
    for odd in (0, -5, True, "9", 2.5, None):
        assert most_of_request(request(max_tokens=odd)) == PROMPT + UNSAID_TOKENS
    assert most_of_request(request(max_tokens=10**30)) == PROMPT + 10**12


def test_an_answer_that_nobody_waited_for_may_have_been_made():
    """A provider makes a whole answer also for who has left, and thinks before it says a word."""
    assert spent_on(asking(attempt(), stream=False)) == (PROMPT, 700)
    assert spent_on(asking(attempt(), is_stopped=True)) == (PROMPT, 700)
    assert spent_on(asking(attempt(may_cost=False), stream=False)) == (0, 0)
    begun = attempt({"content": "Oolong"})
    assert spent_on(asking(begun, is_stopped=True)) == (PROMPT, estimate_tokens("Oolong"))

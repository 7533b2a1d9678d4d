"""What a question may cost and has cost."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from chatbot.chat.conversing import bot_payload
from chatbot.chat.prompt import remembered
from chatbot.chat.spending import most_of_request, most_of_visit, spent_on
from chatbot.core.bot import read_bot
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.protocol.chat_request import parse_chat_request
from chatbot.protocol.sse_encoder import encode_event
from chatbot.protocol.token_estimate import estimate_messages, estimate_tokens


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


def test_an_answer_that_nobody_waited_for_may_have_been_made():
    """A provider makes a whole answer also for who has left, and thinks before it says a word."""
    assert spent_on(asking(attempt(), stream=False)) == (PROMPT, 700)
    assert spent_on(asking(attempt(), is_stopped=True)) == (PROMPT, 700)
    assert spent_on(asking(attempt(may_cost=False), stream=False)) == (0, 0)
    begun = attempt({"content": "Oolong"})
    assert spent_on(asking(begun, is_stopped=True)) == (PROMPT, estimate_tokens("Oolong"))

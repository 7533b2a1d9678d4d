"""A conversation as it is given out: everything for programs, what was said for people."""

from __future__ import annotations

import json

import pytest

from chatbot.chat.transcript import as_json, as_markdown
from chatbot.store.conversations import Conversation

ROW = {
    "id": "msg_1", "conversation_id": "internal", "turn": 7, "role": "user", "content": "Which *teas*?",
    "state": "whole", "model": "m", "provider": "canary-provider", "code": "", "input_tokens": None,
    "output_tokens": None, "first_token_seconds": None, "total_seconds": None, "sources": None,
    "request_id": "req_1", "created_at": 1700000000.75, "updated_at": 1700000001.5, "rating": None,
}  # fmt: skip


def answer(**values) -> dict:
    return {**ROW, "id": "msg_2", "role": "assistant", "content": "Green.", **values}


def talk(*rows, **values) -> Conversation:
    fixed = {
        "id": "internal", "bot_id": "shop", "owner": "v:canary-owner", "title": "Tea",
        "created_at": 1700000000.75, "updated_at": 1700000001.5, "expires_at": 1800000000.9,
    }  # fmt: skip
    return Conversation(**{**fixed, **values}, messages=rows)


def test_in_a_list_a_conversation_has_no_messages():
    assert as_json("conv_x", talk()) == {
        "id": "conv_x", "object": "conversation", "title": "Tea", "bot": "shop",
        "created_at": 1700000000, "updated_at": 1700000001.5, "expires_at": 1800000000,
    }  # fmt: skip


def test_a_question_is_told_in_short_and_an_answer_with_its_figures():
    asked, answered = as_json("conv_x", talk(ROW, answer(input_tokens=3, rating=1)))["messages"]
    assert asked == {
        "id": "msg_1", "object": "conversation.message", "role": "user", "content": "Which *teas*?",
        "state": "whole", "created_at": 1700000000,
    }  # fmt: skip
    assert answered == {
        "id": "msg_2", "object": "conversation.message", "role": "assistant", "content": "Green.",
        "state": "whole", "created_at": 1700000000, "model": "m", "code": None,
        "usage": {"prompt_tokens": 3, "completion_tokens": None},
        "latency": {"first_token_seconds": None, "total_seconds": None},
        "sources": [], "rating": "up", "request_id": "req_1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rating": -1}, {"rating": "down"}), ({"rating": None}, {"rating": None}),
        ({"state": "interrupted", "code": "server_restarting"},
         {"state": "incomplete", "code": "server_restarting"}),
        ({"state": "failed"}, {"state": "failed"}), ({"state": "running"}, {"state": "running"}),
        ({"sources": [{"title": "x"}]}, {"sources": [{"title": "x"}]}),
    ],
)  # fmt: skip
def test_what_is_told_of_an_answer(values, told):
    (message,) = as_json("conv_x", talk(answer(**values)))["messages"]
    assert told.items() <= message.items()


def test_owner_inner_ids_and_provider_are_not_given_out():
    whole = talk(ROW, answer())
    for given_out in (json.dumps(as_json("conv_x", whole)), as_markdown(whole)):
        assert "canary" not in given_out
        assert "internal" not in given_out


def test_markdown_is_what_was_said():
    assert as_markdown(talk(ROW, answer())) == (
        "# Tea\n\n*shop, 2023-11-14 22:13 UTC*\n\n## You\n\nWhich *teas*?\n\n## Answer\n\nGreen.\n"
    )


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({"state": "whole"}, "## Answer\n\nGreen.\n"),
        ({"state": "incomplete"}, "Green.\n\n*(incomplete)*\n"),
        ({"state": "interrupted"}, "Green.\n\n*(incomplete)*\n"),
        ({"state": "stopped"}, "Green.\n\n*(stopped)*\n"),
        ({"state": "failed", "content": ""}, "## Answer\n\n*(no answer)*\n"),
        ({"state": "running", "content": ""}, "## Answer\n\n*(no answer)*\n\n*(running)*\n"),
    ],
)  # fmt: skip
def test_markdown_says_how_an_answer_ended(values, end):
    assert as_markdown(talk(ROW, answer(**values))).endswith(end)


def test_a_title_of_several_lines_is_one_heading():
    text = as_markdown(talk(title="Tea\n\n## Answer\r\nmade up"))
    assert text.startswith("# Tea ## Answer made up\n\n*shop,")


def test_a_conversation_without_messages_is_its_heading():
    assert as_markdown(talk()) == "# Tea\n\n*shop, 2023-11-14 22:13 UTC*\n"

"""The service as a library: deltas as they come, and the final response that a plain call would give."""

from __future__ import annotations

import json

import pytest

import chatbot.library
from chatbot.chat.answer import ChatService
from chatbot.core.errors import InvalidRequest, StreamIncomplete, UpstreamError
from chatbot.upstream.mock import MockProvider
from chatbot.upstream.mock_api import script_for
from chatbot.upstream.route import Router

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def service():
    return ChatService(Router([MockProvider()], (), "mock-instant"))


def plain(payload):
    steps = script_for("POST", "/chat/completions", json.dumps(payload).encode()).steps
    return json.loads(b"".join(data for _, data in steps))


@pytest.mark.parametrize(
    "more",
    [
        {}, {"n": 3},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"q": {}}}}}]},
        {"response_format": {"type": "json_object"}},
        {"mock": {"fault": "json"}}, {"mock": {"fault": "crlf"}}, {"mock": {"fault": "comments"}},
    ],
)  # fmt: skip
def test_the_final_response_is_that_of_a_plain_call(service, more):
    payload = {"model": "mock-instant", "messages": HELLO, **more}
    whole = service.chat_completions_stream(payload)
    expected = plain({**payload, "mock": None})
    assert whole["choices"][0]["finish_reason"] == expected["choices"][0]["finish_reason"]
    for got, want in zip(whole["choices"], expected["choices"], strict=True):
        assert got["message"].get("content") == want["message"]["content"]
        assert got["message"].get("tool_calls") == want["message"].get("tool_calls")
    assert whole["object"] == "chat.completion"
    assert whole["usage"]["total_tokens"] > 0


def test_every_delta_is_called_back_in_order_with_its_event(service):
    seen = []
    whole = service.chat_completions_stream(
        {"messages": HELLO}, lambda delta, event: seen.append((delta, event))
    )
    text = "".join(delta.get("content") or "" for delta, _ in seen)
    assert text == whole["choices"][0]["message"]["content"]
    assert all(event["object"] == "chat.completion.chunk" for _, event in seen)


def test_an_answer_that_broke_off_is_raised_after_its_deltas(service):
    seen = []
    with pytest.raises(StreamIncomplete):
        service.chat_completions_stream(
            {"messages": HELLO, "mock": {"fault": "cut"}}, lambda d, e: seen.append(d)
        )
    assert len(seen) == 6


def test_a_failure_before_content_is_its_own_error(service):
    with pytest.raises(UpstreamError):
        service.chat_completions_stream({"messages": HELLO, "mock": {"fault": "500"}})


def test_a_bad_request_names_its_field(service):
    with pytest.raises(InvalidRequest) as error:
        service.chat_completions_stream({"messages": []})
    assert error.value.param == "messages"


def test_an_exception_of_the_callback_ends_the_stream_and_comes_through(service):
    def stop(*_):
        raise KeyError("enough")

    with pytest.raises(KeyError):
        service.chat_completions_stream({"messages": HELLO}, stop)


def test_the_module_function_answers_from_the_environment(monkeypatch):
    chatbot.library._service.cache_clear()
    whole = chatbot.library.chat_completions_stream({"model": "mock-instant", "messages": HELLO})
    assert "mock" in whole["choices"][0]["message"]["content"]
    chatbot.library._service.cache_clear()

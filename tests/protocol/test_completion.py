"""The same answer as a whole and in chunks."""

from __future__ import annotations

from chatbot.protocol.completion import Accumulator, chunks_of


def gather(chunks):
    accumulator = Accumulator()
    for chunk in chunks:
        accumulator.add(chunk)
    return accumulator.completion()


def delta(value, index=0, finish=None, **more):
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": index, "delta": value, "finish_reason": finish}], **more}  # fmt: skip


def test_text_finish_reason_and_usage_are_gathered():
    whole = gather([
        delta({"role": "assistant", "content": ""}), delta({"content": "Hel"}),
        delta({"content": "lo"}), delta({}, finish="stop"),
        {"id": "c", "choices": [], "usage": {"total_tokens": 2}},
    ])  # fmt: skip
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "Hello"}
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"] == {"total_tokens": 2}


def test_parallel_tool_calls_are_kept_apart_by_index():
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    other = {**call, "index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}
    whole = gather([
        delta({"role": "assistant", "content": None, "tool_calls": [call]}),
        delta({"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]}),
        delta({"tool_calls": [other]}),
        delta({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        delta({}, finish="tool_calls"),
    ])  # fmt: skip
    assert whole["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_reasoning_refusal_logprobs_and_unknown_fields_are_gathered():
    first, second = delta({"reasoning_content": "a", "new": "x"}), delta({"reasoning_content": "b"})
    first["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    second["choices"][0]["logprobs"] = {"content": [{"token": "b"}]}
    whole = gather([first, second, delta({"refusal": "no", "new": "y"}, finish="stop")])
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["refusal"], message["new"]) == ("ab", "no", "xy")
    assert whole["choices"][0]["logprobs"]["content"] == [{"token": "a"}, {"token": "b"}]


def test_choices_are_in_order():
    whole = gather([delta({"content": "b"}, 1), delta({"content": "a"}, 0)])
    assert [c["message"]["content"] for c in whole["choices"]] == ["a", "b"]


def test_gathering_does_not_change_the_chunks():
    chunks = [delta({"tool_calls": [{"index": 0, "function": {"arguments": "a"}}]}),
              delta({"tool_calls": [{"index": 0, "function": {"arguments": "b"}}]})]  # fmt: skip
    gather(chunks)
    assert chunks[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] == "a"


def test_a_completion_survives_the_way_through_chunks():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    completion = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "logprobs": None,
             "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": None, "tool_calls": [call]},
             "logprobs": None, "finish_reason": "tool_calls"},
        ],
        "usage": {"total_tokens": 2},
    }  # fmt: skip
    assert gather(chunks_of(completion, wants_usage=True)) == completion

"""Two tellings become one answer, or none."""

from __future__ import annotations

import json

import pytest

from chatbot.protocol.splice import AnswersDiffer, Splice

DONE = b"data: [DONE]\n\n"


def chunk(text=None, finish=None, **delta) -> bytes:
    delta = {**({} if text is None else {"content": text}), **delta}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return (
        b"data: "
        + json.dumps({"id": "second", "model": "b", "choices": [choice]}).encode()
        + b"\n\n"
    )


def told(out: bytes) -> str:
    events = [e.removeprefix(b"data: ") for e in out.split(b"\n\n") if e and b"[DONE]" not in e]
    chunks = [json.loads(e) for e in events]
    assert all(c["id"] == "first" for c in chunks)
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)


@pytest.mark.parametrize("cut", range(1, 12))
@pytest.mark.parametrize("size", [1, 2, 3, 5, 12])
def test_wherever_the_first_broke_off_and_however_the_second_is_cut_the_whole_is_one(cut, size):
    answer = "Hello, wörld"
    pieces = [answer[i : i + size] for i in range(0, len(answer), size)]
    splice = Splice(answer[:cut], "first")
    wire = [chunk("", role="assistant"), *map(chunk, pieces), chunk(finish="stop"), DONE]
    out = b"".join(splice.feed(w) for w in wire)
    assert answer[:cut] + told(out) == answer
    assert out.endswith(DONE)


@pytest.mark.parametrize(
    "second",
    [
        [chunk("Help")], [chunk("He"), chunk("lp")], [chunk("He"), chunk(finish="stop")],
        [chunk("He"), DONE], [chunk(tool_calls=[{"index": 0}])], [chunk(reasoning_content="x")],
    ],
)  # fmt: skip
def test_at_the_first_difference_there_is_no_rest(second):
    splice = Splice("Hello", "first")
    with pytest.raises(AnswersDiffer):
        for wire in second:
            assert splice.feed(wire) == b""


def test_usage_of_the_second_passes_under_the_first_id():
    splice = Splice("H", "first")
    usage = b'data: {"id":"second","choices":[],"usage":{"total_tokens":1}}\n\n'
    assert b'"id":"first"' in splice.feed(chunk("H") + usage)

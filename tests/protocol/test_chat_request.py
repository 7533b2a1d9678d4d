"""What is refused, and that all else passes through whole."""

from __future__ import annotations

import json

import pytest

from chatbot.protocol.chat_request import BadRequest, parse_chat_request

USER = {"role": "user", "content": "Hi"}


def parse(**fields):
    return parse_chat_request(json.dumps({"messages": [USER], **fields}).encode())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None), (b"[]", None), (b"{", None), (b"\xff", None), (b"[" * 100_000, None),
        (b'{"messages":[{"role":"user"}],"temperature":NaN}', None),
        (b'{"messages":[{"role":"user"}],"temperature":1e400}', None),
        (b'{"messages":[{"role":"user"}],"seed":' + b"9" * 5000 + b"}", None),
        (b'{"model":"a","model":"b","messages":[{"role":"user"}]}', None),
        (b"{}", "messages"), (b'{"messages":[]}', "messages"), (b'{"messages":["a"]}', "messages"),
        (b'{"messages":[{"role":1}]}', "messages"),
        (b'{"messages":[{"role":"user"}],"model":3}', "model"),
        (b'{"messages":[{"role":"user"}],"stream":"yes"}', "stream"),
        (b'{"messages":[{"role":"user"}],"n":0}', "n"),
        (b'{"messages":[{"role":"user"}],"stream_options":1}', "stream_options"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_field_at_fault(body, param):
    with pytest.raises(BadRequest) as error:
        parse_chat_request(body)
    assert error.value.param == param


def test_everything_else_passes_through_whole():
    fields = {"tools": [{"type": "function"}], "response_format": {"type": "json_object"},
              "logprobs": True, "never_heard_of": {"a": [1, None]}, "temperature": 0.1}  # fmt: skip
    request = parse(model="m", **fields)
    sent = json.loads(request.upstream_body("m", stream=True, ask_usage=True))
    assert {key: sent[key] for key in fields} == fields
    assert sent["messages"] == [USER]


def test_usage_is_asked_for_beside_the_callers_own_options():
    request = parse(stream=True, stream_options={"include_obfuscation": False})
    sent = json.loads(request.upstream_body("m", stream=True, ask_usage=True))
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert not request.wants_usage


def test_a_lone_surrogate_survives():
    request = parse_chat_request(b'{"messages":[{"role":"user","content":"\\ud800"}]}')
    assert b"\\ud800" in request.upstream_body("m", stream=False, ask_usage=False)

"""What passes, what is held, what is dropped, and how an answer ends."""

from __future__ import annotations

import itertools
import json
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.protocol import answer_reader
from chatbot.protocol.answer_reader import AnswerReader, ErrorEvent, MalformedEvent


def event(value) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta=None, finish=None, index=0, **more) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event({"id": "c", "model": "m", "choices": [choice], **more})


ROLE = chunk({"role": "assistant", "content": ""})
HI = chunk({"content": "Hi"})
STOP = chunk(finish="stop")
USAGE = event({"id": "c", "choices": [], "usage": {"total_tokens": 3}})
DONE = b"data: [DONE]\n\n"


def test_start_up_events_are_held_until_content():
    reader = AnswerReader(wants_usage=True)
    assert reader.feed(ROLE) == b""
    assert reader.feed(HI) == ROLE + HI


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"reasoning_content": "x"},
        {"refusal": "x"},
        {"tool_calls": [{"index": 0}]},
        {"something_new": 1},
    ],
)
def test_every_kind_of_content_releases(delta):
    assert AnswerReader(wants_usage=True).feed(chunk(delta)) == chunk(delta)


def test_usage_that_was_not_asked_for_is_dropped_whole_and_noted():
    reader = AnswerReader(wants_usage=False)
    assert reader.feed(HI + STOP + USAGE + DONE) == HI + STOP + DONE
    assert reader.usage == {"total_tokens": 3}


def test_usage_beside_content_passes():
    last = chunk(finish="stop", usage={"total_tokens": 3})
    assert AnswerReader(wants_usage=False).feed(HI + last) == HI + last


def test_comments_pass_and_are_no_events():
    reader = AnswerReader(wants_usage=False)
    assert reader.feed(HI + b": ping\r\n\r\n") == HI + b": ping\r\n\r\n"
    assert reader.events == 1


@pytest.mark.parametrize("bad", [b"data: {\n\n", b"data: <html>\n\n", b"data: [1]\n\n",
                                 b'data: {"a":"\xff"}\n\n', b'data: {"a":NaN}\n\n',
                                 b"data: " + b"[" * 100_000 + b"\n\n"])  # fmt: skip
def test_a_malformed_event_is_dropped_and_what_came_before_it_is_not(bad):
    reader = AnswerReader(wants_usage=False)
    assert reader.feed(HI + bad + HI) == HI
    assert isinstance(reader.fault, MalformedEvent)
    assert not reader.complete


@pytest.mark.parametrize(
    "error", [{"error": {"message": "boom", "code": 7}}, {"object": "error", "message": "boom"}]
)
def test_an_error_event_does_not_pass(error):
    reader = AnswerReader(wants_usage=False)
    assert reader.feed(HI + event(error)) == HI
    assert isinstance(reader.fault, ErrorEvent)
    assert reader.fault.error.message == "boom"


def test_what_follows_done_is_ignored():
    reader = AnswerReader(wants_usage=False)
    assert reader.feed(HI + DONE + HI) == HI + DONE


@pytest.mark.parametrize(
    ("wire", "choices", "complete"),
    [
        (HI + STOP + DONE, 1, True),
        (HI + DONE, 1, True),
        (HI + STOP, 1, True),
        (HI, 1, False),
        (b"", 1, False),
        (DONE, 1, False),
        (HI + STOP, 2, False),
        (HI + STOP + chunk({"content": "a"}, index=1), 2, False),
        (HI + STOP + chunk(finish="stop", index=1), 2, True),
        (HI + STOP[:-5], 1, False),
    ],
)
def test_complete_means_done_or_a_finish_reason_for_every_choice(wire, choices, complete):
    reader = AnswerReader(wants_usage=False, choices=choices)
    reader.feed(wire)
    reader.close()
    assert reader.complete is complete


def test_a_preamble_over_the_cap_is_let_go():
    reader = AnswerReader(wants_usage=False)
    out = b"".join(reader.feed(ROLE) for _ in range(100))
    assert out
    assert out + b""[len(out) :] == ROLE * 100


PIECES = [
    ROLE, HI, HI, HI, STOP, USAGE, DONE, b": a comment\n\n", b"data: \n\n", b"data:\n\n", b"\n",
    b"data: not json\n\n", event({"error": {"message": "no"}}), b"event: message\n" + HI, b"id: 3\n" + HI,
    HI.replace(b"\n", b"\r\n"), HI.replace(b"\n", b"\r"), b"data: {\ndata: }\n\n", b"\xef\xbb\xbf", b"junk\n\n",
    chunk({"content": "y" * 5000}), b'data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n', b"data: [1]\n\n",
]  # fmt: skip


INSIDES = [
    b"a", b"bc", b"", b"\\n", b"\\\\", b"\\", b'\\"', b'"', b'x","y":"z', b'x","y', b',"x', b'"},"a":{"b":"', b"\xc3\xa9", b"\xc3", b"\xa9",
    b"\\ud83d\\ude00", b"\\ud83d", b"\\ude00", b"\\u", b"\t", b"\x00", "\u2028".encode(), b"?", b"content", b'"},"finish_reason":null}],"obfuscation":"',
]  # fmt: skip
"""What may stand, or would be put, between the quotes of a text."""


def alike(text: bytes, noise: bytes | None = None) -> bytes:
    """One of many events that differ in their texts alone; with noise as OpenAI sends it."""
    veil = b"" if noise is None else b',"obfuscation":"%b"' % noise
    return b'data: {"choices":[{"delta":{"content":"%b"},"finish_reason":null}]%b}\n\n' % (
        text,
        veil,
    )


def read_all(wire: bytes, cuts: list[int]) -> tuple:
    reader, out = AnswerReader(wants_usage=False), b""
    places = sorted({0, len(wire), *(c for c in cuts if c < len(wire))})
    for start, end in itertools.pairwise(places):
        out += reader.feed(wire[start:end])
    out += reader.close()
    state = (reader.done, repr(reader.fault), reader.has_content, reader.events, reader.usage)
    return out, state, reader.sent_id, reader.complete, reader.plain_text, reader.model


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.integers(0, 6000), max_size=12))
@settings(max_examples=300)
def test_the_fast_way_and_the_decoder_see_the_same(pieces, cuts):
    wire = b"".join(pieces)
    fast = read_all(wire, cuts)
    with mock.patch.object(answer_reader, "_PLAIN_CAP", -1):
        slow = read_all(wire, cuts)
    assert fast == slow


@given(
    st.lists(
        st.one_of(
            st.sampled_from(INSIDES).map(alike),
            st.builds(alike, st.sampled_from(INSIDES), st.sampled_from(INSIDES)),
            st.sampled_from(PIECES),
        ),
        max_size=20,
    ),
    st.lists(st.integers(0, 3000), max_size=6),
)
@settings(max_examples=1000)
def test_events_that_are_alike_but_for_their_texts_are_read_as_if_each_were_the_first(pieces, cuts):
    wire = alike(b"Hel") + alike(b"lo") + b"".join(pieces)
    fast = read_all(wire, cuts)
    with mock.patch.object(answer_reader, "_PLAIN_CAP", -1):
        slow = read_all(wire, cuts)
    assert fast == slow


@pytest.mark.parametrize("noise", [None, b"x1"])
@pytest.mark.parametrize("text", INSIDES)
def test_an_event_that_is_no_json_does_not_pass_among_others_like_it(text, noise):
    one = alike(text, noise)
    reader = AnswerReader(wants_usage=False)
    before = [alike(b"Hel", noise), alike(b"lo", noise)]
    out = reader.feed(b"".join([*before, one, *before]))
    try:
        said = json.loads(one[6:])["choices"][0]["delta"]["content"]
    except ValueError:
        assert isinstance(reader.fault, MalformedEvent)
        assert out == b"".join(before)
    else:
        assert out == b"".join([*before, one, *before])
        assert reader.text == "Hello" + said + "Hello"

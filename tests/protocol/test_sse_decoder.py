"""The decoder against what a real Chromium dispatched, however the bytes are cut."""

from __future__ import annotations

import base64
import itertools
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.protocol.sse_decoder import EVENT_CAP, EventTooLarge, Frame, SSEDecoder

CASES = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "sse" / "sse_cases.json").read_text("utf-8")
)
by_name = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def chunks(case: dict) -> list[bytes]:
    return [base64.b64decode(chunk) for chunk in case["chunks_base64"]]


def frames(pieces: list[bytes]) -> tuple[list[Frame], SSEDecoder]:
    decoder = SSEDecoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return found + decoder.close(), decoder


def dispatched(pieces: list[bytes]) -> list[dict]:
    return [
        {"data": f.text, "event": f.event, "lastEventId": f.last_event_id}
        for f in frames(pieces)[0]
        if f.data is not None
    ]


def test_there_are_56_cases():
    assert len(CASES) == 56


@by_name
def test_events_are_those_that_a_browser_dispatched(case):
    assert dispatched(chunks(case)) == case["expected"]


@by_name
def test_every_split_in_two_gives_the_same_events(case):
    wire = b"".join(chunks(case))
    step = max(1, len(wire) // 300)
    for cut in range(0, len(wire) + 1, step):
        assert dispatched([wire[:cut], wire[cut:]]) == case["expected"]


@by_name
def test_byte_by_byte_gives_the_same_events(case):
    wire = b"".join(chunks(case))
    assert dispatched([wire[i : i + 1] for i in range(len(wire))]) == case["expected"]


@by_name
def test_raw_bytes_and_rest_are_the_input(case):
    found, decoder = frames(chunks(case))
    assert b"".join(f.raw for f in found) + decoder.rest == b"".join(chunks(case))


@given(
    st.lists(
        st.sampled_from([b"data: a", b"data", b":", b"id: 1", b"\r", b"\n", b"\r\n", b"\xf0\x9f"]),
        max_size=30,
    ),
    st.lists(st.integers(0, 120), max_size=12),
)
def test_cutting_never_changes_events_or_bytes(tokens, cuts):
    wire = b"".join(tokens)
    edges = [0, *sorted(min(c, len(wire)) for c in cuts), len(wire)]
    pieces = [wire[a:b] for a, b in itertools.pairwise(edges)]
    found, decoder = frames(pieces)
    assert b"".join(f.raw for f in found) + decoder.rest == wire
    assert dispatched(pieces) == dispatched([wire])


def test_a_stream_of_bare_carriage_returns_is_not_one_event_late():
    assert [f.data for f in SSEDecoder().feed(b"data: a\r\r")] == [b"a"]


def test_half_of_a_crlf_waits_for_the_other_half():
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\r\n\r") == []
    assert decoder.feed(b"\n")[0].raw == b"data: a\r\n\r\n"


def test_an_event_under_the_cap_in_small_pieces_takes_linear_time():
    wire = b"data: " + b"x" * (EVENT_CAP - 100) + b"\n\n"
    small, large = wire[: len(wire) // 8], wire

    def cpu(part: bytes) -> float:
        decoder = SSEDecoder()
        pieces = [part[i : i + 100] for i in range(0, len(part), 100)]
        begin = time.process_time()
        for piece in pieces:
            decoder.feed(piece)
        return time.process_time() - begin

    ratio = min(cpu(large) for _ in range(3)) / min(cpu(small) for _ in range(3))
    assert ratio < 24, "eight times the bytes may cost eight times the work, not sixty-four"


def test_an_event_over_the_cap_is_its_own_error_and_holds_no_memory():
    decoder = SSEDecoder(cap=1000)
    with pytest.raises(EventTooLarge):
        for _ in range(20):
            decoder.feed(b"data: " + b"x" * 100)
    assert decoder.rest == b""
    with pytest.raises(EventTooLarge):
        decoder.feed(b"data: a\n\n")


def test_many_events_in_one_chunk_are_not_one_large_event():
    assert len(SSEDecoder(cap=100).feed(b"data: hello\n\n" * 50)) == 50


def test_retry_takes_digits_only():
    decoder = SSEDecoder()
    decoder.feed(b"retry: 3000\nretry: -5\nretry: 1x\nretry\n\n")
    assert decoder.retry == 3000

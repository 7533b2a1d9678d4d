"""Any bytes at all, into each reader of the protocol: the outcome is of the kind that it promises, however they are cut.

`make fuzz` looks longer. In `make test` the examples are the same each time.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.access.limits import network_of
from chatbot.access.sessions import Signer
from chatbot.core.origin import matches
from chatbot.core.secret import Secret
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.protocol.chat_request import BadRequest, parse_chat_request
from chatbot.protocol.http_body import BadFraming, Unframer
from chatbot.protocol.http_head import BadHead, parse_head
from chatbot.protocol.sse_decoder import SSEDecoder
from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.protocol.token_estimate import estimate_tokens

LONG = int(os.environ.get("FUZZ", "0"))
fuzzed = settings(
    max_examples=LONG or 150, deadline=None, derandomize=not LONG,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
PIECES = st.sampled_from(
    [b"data: ", b"data:", b"\n", b"\n\n", b"\r\n", b"\r", b"id: 1", b"event: x", b": c", b"[DONE]", b"\xef\xbb\xbf", b"retry: 5", b"\xff",
     b'{"choices":[{"index":0,"delta":{"content":"x"}}]}', b'{"error":{"message":"m"}}', b"{", b"\x00", b'{"choices":[]}', b'"', b"[" * 70,
     b'{"choices":[{"delta":null,"index":"0"}]}', b'{"choices":{},"usage":{"prompt_tokens":-1}}', b"1", b"null"]
)  # fmt: skip
WIRE = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=30).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(ends)]


PLACES = st.lists(st.integers(0, 1000), max_size=8)


@fuzzed
@given(WIRE, PLACES)
def test_events_are_the_same_however_they_are_cut(data, places):
    whole = list(SSEDecoder().feed(data))
    decoder = SSEDecoder()
    assert [frame for piece in cut(data, places) for frame in decoder.feed(piece)] == whole


@fuzzed
@given(WIRE, PLACES)
def test_of_an_answer_only_its_own_bytes_pass_and_all_are_read_the_same(data, places):
    def read(pieces: list[bytes]) -> tuple[bytes, AnswerReader]:
        reader, out = AnswerReader(wants_usage=True, choices=1), b""
        for piece in pieces:
            out += reader.feed(piece)
            if reader.done or reader.fault is not None:
                break
        return out + reader.close(), reader

    out, reader = read([data])
    again, other = read(cut(data, places))
    assert (reader.text, reader.complete) == (other.text, other.complete)
    assert out.startswith(again) or again.startswith(out)
    assert not reader.complete or b"[DONE]" in out or reader.done


@fuzzed
@given(st.one_of(WIRE, st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))))  # fmt: skip
def test_a_request_is_read_or_refused_with_a_reason(data):
    for read, refusal in ((parse_chat_request, BadRequest), (lambda d: read_json(d, unique_keys=True), NotJSON)):  # fmt: skip
        try:
            read(data)
        except refusal as error:
            assert str(error)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=20,
)  # fmt: skip


@fuzzed
@given(st.dictionaries(st.text(alphabet=string.ascii_lowercase + "_", max_size=12), VALUES, max_size=6))  # fmt: skip
def test_what_is_passed_on_is_what_came(fields):
    body = {**fields, "messages": [{"role": "user", "content": "Hi"}]}
    try:
        request = parse_chat_request(json.dumps(body).encode())
    except BadRequest:
        return
    sent = json.loads(request.upstream_body("m", stream=False, ask_usage=False))
    ours = {"model", "stream", "stream_options", *request.dropped}
    assert {k: v for k, v in sent.items() if k not in ours} == {k: v for k, v in body.items() if k not in ours}  # fmt: skip


@fuzzed
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([b"HTTP/1.1 200 OK", b"\r\n", b"\n", b"A: b", b": ", b" x", b"\x00", b"Content-Length: 5", b"Transfer-Encoding: chunked"]), max_size=12).map(b"".join)))  # fmt: skip
def test_a_providers_head_is_read_or_refused(data):
    with contextlib.suppress(BadHead):
        parse_head(data)


CHUNKED = parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


@fuzzed
@given(st.lists(st.one_of(st.sampled_from([b"5\r\nhello\r\n", b"0\r\n\r\n", b"\r\n", b"5", b";a=b", b"fffffffff"]), st.binary(max_size=8)), max_size=10).map(b"".join), PLACES)  # fmt: skip
def test_a_chunked_body_is_the_same_however_it_is_cut(data, places):
    def read(pieces: list[bytes]) -> tuple[bytes, bool]:
        body, out = Unframer(CHUNKED), b""
        try:
            for piece in pieces:
                out += body.feed(piece)
        except BadFraming:
            return out, True
        return out, body.broken

    assert read([data]) == read(cut(data, places))


@fuzzed
@given(st.text(max_size=300))
def test_an_estimate_is_a_number_and_parts_cost_what_the_whole_does(text):
    whole = estimate_tokens(text)
    assert 0 <= whole <= 4 * len(text) + 1
    half = len(text) // 2
    assert abs(estimate_tokens(text[:half]) + estimate_tokens(text[half:]) - whole) <= 10


@fuzzed
@given(st.text(max_size=120), st.text(max_size=20))
def test_no_text_is_a_token_an_origin_or_an_address_by_accident(text, other):
    signer = Signer(Secret("x" * 32))
    assert signer.read("ses", text, other) is None
    assert not matches(text, ("https://shop.example", "https://*.shop.example")) or text.startswith("https://")  # fmt: skip
    assert network_of(text) == network_of(text)

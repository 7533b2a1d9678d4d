"""HTTP/1.1 out of its framing, wherever the network has cut it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.protocol.http_body import BadFraming, Unframer
from chatbot.protocol.http_head import BadHead, end_of_head, parse_head


def head(*lines: str, first: str = "HTTP/1.1 200 OK"):
    return parse_head("\r\n".join([first, *lines, "", ""]).encode("latin-1"))


def test_a_head_is_read_and_its_body_framed():
    found = head("Content-Type: text/plain ", "X-A:b", "Content-Length: 12")
    assert (found.status, found.chunked, found.length, found.keeps) == (200, False, 12, True)
    assert found.headers == {"content-type": "text/plain", "x-a": "b", "content-length": "12"}


@pytest.mark.parametrize(
    ("lines", "first", "expected"),
    [
        (["Transfer-Encoding: chunked"], "HTTP/1.1 200 OK", (True, None, True)),
        (["Transfer-Encoding: Chunked", "Content-Length: 5"], "HTTP/1.1 200 OK", (True, None, False)),
        ([], "HTTP/1.1 200 OK", (False, None, False)),
        (["Content-Length: 5"], "HTTP/1.0 200 OK", (False, 5, False)),
        (["Content-Length: 5", "Connection: Keep-Alive"], "HTTP/1.0 200 OK", (False, 5, True)),
        (["Content-Length: 5", "Connection: close"], "HTTP/1.1 200", (False, 5, False)),
        (["Transfer-Encoding: chunked"], "HTTP/1.1 204 No Content", (False, 0, True)),
        ([], "HTTP/1.1 100 Continue", (False, 0, True)),
    ],
)  # fmt: skip
def test_framings(lines, first, expected):
    found = head(*lines, first=first)
    assert (found.chunked, found.length, found.keeps) == expected


@pytest.mark.parametrize(
    "data",
    [b"\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"<html>\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 1\xb2\r\n\r\n", b"HTTP/1.1 2\xb20 OK\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_head_is_refused(data):
    with pytest.raises(BadHead):
        parse_head(data)


def test_a_head_ends_at_its_blank_line():
    assert end_of_head(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody") == 25
    assert end_of_head(b"HTTP/1.1 200 OK\nA: b\n\nbody") == 22
    assert end_of_head(b"HTTP/1.1 200 OK\r\nA: b\r\n") == -1


CHUNKED, LENGTH, TO_THE_END = (
    head("Transfer-Encoding: chunked"),
    head("Content-Length: 11"),
    head("Connection: close"),
)


def chunked(*pieces: bytes, trailers: bytes = b"") -> bytes:
    return (
        b"".join(b"%X;x=y\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n" + trailers + b"\r\n"
    )


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from([b"", b"X-A: b\r\n", b"X-A: b\r\nX-C: d\r\n"]),
)
def test_chunks_cut_anywhere_are_put_together(pieces, cuts, trailers):
    wire = chunked(*pieces, trailers=trailers) + b"next"
    places = sorted({0, len(wire), *(c for c in cuts if c < len(wire))})
    unframer, body = Unframer(CHUNKED), b""
    rest = b""
    for start, end in itertools.pairwise(places):
        if unframer.ended:
            rest += wire[start:end]
        else:
            body += unframer.feed(wire[start:end])
            rest = unframer.rest
    assert body == b"".join(pieces)
    assert unframer.ended
    assert rest == b"next"


@pytest.mark.parametrize(
    ("frame", "wire", "body"), [(LENGTH, b"hello world", b"hello world"), (CHUNKED, chunked(b"hello"), b"hello")]
)  # fmt: skip
def test_byte_by_byte(frame, wire, body):
    unframer = Unframer(frame)
    assert b"".join(unframer.feed(wire[i : i + 1]) for i in range(len(wire))) == body
    assert unframer.ended


def test_a_body_without_a_length_ends_with_its_connection():
    unframer = Unframer(TO_THE_END)
    assert unframer.feed(b"hello") == b"hello"
    unframer.close()
    assert unframer.ended


@pytest.mark.parametrize(
    ("frame", "wire"), [(LENGTH, b"hello"), (CHUNKED, b"5\r\nhel"), (CHUNKED, b"5\r\nhello\r\n"), (CHUNKED, b"5")]
)  # fmt: skip
def test_an_end_before_the_end_is_a_cut(frame, wire):
    unframer = Unframer(frame)
    unframer.feed(wire)
    with pytest.raises(BadFraming):
        unframer.close()


def test_behind_the_last_chunk_nothing_is_missing():
    unframer = Unframer(CHUNKED)
    assert unframer.feed(b"5\r\nhello\r\n0\r\nX-Tr") == b"hello"
    unframer.close()


@pytest.mark.parametrize(
    "wrong", [b"zz\r\n", b"-5\r\n", b"5 5\r\n", b"\r\n", b"5\r\nhello world\r\n", b"9" * 20_000, b"0x5\r\n"]
)  # fmt: skip
def test_what_came_ahead_of_wrong_framing_is_given_first(wrong):
    unframer = Unframer(CHUNKED)
    given = unframer.feed(b"4\r\nabcd\r\n" + wrong)
    assert given in (b"abcd", b"abcdhello")
    with pytest.raises(BadFraming):
        unframer.close()
    assert unframer.broken


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_a_control_character_in_a_value_begins_no_header(mark):
    head = parse_head(f"HTTP/1.1 200 OK\r\nX: a{mark}Content-Length: 5\r\n\r\n".encode("latin-1"))
    assert "content-length" not in head.headers

"""Providers whose framing is cut, withheld or wrong: no deadline is lost, no other stream is touched."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from email.utils import parsedate_to_datetime

import pytest

from chatbot.upstream.mock_script import Script
from tests.relay.conftest import queued
from tests.relay.test_relay import DONE, wire
from tests.server import KEY, Client, wait_for

LIMITS = "first_token = 1, first_token_last = 2, idle = 1.5, total = 5"


def framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Without heartbeats: on a busy machine one comes between any two pieces."""
    with queued(tmp_path_factory.mktemp("odd"), LIMITS) as found:
        yield found


def events(count: int) -> bytes:
    return b"".join(e + b"\n\n" for e in wire().split(b"\n\n")[:count])


def test_a_size_line_that_is_cut_and_then_silent_loses_no_deadline(tmp_path):
    stuck = Script([(0.0, framed(events(4))), (0.05, b"1")], framing="raw", end="open")
    with queued(tmp_path, LIMITS, hold=0.5, beat=0.2) as (server, scripts, _):
        scripts[:] = [stuck, stuck]
        with Client(server.port) as client:
            reply = client.chat(stream=True)
    assert reply.body.startswith(events(4))
    assert reply.pieces.count(b":\n\n") >= 2
    assert json.loads(reply.events[-1])["error"]["code"] == "timeout_idle"


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_framing_cut_anywhere_is_put_together(odd, step):
    server, scripts, _ = odd
    body = wire(tokens=3)
    raw = (
        b"".join(framed(e + b"\n\n") for e in body.split(b"\n\n")[:-1])
        + b"0\r\nX-Trailer: a\r\n\r\n"
    )
    pieces = [(0.0, raw[i : i + step]) for i in range(0, len(raw), step)]
    scripts[:] = [Script(pieces, framing="raw", end="open")]
    with Client(server.port) as client:
        begin = time.monotonic()
        reply = client.chat(stream=True, stream_options={"include_usage": True})
        assert client.chat(stream=True).events[-1] == "[DONE]"
    assert reply.body == body
    assert time.monotonic() - begin < 5


def test_a_withheld_end_of_the_body_does_not_hold_up_the_next_request(odd):
    server, scripts, _ = odd
    scripts[:] = [Script([(0.0, framed(wire()) + b"0\r\n")], framing="raw", end="open")]
    with Client(server.port) as client:
        assert client.chat(stream=True).body.endswith(DONE)
        begin = time.monotonic()
        assert client.get("/healthz").status == 200
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize(
    "raw",
    [b"zz\r\nhello\r\n", b"-5\r\nhello\r\n", b"5\r\nhello world\r\n", b"\r\n\r\n", b"9" * 20_000],
)
def test_wrong_framing_is_a_cut(odd, raw):
    server, scripts, _ = odd
    bad = Script([(0.0, framed(events(4)) + raw)], framing="raw", end="cut")
    scripts[:] = [bad, bad]
    with Client(server.port) as client:
        reply = client.chat(stream=True)
    assert json.loads(reply.events[-1])["error"]["code"] == "stream_incomplete"


def test_a_body_that_ended_behind_its_last_chunk_is_whole(odd):
    server, scripts, _ = odd
    plain = json.dumps({"choices": [{"index": 0, "message": {"content": "a"}}]}).encode()
    scripts[:] = [
        Script([(0.0, framed(plain) + b"0\r\n")], headers={"Content-Type": "application/json"},
               framing="raw", end="cut")
    ]  # fmt: skip
    with Client(server.port) as client:
        assert client.chat().body == plain


def test_who_leaves_does_not_cut_the_next_user_of_the_connection(odd):
    """The first answer is read to its end upstream, and its connection pooled, while its client stalls."""
    server, scripts, upstream = odd
    text = "x" * (30 * 1024 * 1024)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    scripts[:] = [
        Script([(0.0, framed(body) + b"0\r\n\r\n")], headers={"Content-Type": "application/json"},
               framing="raw", end="close"),
    ]  # fmt: skip
    before = len(upstream.log)
    stalled = Client(server.port)
    stalled.send_chat(stream=True)
    stalled.head()
    while b"data: " not in stalled._rest:  # from here on its server is stuck in sending the rest
        stalled._more()
    connections, replies = upstream.connections, []

    def other() -> None:
        mock = {"first_token": 0, "pace": 0.05, "tokens": 20}
        with Client(server.port) as client:
            replies.append(client.chat(stream=True, mock=mock))

    thread = threading.Thread(target=other)
    thread.start()
    wait_for(lambda: len(upstream.log) > before + 1)
    assert upstream.connections == connections, "the pooled connection serves the next"
    stalled.sock.close()
    thread.join(15)
    assert replies[0].events[-1] == "[DONE]"
    assert len(upstream.log) == before + 2, "nothing had to be rescued by asking again"


def test_a_streams_head_comes_with_its_first_piece_and_with_todays_date(odd):
    server, scripts, _ = odd
    scripts[:] = [Script([(0.0, wire())])]
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(head.encode() + body)
        head, _, rest = sock.recv(65536).partition(b"\r\n\r\n")
    size, _, rest = rest.partition(b"\r\n")
    assert rest.startswith(b"data: {")
    assert len(rest) >= int(size, 16) + 2
    dated = next(line for line in head.decode().split("\r\n") if line.startswith("Date: "))
    assert abs(parsedate_to_datetime(dated[6:]).timestamp() - time.time()) < 3


@pytest.mark.skipif(
    "ORDINARY_WRITES" in os.environ,
    reason="without the shortcut the server sends the end by itself",
)
@pytest.mark.parametrize("pieces", [1, 3])
def test_the_end_of_the_body_comes_with_the_last_event(odd, pieces):
    server, scripts, _ = odd
    body = wire(tokens=3)
    parts = [e + b"\n\n" for e in body.split(b"\n\n")[:-1]]
    sent = [(0.0, body)] if pieces == 1 else [(0.1, part) for part in parts]
    scripts[:] = [Script(sent)] * 2
    with Client(server.port) as client:
        client.send_chat(stream=True, stream_options={"include_usage": True})
        came = b""
        while DONE not in came:
            came += client.sock.recv(65536)
        assert came.endswith(DONE + b"\r\n0\r\n\r\n")
        again = client.chat(stream=True, stream_options={"include_usage": True})
    assert again.body == body

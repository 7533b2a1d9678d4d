"""A guard against relapse that no noisy machine can trip: function calls, counted, on a fixed workload.

What a stream costs is measured by `make bench`; here the calls of Python functions and of C functions from
Python are counted, which is the same on every machine. More than recorded is a relapse; far fewer, and the record has
to be brought up to date, so that the guard stays near.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time

import pytest

from chatbot.chat.answer import ChatService
from chatbot.core import logging as lines
from chatbot.core.provider_config import Timeouts
from chatbot.protocol.chat_request import parse_chat_request
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.relay.departure import ClientConnection
from chatbot.relay.record import Record
from chatbot.upstream.connections import Connection
from chatbot.upstream.mock import MockProvider
from chatbot.upstream.mock_script import Script
from chatbot.upstream.mock_server import MockServer
from chatbot.upstream.provider import Head
from chatbot.upstream.route import Router
from tests.server import KEY
from tests.visitor import ORIGIN, add_bot

RECORDED = {
    "per event, one at a time": 46,
    "per event, many at once": 0.5,
    "per event, none like another": 20.5,
    "per read of a connection": 8,
    # Of each of the two some 30 put down times for Server-Timing and count for /metrics, once for a request.
    "per request": 1553,
    "per visitor's request": 1985,
}
CHUNK = encode_event(
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
     "choices": [{"index": 0, "delta": {"content": "word"}, "finish_reason": None}]}
)  # fmt: skip
BODY = json.dumps(
    {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
).encode()


class Pieces:
    """An exchange that gives these pieces, one a read."""

    sent_at = 0.0

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def head(self, until):
        return Head(200, {"content-type": "text/event-stream"})

    def read(self, until):
        return next(self._pieces, b"")

    def abort(self):
        pass

    def close(self, *, finished=False):
        pass


def counted(work) -> int:
    """Calls that `work` makes in this thread."""
    calls = [0]

    def note(_frame, event, _argument):
        calls[0] += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls[0]


def relayed(pieces: list[bytes]) -> int:
    class Given(MockProvider):
        def ask(self, *_, **__):
            return Pieces(pieces)

    chat = ChatService(Router([Given(Timeouts())], (), "m"))
    asking = chat.ask(parse_chat_request(BODY))
    stream = chat.stream(asking, ClientConnection(None), Record())
    out: list[bytes] = []
    calls = counted(lambda: out.extend(stream))
    assert b"".join(out) == b"".join(pieces)
    return calls


def per_event(at_once: int, *, alike: bool = True) -> float:
    """`alike`: but for their texts; otherwise each has a time of its own."""

    def event(number: int) -> bytes:
        return CHUNK if alike else CHUNK.replace(b'"created":1', b'"created":%d' % (10**6 + number))

    def pieces(events: int) -> list[bytes]:
        said = [event(number) for number in range(events)]
        return [*(b"".join(said[at : at + at_once]) for at in range(0, events, at_once)), DONE]

    relayed(pieces(400))
    return (relayed(pieces(1400)) - relayed(pieces(400))) / 1000


def per_read() -> float:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    until = time.monotonic() + 60
    try:
        for _ in range(3):
            theirs.send(b"x")
            calls = counted(lambda: connection.receive(until))
    finally:
        connection.close()
        theirs.close()
    return calls


def per_request(make_settings, *, visitor: bool = False) -> float:
    """A whole request through the application, with a provider over a socket; the least of some.

    `visitor`: with a publishable key and a session, for a new conversation, its saving put down.
    """
    from chatbot.app import create_app

    lines._hidden.clear()  # of other tests' secrets, each of which is looked for in each line
    upstream = MockServer(scripts=lambda *_: Script([(0.0, CHUNK + DONE)])).start()
    app = create_app(make_settings(OPENAI_BASE_URL=upstream.base_url, CHATBOT_API_KEYS=KEY))
    pytests = logging.getLogger().handlers[:-1]
    logging.getLogger().handlers = [lines._handler]  # pytest's have to hear of no line
    client = app.test_client()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    if visitor:
        headers |= {"Authorization": f"Bearer {add_bot(app, 'shop')}", "Origin": ORIGIN}
    found: list[int] = []

    def ask() -> str:
        reply = client.post("/v1/chat/completions", data=BODY, headers=headers, buffered=True)
        assert reply.data.endswith(DONE)
        return reply.headers.get("X-Session-ID", "")

    headers["X-Session-ID"] = ask()
    for _ in range(10):
        found.append(counted(ask))
    logging.getLogger().handlers[:0] = pytests
    upstream.stop()
    app.extensions["chatbot"].close()
    pool = app.extensions["chatbot"].router.default._pool
    while connection := pool.take():
        connection.close()
    return min(found)


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="recorded on Python 3.11; others call otherwise"
)
@pytest.mark.parametrize("name", RECORDED)
def test_a_stream_costs_no_more_calls_than_recorded(name, make_settings):
    assert threading.current_thread() is threading.main_thread()
    measured = {
        "per event, one at a time": lambda: per_event(1),
        "per event, many at once": lambda: per_event(100),
        "per event, none like another": lambda: per_event(100, alike=False),
        "per read of a connection": per_read,
        "per request": lambda: per_request(make_settings),
        "per visitor's request": lambda: per_request(make_settings, visitor=True),
    }[name]()
    recorded = RECORDED[name]
    assert measured <= recorded * 1.02, f"{name}: {measured} calls, {recorded} recorded"
    assert measured >= recorded * 0.85, f"{name}: only {measured} calls now; record it"

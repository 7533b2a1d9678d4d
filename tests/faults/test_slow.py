"""Hundreds who send or read a byte a second, beside visitors who are answered as ever."""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from chatbot.upstream.mock_script import Script
from chatbot.upstream.mock_server import MockServer
from tests.server import KEY, Client, running, wait_for

MANY = 300
HURRY = (
    "keepalive = 2\nimport chatbot.web.guard as guard\nguard.BODY_SECONDS = 1.5\n"
    "worker_connections = 700\nHURRY = 1\n"
)
SMALL_BUFFERS = """
def handle(self, listener, client, addr, shipped=Worker.handle):
    import socket
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # else the kernel takes all of it
    shipped(self, listener, client, addr)
Worker.handle = handle
"""
HEAD = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    "Content-Type: application/json\r\n"
)
ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]})


@contextmanager
def crowd(port: int, first: str, drip: bytes, *, receive: int = 0):
    """Many connections that say `first` and then a byte now and again; the list of those that are open."""
    socks: list[socket.socket] = []
    for _ in range(MANY):
        sock = socket.socket()
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.connect(("127.0.0.1", port))
        sock.sendall(first.encode())
        socks.append(sock)
    over = threading.Event()

    def go_on() -> None:
        while drip and not over.wait(0.3):
            for sock in socks:
                with suppress(OSError):
                    sock.send(drip, socket.MSG_DONTWAIT)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield socks
    finally:
        over.set()
        thread.join()
        for sock in socks:
            sock.close()


def is_closed(sock: socket.socket) -> bool:
    """Whether the server has let go of it; what it said before is read."""
    try:
        while sock.recv(65536, socket.MSG_DONTWAIT):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def healthy(port: int) -> float:
    """Seconds that `/healthz` takes, in the middle; each on a new connection."""
    seconds = []
    for _ in range(9):
        begin = time.monotonic()
        with Client(port) as client:
            assert client.get("/healthz").status == 200
        seconds.append(time.monotonic() - begin)
    return statistics.median(seconds)


def calm_limit(port: int) -> float:
    """What it may take among hundreds, each of whom has a second or more: half of one, or ten times what it takes alone."""
    return max(0.5, 10 * healthy(port))


def served(port: int) -> None:
    with Client(port) as client:
        reply = client.chat(stream=True)
    assert (reply.status, reply.events[-1]) == (200, "[DONE]")


@pytest.mark.fault("slow heads and bodies, in hundreds")
@pytest.mark.parametrize(
    "first",
    [HEAD, f"{HEAD}Content-Length: 100000\r\n\r\n{{", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n"],
    ids=["head", "body", "chunked body"],
)
def test_slow_senders_are_let_go_and_nobody_waits_for_them(upstream, tmp_path, first):
    drip = b"1\r\n \r\n" if "chunked" in first else b"x"
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, extra=HURRY) as server:
        calm = calm_limit(server.port)
        with crowd(server.port, first, drip) as socks:
            assert healthy(server.port) < calm
            served(server.port)
            wait_for(lambda: all(is_closed(sock) for sock in socks), 15)
            assert healthy(server.port) < calm
        codes = {line.get("code") for line in server.log() if line["event"] == "request"}
        assert "internal_error" not in codes
        assert not [line for line in server.log() if line["event"] == "crash"]


@pytest.mark.fault("slow heads and bodies, in hundreds")
def test_a_body_that_comes_too_slowly_is_408_and_ends_its_connection(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, extra=HURRY) as server:
        with Client(server.port) as client:
            client.sock.sendall(f"{HEAD}Content-Length: 50\r\n\r\n{{".encode())
            reply = client.head()
            client._body(reply)
            assert (reply.status, reply.json["error"]["code"]) == (408, "request_timeout")
            with suppress(OSError):
                client.sock.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n{' ' * 50}".encode())  # fmt: skip
            with suppress(ConnectionResetError):  # one way of ending it
                assert client.sock.recv(65536) == b""
        served(server.port)


@pytest.mark.fault("slow readers, in hundreds")
def test_slow_readers_of_whole_answers_are_let_go_and_nobody_waits_for_them(tmp_path):
    text = json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
         "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x" * 2**20}}]}
    ).encode()  # fmt: skip
    scripts = [Script([(0.0, text)], headers={"Content-Type": "application/json"}) for _ in range(MANY)]  # fmt: skip
    from chatbot.upstream.mock import script_for

    provider = MockServer(scripts=lambda *a: scripts.pop() if scripts else script_for(*a)).start()
    try:
        extra = HURRY + SMALL_BUFFERS
        with running(tmp_path, write=1.5, OPENAI_BASE_URL=provider.base_url, extra=extra) as server:
            first = f"{HEAD}Content-Length: {len(ASK)}\r\n\r\n{ASK}"
            calm = calm_limit(server.port)
            with crowd(server.port, first, b"", receive=4096) as socks:
                wait_for(lambda: not scripts, 30)
                assert healthy(server.port) < calm
                served(server.port)
                wait_for(lambda: server.counts()["greenlets"] < 50, 20)
                assert socks
            let_go = [line for line in server.log() if line["event"] == "slow_reader"]
            assert len(let_go) > MANY / 2
            assert not [line for line in server.log() if line["level"] == "error"]
    finally:
        provider.stop()


def test_where_most_connections_are_in_use_idle_ones_make_room(upstream, tmp_path):
    """Twice as many silent connections as a worker takes, and a visitor still gets in."""
    crowded = HURRY.replace("worker_connections = 700", "worker_connections = 150")
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url, extra=crowded) as server,
        crowd(server.port, "", b""),
    ):
        begin = time.monotonic()
        served(server.port)
        assert time.monotonic() - begin < 10

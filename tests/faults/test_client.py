"""Clients that leave, that are cut off, that read nothing: nobody pays for them longer than needed."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time

import pytest

from tests.engines import binary
from tests.server import KEY, Client, running, wait_for

LEAVING = {
    "mid-stream": {"stream": True, "mock": {"first_token": 0, "pace": 0.05}},
    "while the provider is silent": {"stream": True, "mock": {"fault": "stall", "pace": 0}},
    "before the first token": {"stream": True, "mock": {"first_token": 30}},
    "before the head": {"stream": True, "mock": {"fault": "no_headers"}},
    "in a plain call": {"mock": {"first_token": 30}},
}


@pytest.mark.fault("client vanishes")
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("payload", LEAVING.values(), ids=LEAVING.keys())
def test_who_leaves_is_noticed_within_half_a_second(server, upstream, payload, how):
    before = len(upstream.log)
    client = Client(server.port)
    client.send_chat(**payload)
    entry = wait_for(lambda: upstream.log[before:])[0]
    if payload.get("stream") and payload["mock"].get("pace") is not None:
        client.head()
        client.piece()
    if how == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()
    left = time.monotonic()
    wait_for(lambda: "at" in entry)
    assert entry["ended"] == "client_gone"
    assert entry["at"] - left < 0.5
    wait_for(lambda: server.ended_by() == "client")


@pytest.mark.fault("client vanishes")
def test_a_pipelined_request_does_not_hide_a_departure(server, upstream):
    before = len(upstream.log)
    client = Client(server.port)
    client.send_chat(stream=True, mock={"first_token": 30})
    client.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    entry = wait_for(lambda: upstream.log[before:])[0]
    client.sock.close()
    left = time.monotonic()
    wait_for(lambda: "at" in entry)
    assert entry["at"] - left < 0.5


@pytest.mark.fault("client reads nothing")
def test_a_reader_that_takes_nothing_is_let_go_and_little_is_kept_for_it(upstream, tmp_path):
    with running(tmp_path, write=0.5, OPENAI_BASE_URL=upstream.base_url) as server:
        before = len(upstream.log)
        with Client(server.port) as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.send_chat(stream=True, mock={"fault": "endless", "pace": 0})
            entry = wait_for(lambda: upstream.log[before:])[0]
            wait_for(lambda: "at" in entry)
            assert entry["ended"] == "client_gone"
            wait_for(lambda: server.ended_by() == "client")
    # What the kernel holds in four socket buffers: the worker itself keeps one piece.
    assert len(entry["sent"]) < 32 * 1024 * 1024


FAR_CLIENT = r"""
import json, socket, sys, time
body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}],
                   "mock": {"fault": "stall", "first_token": 0, "pace": 0}}).encode()
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
          b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
          % (sys.argv[3].encode(), len(body), body))
print(len(s.recv(65536)), flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def far_away():
    """A host of its own, in a network namespace: its name, our address to it, and how to cut it off."""
    ip = binary("ip")
    name = f"far{os.getpid()}"
    here, there = f"h{os.getpid()}", f"t{os.getpid()}"

    def run(*words: str) -> None:
        subprocess.run([ip, *words], check=True, capture_output=True)

    try:
        run("netns", "add", name)
    except subprocess.CalledProcessError as error:
        assert not os.environ.get("ALL_ENGINES"), error.stderr
        pytest.skip("this machine lets nobody make a network namespace")
    try:
        run("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        run("addr", "add", "10.213.77.1/30", "dev", here)
        run("link", "set", here, "up")
        run("-n", name, "addr", "add", "10.213.77.2/30", "dev", there)
        run("-n", name, "link", "set", there, "up")
        yield name, "10.213.77.1", lambda: run("-n", name, "link", "set", there, "down")
    finally:
        run("netns", "del", name)


@pytest.mark.fault("client is cut off without a word")
def test_a_client_whose_network_is_gone_is_let_go(upstream, tmp_path):
    with far_away() as (name, address, cut_off), running(
        tmp_path, write=1, beat=0.2, HOST="0.0.0.0", OPENAI_BASE_URL=upstream.base_url
    ) as server:  # fmt: skip
        before = len(upstream.log)
        command = ["ip", "netns", "exec", name, sys.executable, "-c", FAR_CLIENT]
        with subprocess.Popen(
            [*command, address, str(server.port), KEY], stdout=subprocess.PIPE
        ) as far:
            try:
                assert int(far.stdout.readline()) > 0
                entry = upstream.log[before]
                cut_off()
                wait_for(lambda: "at" in entry)
                assert entry["ended"] == "client_gone"
                wait_for(lambda: server.ended_by() == "client")
            finally:
                far.kill()

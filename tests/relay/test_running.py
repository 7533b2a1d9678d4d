"""A bound on live answers, and a truthful end for those that outlast a drain."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

from tests.server import ROOT, Client, _children, running, wait_for

STALL = {"fault": "stall", "pace": 0}


def test_over_the_bound_is_503_at_once_while_health_answers(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_MAX_STREAMS="3") as server:
        held = [Client(server.port) for _ in range(3)]
        for client in held:
            client.send_chat(stream=True, mock=STALL)
            client.head()
        with Client(server.port) as client:
            begin = time.monotonic()
            reply = client.chat(stream=True)
            assert (reply.status, reply.json["error"]["code"]) == (503, "overloaded")
            assert reply.headers["retry-after"] == "2"
            assert client.get("/healthz").status == 200
            assert time.monotonic() - begin < 1
            for one in held:
                one.sock.close()
            wait_for(lambda: client.chat(stream=True).status == 200)


def test_places_are_given_back_after_every_kind_of_end(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_MAX_STREAMS="1") as server:

        def admitted(**payload) -> bool:
            with Client(server.port) as client:
                return client.chat(**payload).status != 503

        for mock in ({}, {"fault": "cut"}, {"fault": "500"}, {"fault": "401"}):
            for stream in (True, False):
                wait_for(lambda m=mock, s=stream: admitted(stream=s, mock=m))
        for fault in ("stall", "no_headers"):
            with Client(server.port) as client:
                client.send_chat(stream=True, mock={"fault": fault, "pace": 0})
                wait_for(lambda: not admitted(stream=True))
            wait_for(lambda: admitted(stream=True))


def test_a_drained_machine_says_so_and_still_answers(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        env = {**os.environ, "CHATBOT_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "chatbot", "drain"]
        with Client(server.port) as client:
            assert client.get("/readyz").status == 200
        subprocess.run(command, env=env, check=True, capture_output=True)
        with Client(server.port) as client:
            assert client.get("/readyz").status == 503
            assert client.chat(stream=True).events[-1] == "[DONE]"
        subprocess.run([*command, "--off"], env=env, check=True, capture_output=True)
        with Client(server.port) as client:
            assert client.get("/readyz").status == 200


def test_a_reader_that_takes_nothing_is_let_go(upstream, tmp_path):
    with running(tmp_path, write=0.5, OPENAI_BASE_URL=upstream.base_url) as server:
        before = len(upstream.log)
        with Client(server.port) as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.send_chat(stream=True, mock={"fault": "endless", "pace": 0})
            entry = wait_for(lambda: upstream.log[before:])[0]
            wait_for(lambda: "at" in entry)
            assert entry["ended"] == "client_gone"
            wait_for(lambda: server.ended_by() == "client")


def test_no_request_fails_while_the_server_is_reloaded(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_DRAIN_SECONDS="20") as server,
        Client(server.port) as long,
    ):
        long.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 30})
        reply = long.head()
        os.kill(server.process.pid, signal.SIGHUP)
        for _ in range(300):
            with Client(server.port) as client:
                assert client.chat(stream=True).events[-1] == "[DONE]"
        assert _children(server.process.pid) != [server.worker]
        long._body(reply)
        assert reply.events[-1] == "[DONE]"


def test_a_stream_that_outlasts_the_drain_is_told_so(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server,
        Client(server.port) as client,
    ):
        client.send_chat(stream=True, mock=STALL)
        reply = client.head()
        client.piece()
        os.kill(server.process.pid, signal.SIGTERM)
        client._body(reply)
        assert reply.clean
        error = json.loads(reply.events[-1])["error"]
        assert error["code"] == "server_restarting"
        assert "[DONE]" not in reply.events


def test_a_stream_that_ends_within_the_drain_is_whole(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_DRAIN_SECONDS="20") as server,
        Client(server.port) as client,
    ):
        client.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 15})
        reply = client.head()
        client.piece()
        os.kill(server.process.pid, signal.SIGTERM)
        client._body(reply)
        assert reply.events[-1] == "[DONE]"

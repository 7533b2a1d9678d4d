"""A bound on live answers, and a truthful end for those that outlast a drain."""

from __future__ import annotations

import json
import os
import signal
import time

from tests.server import Client, running, wait_for

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

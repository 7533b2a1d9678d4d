"""The breaker behind a real server: shared by its workers, and shown to its operator."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest

from chatbot.upstream.mock_script import error_script, write_script
from chatbot.upstream.mock_server import MockServer
from tests.engines import redis_server
from tests.ports import free_port
from tests.server import KEY, Client, _children, running, wait_for

TOML = """
[[provider]]
name = "first"
base_url = "{first}"
retries = 0

[[provider]]
name = "second"
base_url = "{second}"

[[route]]
model = "*"
targets = ["first/*", "second/other"]
"""
COOL = """
import chatbot.upstream.breaker as breaker
breaker.FIRST_COOL_DOWN, breaker.LONGEST_COOL_DOWN = {seconds}, {seconds}
"""


class Pair:
    """Two providers, the first of which is ill while `ill` says so."""

    def __init__(self) -> None:
        self.ill = True
        self.first = MockServer(scripts=self._maybe).start()
        self.second = MockServer().start()

    def _maybe(self, _method, _path, body):
        return error_script(503, "no", "no") if self.ill else write_script(json.loads(body))

    def toml(self, folder):
        file = folder / "c.toml"
        file.write_text(TOML.format(first=self.first.base_url, second=self.second.base_url))
        return str(file)

    def stop(self) -> None:
        self.first.stop()
        self.second.stop()


def asked(provider: MockServer) -> list[dict[str, object]]:
    """The questions that came. Something else may ask for what was at its port before."""
    return [seen for seen in provider.log if seen["path"] == "/chat/completions"]


@pytest.fixture
def pair():
    found = Pair()
    yield found
    found.stop()


def ask(server, times=1):
    for _ in range(times):
        with Client(server.port) as client:
            reply = client.chat(stream=True, mock={"profile": "instant"})
            assert reply.events[-1] == "[DONE]"
    return json.loads(reply.events[1])["model"]


def ready(server, **headers):
    with Client(server.port) as client:
        return client.get("/readyz", headers).json


def test_it_serves_from_the_next_target_probes_with_one_request_and_closes(pair, tmp_path):
    config = pair.toml(tmp_path)
    with running(tmp_path, CHATBOT_CONFIG=config, extra=COOL.format(seconds=60)) as server:
        assert ready(server)["breakers"] == {"first/*": "closed", "second/other": "closed"}
        assert ask(server, 20) == "other"
        assert len(asked(pair.first)) == 5, "it is left alone once it is open"
        assert ready(server)["breakers"]["first/*"] == "open"
    with running(tmp_path, CHATBOT_CONFIG=config, extra=COOL.format(seconds=0.01)) as server:
        ask(server)
        assert ready(server)["breakers"]["first/*"] != "closed", "a restart does not forget"
        pair.ill = False
        wait_for(lambda: ask(server) == "mock-instant")
        assert ready(server)["breakers"]["first/*"] == "closed"
        events = [line["event"] for line in server.log()]
        assert "breaker_closed" in events


def test_workers_share_it_and_one_that_dies_while_probing_leaves_the_probe_to_the_next(
    pair, tmp_path
):
    config = pair.toml(tmp_path)
    with running(
        tmp_path, CHATBOT_CONFIG=config, WEB_CONCURRENCY="2", extra=COOL.format(seconds=0.3)
    ) as server:
        ask(server, 10)
        assert len(asked(pair.first)) < 10
        pair.ill = False
        wait_for(lambda: ready(server)["breakers"]["first/*"] == "half_open")
        with Client(server.port) as probe:
            seen = len(asked(pair.first)) + 1
            probe.send_chat(stream=True, mock={"fault": "no_headers"})
            wait_for(lambda: len(asked(pair.first)) == seen)
            ask(server, 5)
            assert len(asked(pair.first)) == seen, "one request probes, the others do not"
            for worker in _children(server.process.pid):
                os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(_children(server.process.pid)) == 2)
        wait_for(lambda: ask(server) == "mock-instant")


def test_redis_carries_it_to_another_machine(pair, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with redis_server(tmp_path) as (url, _):
        common = {
            "CHATBOT_CONFIG": pair.toml(tmp_path),
            "CHATBOT_REDIS_URL": url,
            "extra": COOL.format(seconds=60),
        }
        with (
            running(tmp_path / "a", **common) as one,
            running(tmp_path / "b", **common) as two,
        ):
            ask(one, 6)
            assert ready(two)["breakers"]["first/*"] == "open"
            assert ready(two)["shared_state"] == "Redis"


@pytest.mark.fault("Redis frozen in mid-stream")
def test_redis_may_go_while_answers_stream_and_the_operator_is_told(pair, tmp_path):
    pair.ill = False
    with redis_server(tmp_path) as (url, redis):
        config = pair.toml(tmp_path)
        with running(tmp_path, CHATBOT_CONFIG=config, CHATBOT_REDIS_URL=url) as server:
            with Client(server.port) as client:
                client.send_chat(stream=True, mock={"pace": 0.01, "tokens": 60})
                reply = client.head()
                client.piece()
                os.kill(redis.pid, signal.SIGSTOP)
                assert ask(server) == "mock-instant"
                client._body(reply)
                assert reply.events[-1] == "[DONE]"
            assert "since Redis can't be used" in ready(server)["shared_state"]
            os.kill(redis.pid, signal.SIGCONT)
            assert "state_away" in [line["event"] for line in server.log()]


def test_details_are_the_operators(pair, tmp_path):
    with running(tmp_path, CHATBOT_CONFIG=pair.toml(tmp_path)) as server:
        auth = {"Authorization": f"Bearer {KEY}"}
        assert "breakers" in ready(server)
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            assert ready(server, **{header: "203.0.113.7"}) == {"status": "ready"}
        assert "breakers" in ready(server, **{"X-Forwarded-For": "203.0.113.7"}, **auth)
        assert ready(server, Authorization="Bearer sk_wrong") == {"status": "ready"}
        assert ready(server, Host="evil.example") == {"status": "ready"}
        with Client(server.port) as client:
            text = client.get("/metrics").body.decode()
            name = 'gen_ai_provider_name="first",gen_ai_request_model="*"'
            assert f"chatbot_breaker_open{{{name}}} 0.0" in text
            assert client.get("/metrics", {"X-Forwarded-For": "1.2.3.4"}).status == 401
            assert client.get("/metrics", {"X-Forwarded-For": "1.2.3.4", **auth}).status == 200


def test_with_a_public_address_only_a_key_counts(pair, tmp_path):
    """A proxy that says nothing of itself looks like a caller on this machine."""
    config = pair.toml(tmp_path)
    with running(
        tmp_path, CHATBOT_CONFIG=config, CHATBOT_PUBLIC_URL="https://chat.example"
    ) as server:
        assert ready(server) == {"status": "ready"}
        assert "breakers" in ready(server, Authorization=f"Bearer {KEY}")


def test_metrics_can_be_switched_off(pair, tmp_path):
    config = pair.toml(tmp_path)
    with (
        running(tmp_path, CHATBOT_CONFIG=config, LATENCY_METRICS_ENABLED="0") as server,
        Client(server.port) as client,
    ):
        assert client.get("/metrics").status == 404


@pytest.mark.fault("data directory can't be written")
def test_a_data_directory_that_is_full_or_read_only_fails_no_request(pair, tmp_path):
    with running(tmp_path, CHATBOT_CONFIG=pair.toml(tmp_path)) as server:
        shutil.rmtree(tmp_path / "state")
        (tmp_path / "state").write_text("in the way")
        assert ask(server, 10) == "other"
        assert len(asked(pair.first)) == 5
        assert "since files of this machine can't be used" in ready(server)["shared_state"]


@pytest.mark.fault("Redis away at the start")
def test_without_redis_the_server_starts_and_the_breaker_works(pair, tmp_path):
    url = f"redis://:canary-password@127.0.0.1:{free_port()}/0"
    config = pair.toml(tmp_path)
    cool = COOL.format(seconds=600)
    with running(tmp_path, CHATBOT_CONFIG=config, CHATBOT_REDIS_URL=url, extra=cool) as server:
        assert ask(server, 10) == "other"
        assert len(asked(pair.first)) == 5
        assert "files of this machine, since Redis can't be used" in ready(server)["shared_state"]
        assert "canary-password" not in server.log_file.read_text()

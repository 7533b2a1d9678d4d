"""Silence, deadlines and departures."""

from __future__ import annotations

import json
import time

import pytest

from tests.server import Client, running, wait_for

TOML = """
[[provider]]
name = "slow"
base_url = "{url}"
timeouts = {{ connect = 1, first_token = 1, first_token_last = 2.0, idle = 1.5, total = 3 }}
"""


@pytest.fixture(scope="module")
def server(upstream, tmp_path_factory):
    """Half a second for the status, a quarter for a beat, and limits with time for several: on a busy machine some come late."""
    folder = tmp_path_factory.mktemp("time")
    (folder / "c.toml").write_text(TOML.format(url=upstream.base_url))
    with running(folder, hold=0.5, beat=0.25, CHATBOT_CONFIG=str(folder / "c.toml")) as found:
        yield found


def error_of(reply) -> str:
    return json.loads(reply.events[-1])["error"]["code"]


@pytest.mark.parametrize(
    "mock", [{"first_token": 1.2}, {"fault": "slow_headers", "first_token": 0.8}]
)
def test_silence_is_filled_from_the_start_also_before_the_head(client, mock):
    begin = time.monotonic()
    reply = client.chat(stream=True, mock={"pace": 0, **mock})
    assert reply.status == 200
    assert reply.pieces[:2] == [b":\n\n", b":\n\n"]
    assert reply.times[0] - begin >= 0.5, "the status is held"
    assert reply.events[-1] == "[DONE]"
    assert set(reply.pieces) - {b":\n\n"}


def test_no_silence_is_longer_than_the_beat(client):
    reply = client.chat(stream=True, mock={"fault": "stall", "first_token": 0, "pace": 0})
    assert reply.pieces.count(b":\n\n") >= 2
    assert error_of(reply) == "timeout_idle"


def test_after_an_id_a_heartbeat_is_a_comment_without_an_empty_line(client):
    reply = client.chat(stream=True, mock={"fault": "ids", "pace": 0.8, "tokens": 2})
    beats = [piece for piece in reply.pieces if piece.startswith(b":")]
    assert beats
    assert beats[-1] == b":\n"


@pytest.mark.parametrize("fault", ["no_headers", "drip_headers"])
def test_no_first_token_in_time_is_said(client, fault):
    reply = client.chat(stream=True, mock={"fault": fault})
    assert error_of(reply) == "timeout_first_token"
    assert "[DONE]" not in reply.events


def test_no_first_token_in_time_is_a_504_while_the_status_is_held(upstream, tmp_path):
    (tmp_path / "c.toml").write_text(TOML.format(url=upstream.base_url))
    with (
        running(tmp_path, CHATBOT_CONFIG=str(tmp_path / "c.toml")) as server,
        Client(server.port) as c,
    ):
        reply = c.chat(stream=True, mock={"fault": "no_headers"})
    assert (reply.status, reply.json["error"]["code"]) == (504, "timeout_first_token")


def test_comments_are_no_life(client):
    assert error_of(client.chat(stream=True, mock={"fault": "only_comments"})) == "timeout_idle"


def test_an_endless_answer_ends_at_the_total(client):
    reply = client.chat(stream=True, mock={"fault": "endless", "pace": 0.05})
    assert error_of(reply) == "timeout_total"


def test_a_plain_call_obeys_the_total_only(client):
    assert client.chat(mock={"first_token": 1.8}).status == 200
    assert client.chat(mock={"first_token": 9}).json["error"]["code"] == "timeout_total"


def test_a_port_that_nobody_listens_on_is_unreachable(tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1") as server,
        Client(server.port) as c,
    ):
        reply = c.chat(stream=True)
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_unreachable")


def test_after_its_end_a_stream_closes_orderly_and_the_connection_goes_on(client):
    for _ in range(3):
        assert client.chat(stream=True).clean
    assert client.get("/healthz").status == 200


@pytest.mark.soak
def test_ten_thousand_aborted_streams_leave_nothing_behind(server):
    def abort(count: int) -> None:
        for _ in range(count // 50):
            clients = [Client(server.port) for _ in range(50)]
            for number, client in enumerate(clients):
                fault = ("stall", "no_headers")[number % 2]
                client.send_chat(stream=True, mock={"fault": fault, "pace": 0})
            for client in clients[::2]:
                client.head()
            for client in clients:
                client.sock.close()

    def memory() -> int:
        """Its own, and not a part of what it shares: that part grows when other processes end."""
        with open(f"/proc/{server.worker}/smaps_rollup") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Anonymous:"))

    def settled() -> dict:
        last: list[dict] = [{}]

        def same() -> dict | None:
            previous, last[0] = last[0], server.counts()
            return last[0] if last[0] == previous else None

        return wait_for(same, 20)

    abort(1000)
    baseline, before = settled(), memory()
    abort(10_000)
    after = wait_for(
        lambda: (
            (now := settled())["greenlets"] <= baseline["greenlets"] + 2
            and now["fds"] <= baseline["fds"] + 2
            and now
        ),
        30,
    )
    assert after
    assert memory() < before * 1.15

"""The test pattern and what the server says of a request: for an operator's key alone, bounded, and truthful."""

from __future__ import annotations

import json
import time

import pytest

from chatbot.access import diagnosing
from chatbot.app import create_app
from chatbot.core.errors import RateLimitExceeded
from chatbot.protocol.pattern_text import TEXT
from chatbot.shared.machine_meter import MachineMeter
from tests.server import KEY, Client, running, wait_for
from tests.visitor import add_bot

OPERATOR = {"Authorization": f"Bearer {KEY}"}
PATH = "/api/v1/diagnosis"


@pytest.fixture
def app(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    yield app
    app.extensions["chatbot"].close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
def test_it_is_the_operators_also_on_this_machine_and_in_no_page(app, path):
    client, page = app.test_client(), add_bot(app, "shop")
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": f"Bearer {page}", "Origin": "http://localhost:3000"}).status_code == 403  # fmt: skip
    assert client.get(path, headers={**OPERATOR, "Origin": "http://localhost:3000"}).status_code == 403  # fmt: skip
    assert client.get(path, headers=OPERATOR, buffered=True).status_code == 200


def test_a_pattern_is_paced_whole_and_in_its_own_letters(server):
    with Client(server.port) as client:
        reply = client.get(f"{PATH}/stream?events=4&every=0.05&silence=0.2", OPERATOR)
    assert reply.clean
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = reply.events
    assert end == "[DONE]"
    told = [json.loads(event) for event in events]
    assert [(e["n"], e["text"]) for e in told] == [(n, TEXT) for n in range(4)]
    assert told[1]["at"] >= 0.25 and told[3]["at"] >= 0.35
    assert TEXT.encode() in reply.body


@pytest.mark.parametrize("query", ["events=0", "events=401", "every=11", "silence=131", "every=-1", "every=x", "events=400&every=1", "run=short", "run=UPPERUPPERUPPERUPPER", "silence=1e2"])  # fmt: skip
def test_a_pattern_without_measure_is_refused(app, query):
    reply = app.test_client().get(f"{PATH}/stream?{query}", headers=OPERATOR)
    assert (reply.status_code, reply.json["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("bound", ["PER_MINUTE", "AT_ONCE"])
def test_there_are_so_many_at_once_and_in_a_minute(monkeypatch, bound):
    monkeypatch.setattr(diagnosing, bound, 2)
    meter = MachineMeter(None)
    ends = [diagnosing.admit_pattern(meter) for _ in range(2)]
    with pytest.raises(RateLimitExceeded) as refusal:
        diagnosing.admit_pattern(meter)
    assert refusal.value.retry_after >= 1
    for end in ends:
        end()
    if bound == "AT_ONCE":
        diagnosing.admit_pattern(meter)


def test_a_refused_pattern_is_told_when_to_come_again(app, monkeypatch):
    monkeypatch.setattr(diagnosing, "PER_MINUTE", 1)
    ask = lambda: app.test_client().get(f"{PATH}/stream?events=1", headers=OPERATOR, buffered=True)  # noqa: E731
    assert ask().status_code == 200
    refused = ask()
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert int(refused.headers["Retry-After"]) >= 1


def ended(server, run: str) -> dict | None:
    with Client(server.port) as client:
        return client.get(f"{PATH}?run={run}", OPERATOR).json["run"]


def test_a_departure_in_a_silence_is_noticed_and_told_to_its_own_key_alone(server, tmp_path):
    run = "0123456789abcdef"
    with Client(server.port) as client:
        client._send("GET", f"{PATH}/stream?events=2&silence=20&run={run}", b"", OPERATOR)
        assert client.head().status == 200
        assert b'"n":0' in client.piece()
        assert ended(server, run) is None
    found = wait_for(lambda: ended(server, run), 5)
    assert (found["ended"], found["events"]) == ("left", 1)
    line = wait_for(lambda: [e for e in server.log() if e.get("path", "").endswith("/stream") and e["ended_by"] == "client"])[0]  # fmt: skip
    assert line["attempts"] == 0


def test_a_pattern_that_was_read_is_complete(server):
    run = "abcdef0123456789"
    with Client(server.port) as client:
        client.get(f"{PATH}/stream?events=2&run={run}", OPERATOR)
    assert wait_for(lambda: ended(server, run))["ended"] == "complete"


def test_what_arrived_is_told_as_it_arrived(server):
    headers = {**OPERATOR, "X-Forwarded-For": "192.0.2.1", "X-Session-ID": "x"}
    before = time.time()
    with Client(server.port) as client:
        told = client.get(PATH, headers).json
    assert before - 1 < told["time"] < time.time() + 1
    assert told["worker"]["kind"] == "gevent"
    seen = told["request"]
    assert (seen["protocol"], seen["scheme"], seen["host"]) == ("HTTP/1.1", "http", "localhost")
    assert (seen["forwarded_for"], seen["address"], seen["peer"]) == ("192.0.2.1", "127.0.0.1", "127.0.0.1")  # fmt: skip
    assert seen["headers"] == ["X-Session-ID"]

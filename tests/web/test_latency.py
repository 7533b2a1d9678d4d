"""The dashboard: who sees it, that its numbers are those of all workers and machines, and that they stay."""

from __future__ import annotations

import os
import signal

import pytest

from chatbot.app import create_app
from chatbot.core.api_key import describe, new_text
from chatbot.store.directory import DirectoryStore
from tests.engines import redis_server
from tests.server import KEY as SERVER_KEY
from tests.server import Client, _children, running, wait_for
from tests.web.conftest import KEY
from tests.web.test_admin import add_key, log_in

AWAY = {"X-Forwarded-For": "203.0.113.7"}
DATA, PAGE = "/admin/latency.json", "/admin/latency"


def made(make_settings, **settings):
    return create_app(make_settings(CHATBOT_API_KEYS=KEY, **settings))


@pytest.fixture
def app(make_settings):
    app = made(make_settings)
    yield app
    app.extensions["chatbot"].close()


def ask(client, **more):
    body = {
        "model": "mock-instant",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        **more,
    }
    return client.post(
        "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}, buffered=True
    )


def newest(client):
    """What is told, past the moment for which it is told again."""
    client.application.extensions["chatbot"].latency._day = None
    return client.get(DATA).json


def test_what_was_asked_is_in_the_hour_and_in_the_day(app):
    client = app.test_client()
    assert "Nothing has been asked" in client.get(PAGE).text
    for _ in range(3):
        assert ask(client).text.endswith("[DONE]\n\n")
    assert ask(client, messages=[]).status_code == 400
    told = newest(client)
    for name in ("hour", "day"):
        assert told[name]["codes"] == {"ok": 3, "invalid_request": 1}
        assert (told[name]["requests"], told[name]["errors"]) == (4, 1)
        assert 0 < told[name]["first_token"]["p50"] <= told[name]["first_token"]["p99"]
        assert told[name]["tokens_per_second"] > 0
        assert sum(span["requests"] for span in told[name]["spans"]) == 4
    assert (len(told["hour"]["spans"]), len(told["day"]["spans"])) == (60, 96)
    page = client.get(PAGE).text
    assert "Nothing has been asked" not in page
    assert "<code>invalid_request</code></th><td>1</td><td>1</td>" in page
    assert "by a straight line within each" in page


def test_it_is_the_operators(app):
    client = app.test_client()
    assert client.get(PAGE, headers=AWAY).status_code == 401
    assert client.get(DATA, headers=AWAY).status_code == 401
    for scopes, status in ((("operate",), 200), (("admin",), 200), (("chat",), 401)):
        key = {"Authorization": f"Bearer {add_key(app, scopes=scopes)}", **AWAY}
        assert (
            client.get(PAGE, headers=key).status_code,
            client.get(DATA, headers=key).status_code,
        ) == (status, status)
    log_in(client)
    assert (
        client.get(PAGE, headers=AWAY).status_code
        == client.get(DATA, headers=AWAY).status_code
        == 200
    )
    assert PAGE in client.get("/admin").text


def test_budgets_of_bots_and_of_keys_are_shown_and_no_key(app):
    services, text = app.extensions["chatbot"], new_text("sk")
    key = describe(text, scopes=("chat",), limits=(("tokens_per_day", 5000),))
    DirectoryStore(services.database).add_key(key)
    services.directory.look()
    client = app.test_client()
    asked = client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]},
        headers={"Authorization": f"Bearer {text}"},
    )  # fmt: skip
    found = {(b["subject"], b["name"], b["budget"]): b for b in client.get(DATA).json["budgets"]}
    used = found["key", key.id, "tokens_per_day"]
    assert (used["used"], used["limit"]) == (asked.json["usage"]["total_tokens"], 5000)
    assert ("bot", "demo", "tokens_per_month") in found
    assert f"key {key.id}" in client.get(PAGE).text
    assert text not in client.get(PAGE).text
    assert (
        f'chatbot_key_budget_used_tokens{{budget="tokens_per_day",key="{key.id}"}}'
        in client.get("/metrics").text
    )


def test_where_nothing_is_counted_it_says_so(make_settings):
    app = made(make_settings, LATENCY_METRICS_ENABLED="false")
    client = app.test_client()
    assert "LATENCY_METRICS_ENABLED" in client.get(PAGE).text
    assert client.get(DATA).status_code == 404
    app.extensions["chatbot"].close()


def test_models_and_embeddings_have_their_own_times(app):
    client, key = app.test_client(), {"Authorization": f"Bearer {KEY}"}
    assert client.get("/v1/models", headers=key).status_code == 200
    assert (
        client.post(
            "/v1/embeddings", json={"model": "mock", "input": "Tea"}, headers=key
        ).status_code
        == 200
    )
    text = client.get("/metrics").text
    for operation in ("models", "embeddings"):
        assert (
            f'chatbot_passed_on_duration_seconds_count{{bot="",code="ok",gen_ai_operation_name="{operation}",'
            'gen_ai_provider_name="mock"} 1.0' in text
        )


def requests(server) -> int:
    with Client(server.port) as client:
        return client.get(DATA, {"Authorization": f"Bearer {SERVER_KEY}"}).json["day"]["requests"]


def ask_all(server, number):
    for _ in range(number):
        with Client(server.port) as client:
            assert client.chat(stream=True).events[-1] == "[DONE]"


def test_any_worker_tells_the_sum_and_it_stays_where_one_is_killed_and_over_a_restart(tmp_path):
    with running(tmp_path, WEB_CONCURRENCY="2") as server:
        wait_for(lambda: len(_children(server.process.pid)) == 2)
        ask_all(server, 8)
        wait_for(lambda: requests(server) == 8)
        for worker in _children(server.process.pid):
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda gone=worker: gone not in _children(server.process.pid))
        ask_all(server, 2)
        wait_for(lambda: requests(server) == 10)
    with running(tmp_path, WEB_CONCURRENCY="2") as server:
        ask_all(server, 1)
        wait_for(lambda: requests(server) == 11)


def test_machines_that_share_redis_are_summed_and_without_it_each_shows_its_own(
    make_settings, tmp_path
):
    with redis_server(tmp_path) as (url, process):
        pair = [
            made(make_settings, CHATBOT_REDIS_URL=url, CHATBOT_DATA_DIR=str(tmp_path / name))
            for name in ("one", "two")
        ]
        clients = [app.test_client() for app in pair]
        for number, client in enumerate(clients, 1):
            for _ in range(number):
                ask(client)
            newest(client)
        told = newest(clients[0])
        assert (told["machines"], told["day"]["requests"], told["trouble"]) == (2, 3, "")
        assert newest(clients[1])["hour"]["codes"] == {"ok": 3}
        assert "on 2 machines" in clients[0].get(PAGE).text
        process.kill()
        process.wait()
        told = newest(clients[1])
        assert told["day"]["requests"] == 2
        assert "Redis is away" in told["trouble"]
        assert "Redis is away" in clients[1].get(PAGE).text
        for app in pair:
            app.extensions["chatbot"].close()

"""What browsers tell of what their visitors saw: two numbers, from listed pages, so many a minute; off unless somebody wants it."""

from __future__ import annotations

import json

import pytest

from chatbot.app import create_app
from tests.visitor import add_bot
from tests.web.conftest import KEY

PATH, PAGE = "/api/v1/widget/perceived", "https://shop.example"
TOLD = {"first": 640, "total": 4210}
COUNT = 'chatbot_perceived_first_token_seconds_count{bot="shop"}'


def made(make_settings, **settings):
    return create_app(make_settings(CHATBOT_API_KEYS=KEY, **settings))


@pytest.fixture
def app(make_settings):
    app = made(make_settings, CHATBOT_PERCEIVED="true")
    yield app
    app.extensions["chatbot"].close()


@pytest.fixture
def tell(app):
    key, client = add_bot(app, "shop", origins=(PAGE,)), app.test_client()

    def told(body=None, key=key, **headers):
        sent = {"Authorization": f"Bearer {key}", "Origin": PAGE, **headers}
        return client.post(PATH, json=TOLD if body is None else body, headers=sent)

    return told


def counted(app) -> float:
    found = [
        line
        for line in app.test_client().get("/metrics").text.splitlines()
        if line.startswith(COUNT)
    ]
    return float(found[0].split()[-1]) if found else 0.0


def test_it_is_counted_by_bot_and_is_on_the_dashboard(app, tell):
    client = app.test_client()
    assert tell().status_code == 200
    assert counted(app) == 1.0
    data = client.get("/admin/latency.json").json["day"]
    assert 0.5 < data["perceived_first_token"]["p50"] <= 0.75
    assert "as visitors saw it" in client.get("/admin/latency").text


@pytest.mark.parametrize("body", [
    {}, {"first": 1}, {"first": 2, "total": 1}, {"first": -1, "total": 1}, {"first": 1, "total": 3_600_001},
    {"first": 1.5, "total": 2}, {"first": True, "total": 2}, {"first": "1", "total": 2}, [1, 2],
    {**TOLD, "text": "canary"}, {"first": 1, "total": 10**100},
])  # fmt: skip
def test_nothing_else_is_taken(app, tell, body):
    reply = tell(body)
    assert (reply.status_code, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert "canary" not in reply.text
    assert counted(app) == 0.0


def test_a_large_body_is_refused(tell):
    assert tell({**TOLD, "x": "x" * 300}).status_code == 413


def test_it_is_for_pages_that_the_key_lists(app, tell):
    assert tell(Origin="https://evil.example").json["error"]["code"] == "origin_not_allowed"
    assert tell(key="pk_none").status_code == 401
    reply = app.test_client().post(PATH, json=TOLD, headers={"Authorization": f"Bearer {KEY}"})
    assert reply.json["error"]["code"] == "key_not_allowed"
    assert counted(app) == 0.0


def test_there_are_so_many_a_minute(app, tell, monkeypatch):
    monkeypatch.setattr("chatbot.access.perceiving.PER_ADDRESS", 3)
    codes = [tell().status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert tell().headers["Retry-After"]
    assert counted(app) == 3.0


@pytest.mark.parametrize("settings", [{}, {"CHATBOT_PERCEIVED": "true", "LATENCY_METRICS_ENABLED": "false"}])  # fmt: skip
def test_it_is_off_unless_it_is_wanted_and_can_be_counted(make_settings, settings):
    app = made(make_settings, **settings)
    key, client = add_bot(app, "shop", origins=(PAGE,)), app.test_client()
    headers = {"Authorization": f"Bearer {key}", "Origin": PAGE}
    assert client.post(PATH, json=TOLD, headers=headers).status_code == 404
    assert (
        client.get(
            "/api/v1/widget/config", query_string={"key": key}, headers={"Origin": PAGE}
        ).json["perceived"]
        is False
    )
    app.extensions["chatbot"].close()


def test_the_log_has_no_number_and_no_page_of_it(app, tell, capsys):
    tell(json.loads('{"first": 123454, "total": 123456}'))
    assert "12345" not in capsys.readouterr().err

"""What a caller is told, without a network: keys, bodies, hosts, errors, headers."""

from __future__ import annotations

import json

import pytest

from chatbot.app import create_app

KEY = "sk_test_0123456789abcdef"
AUTH = {"Authorization": f"Bearer {KEY}"}
HELLO = {"model": "mock-instant", "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/v1/chat/completions"


@pytest.fixture
def client(make_settings):
    return create_app(make_settings(CHATBOT_API_KEYS=KEY)).test_client()


def code(response) -> tuple[int, str]:
    return response.status_code, response.json["error"]["code"]


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
def test_both_prefixes_answer(client, prefix):
    reply = client.post(f"{prefix}/chat/completions", json=HELLO, headers=AUTH)
    assert reply.json["choices"][0]["message"]["content"].startswith("**This is the built-in mock")


@pytest.mark.parametrize(
    "header",
    [{}, {"Authorization": "Bearer sk_wrong_000000000000"}, {"Authorization": f"Basic {KEY}"},
     {"Authorization": "Bearer"}, {"Authorization": "Bearer \xff"}, {"Authorization": KEY}],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [("post", CHAT), ("get", "/v1/models"), ("get", "/v1/models/mock"), ("post", "/v1/embeddings")],
)
def test_every_call_needs_a_key(client, method, path, header):
    reply = getattr(client, method)(path, headers=header)
    assert code(reply) == (401, "invalid_api_key")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_the_first_run_makes_a_key_that_only_its_owner_can_read(make_settings, tmp_path):
    client = create_app(make_settings()).test_client()
    file = tmp_path / "data" / "first-key"
    assert file.stat().st_mode & 0o777 == 0o600
    auth = {"Authorization": f"Bearer {file.read_text().strip()}"}
    assert client.post(CHAT, json=HELLO, headers=auth).status_code == 200
    again = create_app(make_settings()).test_client()
    assert again.post(CHAT, json=HELLO, headers=auth).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_declared_json_is_refused(client, kind):
    reply = client.post(CHAT, data=json.dumps(HELLO), headers=AUTH, content_type=kind)
    assert code(reply) == (400, "invalid_request")


def test_a_bad_request_names_the_field(client):
    reply = client.post(CHAT, json={**HELLO, "messages": "Hi"}, headers=AUTH)
    assert code(reply) == (400, "invalid_request")
    assert reply.json["error"]["param"] == "messages"


def test_a_body_over_the_limit_is_413(client):
    reply = client.post(
        CHAT, data=b"{}", headers=AUTH, content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(40 * 1024 * 1024)},
    )  # fmt: skip
    assert code(reply) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("get", "/nowhere", (404, "not_found")), ("get", CHAT, (405, "method_not_allowed")),
     ("get", "/v1/models/none", (404, "not_found"))],
)  # fmt: skip
def test_errors_are_openais_body_everywhere(client, method, path, expected):
    reply = getattr(client, method)(path, headers=AUTH)
    assert code(reply) == expected
    assert set(reply.json["error"]) == {"message", "type", "param", "code"}
    assert reply.headers["X-Request-ID"].startswith("req_")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.2", ""])
def test_an_unknown_host_is_refused(client, host):
    assert code(client.get("/", headers={"Host": host})) == (400, "invalid_request")
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"]
)
def test_loopback_names_are_known_hosts(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_hosts_can_be_added(make_settings):
    settings = make_settings(
        CHATBOT_HOSTS="a.example, .b.example", CHATBOT_PUBLIC_URL="https://c.example"
    )
    client = create_app(settings).test_client()
    for host in ("a.example", "x.b.example:443", "c.example"):
        assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_crash_is_a_500_with_an_id_and_no_word_of_its_text(make_settings, monkeypatch, capfd):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))

    def crash(*_):
        raise RuntimeError("canary-in-an-exception")

    monkeypatch.setattr(app.extensions["chatbot"].chat, "ask", crash)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    reply = app.test_client().post(CHAT, json=HELLO, headers=AUTH)
    assert code(reply) == (500, "internal_error")
    logged = capfd.readouterr().err
    assert reply.headers["X-Request-ID"] in reply.json["error"]["message"]
    assert "RuntimeError" in logged
    assert "canary" not in logged + reply.text


def test_models_of_the_mock(client):
    models = client.get("/v1/models", headers=AUTH).json["data"]
    assert [m["id"] for m in models] == ["mock", "mock-instant", "mock-origin"]
    assert client.get("/v1/models/mock", headers=AUTH).json["id"] == "mock"


def test_embeddings_of_the_mock_depend_on_the_text_alone(client):
    def embed(**body):
        return client.post("/v1/embeddings", json={"model": "m", **body}, headers=AUTH).json["data"]

    first, second = embed(input=["a", "b"], dimensions=32)
    assert embed(input="a", dimensions=32)[0]["embedding"] == first["embedding"]
    assert first["embedding"] != second["embedding"]
    assert len(first["embedding"]) == 32
    assert sum(v * v for v in first["embedding"]) == pytest.approx(1)


def test_embeddings_need_a_json_object(client):
    for body in (b"[]", b"{"):
        reply = client.post(
            "/v1/embeddings", data=body, headers=AUTH, content_type="application/json"
        )
        assert code(reply) == (400, "invalid_request")


def test_the_start_page_says_that_it_is_the_mock_and_runs_nothing_inline(client, make_settings):
    page = client.get("/")
    assert "built-in mock" in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "onclick" not in page.text
    real = create_app(make_settings(OPENAI_API_KEY="sk-x", CHATBOT_API_KEYS=KEY)).test_client()
    assert "built-in mock" not in real.get("/").text


def test_health_and_readiness(client):
    assert client.get("/healthz").json == {"status": "ok"}
    proxied = {"X-Forwarded-For": "203.0.113.7"}
    assert client.get("/readyz", headers=proxied).json == {"status": "ready"}


def test_api_answers_are_not_to_be_stored(client):
    assert client.get("/v1/models", headers=AUTH).headers["Cache-Control"] == "no-store"

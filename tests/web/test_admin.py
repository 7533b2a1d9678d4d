"""The operator's pages: who gets in, what another site's page can do to them, what they show."""

from __future__ import annotations

import re
import time

import pytest

from chatbot.app import create_app
from chatbot.core.api_key import describe, new_text
from chatbot.store.directory import DirectoryStore
from tests.visitor import add_bot
from tests.web.conftest import KEY

HERE = "http://localhost"


@pytest.fixture
def app(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    yield app
    app.extensions["chatbot"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def log_in(client, key=KEY, **headers):
    return client.post("/admin/login", data={"key": key}, headers={"Origin": HERE, **headers})


def add_key(app, **values) -> str:
    services, text = app.extensions["chatbot"], new_text("sk")
    DirectoryStore(services.database).add_key(describe(text, **values))
    services.directory.look()
    return text


def csrf(page) -> str:
    return re.search(r'name="csrf" value="(\w+)"', page.text)[1]


def test_an_admins_key_logs_in_for_a_cookie_that_is_not_the_key(client):
    reply = log_in(client)
    assert (reply.status_code, reply.location) == (303, "/admin")
    cookie = reply.headers["Set-Cookie"]
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie
    assert KEY not in cookie
    page = client.get("/admin")
    assert "Answers under way" in page.text
    assert KEY not in page.text


def test_behind_tls_the_cookie_is_for_tls_alone(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY, CHATBOT_PUBLIC_URL="https://chat.example"))
    reply = app.test_client().post(
        "/admin/login", data={"key": KEY}, headers={"Host": "chat.example", "Origin": "https://chat.example"}
    )  # fmt: skip
    assert "Secure" in reply.headers["Set-Cookie"]
    app.extensions["chatbot"].close()


@pytest.mark.parametrize("scopes", [("chat",), ("operate", "conversations")])
def test_another_key_does_not_log_in(app, client, scopes):
    for key in (add_key(app, scopes=scopes), add_bot(app, "shop"), "sk_wrong_000000000000", ""):
        reply = log_in(client, key)
        assert reply.status_code == 401
        assert "Set-Cookie" not in reply.headers
        assert not key or key not in reply.text


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_another_sites_page_can_post_no_form(app, client, headers):
    assert log_in(client, **headers).status_code == 403
    log_in(client)
    token = csrf(client.get("/admin"))
    add_bot(app, "shop")
    key = next(k for k in app.extensions["chatbot"].directory.keys if k.bot_id == "shop")
    for path in ("/admin/logout", f"/admin/keys/{key.id}/revoke"):
        reply = client.post(path, data={"csrf": token}, headers={"Origin": HERE, **headers})
        assert reply.status_code == 403
    assert app.extensions["chatbot"].directory.is_alive(key)


@pytest.mark.parametrize("form", [{}, {"csrf": ""}, {"csrf": "0" * 32}, {"csrf": "ü"}])
def test_a_form_without_its_token_is_refused(client, form):
    log_in(client)
    assert client.post("/admin/logout", data=form, headers={"Origin": HERE}).status_code == 403


def test_nothing_is_changed_by_get(app, client):
    log_in(client)
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin/") and rule.endpoint.split(".")[0] != "latency":
            assert "GET" not in rule.methods


def test_without_a_login_nothing_is_shown_or_done(app, client):
    add_bot(app, "shop", name="canary-bot")
    assert "canary" not in client.get("/admin").text
    reply = client.post("/admin/keys/key_x/revoke", data={"csrf": "x"}, headers={"Origin": HERE})
    assert reply.status_code == 401


def test_an_operator_ends_a_key_and_logs_out(app, client):
    log_in(client)
    add_bot(app, "shop")
    directory = app.extensions["chatbot"].directory
    key = next(k for k in directory.keys if k.bot_id == "shop")
    form = {"csrf": csrf(client.get("/admin"))}
    assert (
        client.post(f"/admin/keys/{key.id}/revoke", data=form, headers={"Origin": HERE}).status_code
        == 303
    )
    assert not directory.is_alive(key)
    assert client.post("/admin/logout", data=form, headers={"Origin": HERE}).status_code == 303
    assert "Answers under way" not in client.get("/admin").text


def test_a_login_ends_with_its_key_and_with_its_time(app, client):
    text = add_key(app, scopes=("admin",))
    log_in(client, text)
    directory = app.extensions["chatbot"].directory
    assert "Answers under way" in client.get("/admin").text
    key = directory.identify(text)
    directory.end_key(key)
    assert "Answers under way" not in client.get("/admin").text
    signer = app.extensions["chatbot"].signer
    fixed = directory.identify(KEY)
    for cookie in (
        signer.issue("adm", time.time() - 1, fixed.id).text,
        signer.issue("ses", time.time() + 99, fixed.id).text,
        signer.issue("adm", time.time() + 99, "key_other").text,
        "x",
    ):
        client.set_cookie("chatbot_operator", f"{fixed.id}.{cookie}")
        assert "Answers under way" not in client.get("/admin").text


def test_what_owners_wrote_is_text_on_the_page(app, client):
    add_bot(app, "shop", name="<script>alert(1)</script>")
    log_in(client)
    page = client.get("/admin").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_what_is_the_operators_takes_a_key_for_it(app, client):
    away = {"X-Forwarded-For": "203.0.113.7"}
    for scopes, status in ((("operate",), 200), (("admin",), 200), (("chat",), 401)):
        key = {"Authorization": f"Bearer {add_key(app, scopes=scopes)}", **away}
        assert client.get("/metrics", headers=key).status_code == status
        assert ("database" in client.get("/readyz", headers=key).json) == (status == 200)


def test_a_login_that_was_ended_is_ended_for_whoever_kept_the_cookie(client):
    log_in(client)
    kept = client.get_cookie("chatbot_operator").value
    form = {"csrf": csrf(client.get("/admin"))}
    client.post("/admin/logout", data=form, headers={"Origin": HERE})
    client.set_cookie("chatbot_operator", kept)
    assert "Answers under way" not in client.get("/admin").text


def test_a_key_of_one_bot_is_nobodys_operator(app, client):
    key = add_key(app, scopes=("admin", "operate"), bot_id="demo")
    assert log_in(client, key).status_code == 401
    away = {"X-Forwarded-For": "203.0.113.7", "Authorization": f"Bearer {key}"}
    assert client.get("/metrics", headers=away).status_code == 401

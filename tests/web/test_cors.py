"""Which pages may ask, and which may read: preflights, marks, and the refusal that an owner can read."""

from __future__ import annotations

import time

import pytest

from chatbot.core.api_key import describe, new_text
from chatbot.store.directory import DirectoryStore
from tests.visitor import ORIGIN, Visitor, add_bot
from tests.web.conftest import KEY

CHAT = "/api/v1/chat/completions"
REFUSED = [
    "https://shop.example.evil", "https://evilshop.example", "https://www.shop.example",
    "http://shop.example", "https://shop.example:8443", "https://SHOP.example", "null",
    "https://shop.example/", "https://shop.example, https://evil.example", "file://",
    "http://localhost.evil.example", "https://shop.example.",
]  # fmt: skip


def preflight(client, origin, path=CHAT, method="POST"):
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,x-session-id",
            "Access-Control-Request-Private-Network": "true",
        },
    )


def test_a_preflight_needs_no_key_and_says_exactly_what_is_used(site, shop):
    reply = preflight(site.test_client(), ORIGIN)
    assert reply.status_code == 204
    allowed = {k: v for k, v in reply.headers.items() if k.startswith("Access-Control-Allow")}
    assert allowed == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, "
        "X-Conversation-ID, X-Requested-With, X-Session-ID, X-Visitor-Token",
    }
    assert reply.headers["Access-Control-Max-Age"] == "7200"
    assert "Origin" in reply.headers["Vary"]


@pytest.mark.parametrize("origin", REFUSED)
def test_an_origin_that_nobody_listed_is_refused_and_never_reflected(site, shop, origin):
    client = site.test_client()
    reply = preflight(client, origin)
    assert (reply.status_code, reply.json["error"]["code"]) == (403, "origin_not_allowed")
    asked = Visitor(client, shop, origin).ask("Hi")
    assert (asked.status_code, asked.json["error"]["code"]) == (403, "origin_not_allowed")
    for answer in (reply, asked):
        assert not [k for k, _ in answer.headers if k.startswith("Access-Control-Allow")]


def test_an_answer_may_be_read_by_the_page_and_never_with_credentials(site, shop, visitor):
    for reply in (visitor.ask("Hi"), visitor.ask("Hi", stream=True), visitor.ask("x" * 9000)):
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Access-Control-Allow-Credentials" not in reply.headers
        assert "Origin" in reply.headers["Vary"]
        assert "X-Session-ID" in reply.headers["Access-Control-Expose-Headers"]
        assert reply.headers["Timing-Allow-Origin"] == reply.headers["Access-Control-Allow-Origin"]


def test_a_page_of_another_key_may_read_the_refusal_and_nothing_else(site, shop):
    add_bot(site, "other", origins=["https://other.example"])
    reply = Visitor(site.test_client(), shop, "https://other.example").ask("Hi")
    assert (reply.status_code, reply.json["error"]["code"]) == (403, "origin_not_allowed")
    assert reply.headers["Access-Control-Allow-Origin"] == "https://other.example"


def test_without_an_origin_a_publishable_key_is_refused(site, shop):
    reply = Visitor(site.test_client(), shop, "").ask("Hi")
    assert (reply.status_code, reply.json["error"]["code"]) == (403, "origin_not_allowed")


def test_a_page_of_this_server_may_ask_with_and_without_an_origin(site, shop):
    client = site.test_client()
    assert Visitor(client, shop, "http://localhost").ask("Hi").status_code == 200
    headers = {"Authorization": f"Bearer {shop}", "Sec-Fetch-Site": "same-origin"}
    assert client.get("/api/v1/conversations", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost", "null", "https://evil.example"])
def test_a_secret_key_from_a_page_is_refused(site, shop, origin):
    headers = {"Authorization": f"Bearer {KEY}", "Origin": origin}
    for method, path in (("GET", "/v1/models"), ("GET", "/metrics"), ("POST", CHAT)):
        reply = site.test_client().open(path, method=method, headers=headers, json={})
        assert reply.status_code in (401, 403)
        assert reply.json["error"]["code"] in ("origin_not_allowed", "invalid_api_key")


def test_a_key_counts_in_its_one_header_only(site, shop):
    client = site.test_client()
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    for headers in (
        {"X-API-Key": shop},
        {"api-key": shop},
        {"X-Auth-Token": shop},
        {"Cookie": f"key={shop}"},
    ):
        reply = client.post(f"{CHAT}?key={shop}&api_key={shop}", json=body,
                            headers={**headers, "Origin": ORIGIN})  # fmt: skip
        assert reply.status_code == 401


ALLOWED = {
    ("POST", "/chat/completions"), ("GET", "/widget/config"), ("POST", "/feedback"), ("POST", "/widget/perceived"),
    ("GET", "/conversations"), ("DELETE", "/conversations"), ("GET", "/conversations/<conversation>"),
    ("PATCH", "/conversations/<conversation>"), ("DELETE", "/conversations/<conversation>"),
    ("GET", "/conversations/<conversation>/export"),
}  # fmt: skip


def test_a_publishable_key_opens_its_few_addresses_and_no_other(site, visitor):
    visitor.ask("Hi")
    for rule in site.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            path = rule.rule.replace("<path:model>", "mock").replace("<conversation>", "conv_x")
            if not path.startswith("/api/v1/"):
                continue
            reply = visitor.client.open(path, method=method, headers=visitor.headers, json={})
            named = (method, rule.rule.removeprefix("/api/v1"))
            refused = reply.status_code == 403 and reply.json["error"]["code"] == "key_not_allowed"
            assert refused != (named in ALLOWED), named


def test_the_demos_key_is_for_this_machine_on_any_port(site):
    directory = site.extensions["chatbot"].directory
    key = next(k.shown for k in directory.keys if k.bot_id == "demo")
    client = site.test_client()
    for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "http://localhost"):
        assert Visitor(client, key, origin).ask("Hi", stream=True).status_code == 200
    for origin in ("https://shop.example", "http://localhost.example:3000"):
        assert Visitor(client, key, origin).ask("Hi").status_code == 403


def test_the_widgets_configuration_may_be_read_by_every_page(site):
    key = add_bot(
        site, "shop", name="Tea", greeting="Hello", prompt="canary-prompt", contact="a@b.example"
    )
    client = site.test_client()
    reply = client.get(f"/api/v1/widget/config?key={key}", headers={"Origin": ORIGIN})
    assert reply.json["name"] == "Tea"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert "canary" not in reply.text
    refused = client.get(
        f"/api/v1/widget/config?key={key}", headers={"Origin": "https://evil.example"}
    )
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "origin_not_allowed")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "shop" not in refused.text.lower()
    unknown = client.get(
        "/api/v1/widget/config?key=pk_unknown00000000000", headers={"Origin": ORIGIN}
    )
    assert unknown.status_code == 401
    assert unknown.headers["Access-Control-Allow-Origin"] == "*"


def test_ended_keys_list_nothing(site):
    services = site.extensions["chatbot"]
    store, text = DirectoryStore(services.database), new_text("pk")
    add_bot(site, "shop", origins=["https://other.example"])
    key = describe(text, bot_id="shop", origins=(ORIGIN,), expires_at=time.time() + 1000)
    store.add_key(key)
    services.directory.look()
    assert preflight(site.test_client(), ORIGIN).status_code == 204
    services.directory.end_key(key)
    assert preflight(site.test_client(), ORIGIN).status_code == 403
    assert Visitor(site.test_client(), text).ask("Hi").status_code == 401

"""Below a path of a proxy's, and behind a number of proxies: every address is right, and nobody makes one up."""

from __future__ import annotations

import re

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from chatbot.app import create_app
from chatbot.web.mount import plain_path
from tests.server import ROOT
from tests.visitor import add_bot
from tests.web.conftest import KEY

PAGES = ["/", "/test-streaming", "/admin", "/api/docs", "/chat/{key}"]
HERE = {"Origin": "http://localhost"}


@pytest.fixture
def behind(make_settings):
    """The application that trusts this many proxies."""
    made = []

    def make(proxies: int):
        settings = make_settings(CHATBOT_API_KEYS=KEY, CHATBOT_TRUSTED_PROXIES=str(proxies))
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        app.extensions["chatbot"].close()


def addresses(page) -> list[str]:
    return re.findall(r'(?:src|href|action|data-base)="(/[^"]*)"', page.text)


@pytest.mark.parametrize("proxies", [1, 2])
@pytest.mark.parametrize("page", PAGES)
def test_every_address_of_a_page_is_below_the_path_that_the_proxy_tells(behind, proxies, page):
    app = behind(proxies)
    client, key = app.test_client(), add_bot(app, "shop")
    found = client.get(page.format(key=key), headers={"X-Forwarded-Prefix": "/ask/us/"})
    assert found.status_code == 200
    assert addresses(found)
    for address in addresses(found):
        assert address.startswith("/ask/us/"), address
        inside = address.removeprefix("/ask/us").partition("?")[0]
        with client.get(inside, buffered=True) as led:
            assert led.status_code < 400 or f'action="{address}"' in found.text, address


def test_the_operators_cookie_and_what_follows_are_below_that_path(behind):
    client, below = behind(1).test_client(), {"X-Forwarded-Prefix": "/ask", **HERE}
    reply = client.post("/admin/login", data={"key": KEY}, headers=below)
    assert (reply.status_code, reply.location) == (303, "/ask/admin")
    assert "Path=/ask/" in reply.headers["Set-Cookie"]
    plain = client.post("/admin/login", data={"key": KEY}, headers=HERE)
    assert (plain.location, "Path=/;" in plain.headers["Set-Cookie"] + ";") == ("/admin", True)


def test_the_reference_names_the_path(behind):
    client = behind(1).test_client()
    told = client.get("/api/openapi.json", headers={"X-Forwarded-Prefix": "/ask"}).json
    assert told["servers"][0]["url"] == "/ask"
    assert client.get("/api/openapi.json").json["servers"][0]["url"] == "/"


def test_without_a_trusted_proxy_a_visitor_can_name_no_path(behind):
    page = behind(0).test_client().get("/", headers={"X-Forwarded-Prefix": "/ask"})
    assert not [a for a in addresses(page) if a.startswith("/ask")]


@pytest.mark.parametrize("made_up", [
    "//evil.example", "https://evil.example", "/\\evil.example", "/a/../b", "/.hidden", "/a//b", "/a?b", "/a;b", "/é", "ask",
    "/" + "a" * 300, "/%2fevil.example", '/"><script>', "/", "",
])  # fmt: skip
def test_what_is_no_plain_path_is_none(behind, made_up):
    assert plain_path(made_up) == ""
    reply = behind(1).test_client().post(
        "/admin/login", data={"key": KEY}, headers={"X-Forwarded-Prefix": made_up.encode().decode("latin-1"), **HERE}
    )  # fmt: skip
    assert reply.location == "/admin"


def test_the_nearest_proxy_tells_the_path(behind):
    page = behind(2).test_client().get("/", headers={"X-Forwarded-Prefix": "/outer, /ask"})
    assert {a.split("/")[1] for a in addresses(page)} == {"ask"}


@pytest.mark.parametrize(
    ("proxies", "believed"), [(0, "127.0.0.1"), (1, "198.51.100.2"), (2, "203.0.113.1")]
)
def test_so_many_proxies_are_believed_and_no_more(behind, proxies, believed):
    headers = {"X-Forwarded-For": "192.0.2.9, 203.0.113.1, 198.51.100.2", "Authorization": f"Bearer {KEY}"}  # fmt: skip
    seen = behind(proxies).test_client().get("/api/v1/diagnosis", headers=headers).json
    assert seen["request"]["address"] == believed


def test_the_documents_example_of_two_applications_in_one(make_settings, monkeypatch, tmp_path):
    text = (ROOT / "docs/hosting/other-servers.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    monkeypatch.setenv("CHATBOT_API_KEYS", KEY)
    space: dict[str, object] = {}
    exec(code, space)
    assert isinstance(space["app"], DispatcherMiddleware)
    page = Client(space["app"]).get("/chat/")
    assert page.status_code == 200
    assert addresses(page)
    assert all(address.startswith("/chat/") for address in addresses(page))
    assert Client(space["app"]).get("/").text == "The site."
    space["chat"].extensions["chatbot"].close()

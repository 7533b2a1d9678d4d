"""The widget's scripts as they are served: for every origin, kept as long as their names allow."""

from __future__ import annotations

import gzip
import json

import pytest

from chatbot import __version__
from chatbot.core.resources import data_folder

JS = "/static/widget/js"
IE11 = "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko"


@pytest.fixture
def client(site):
    return site.test_client()


def body_name() -> str:
    return next((data_folder("static") / "widget" / "js").glob("body-*.js")).name


@pytest.mark.parametrize("name", ["chatbot-widget.js", f"{__version__}/chatbot-widget.js"])
def test_pages_of_every_origin_may_load_it(client, name):
    reply = client.get(f"{JS}/{name}", headers={"Origin": "https://shop.example"})
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_the_owners_address_is_short_lived_and_the_others_for_ever(client):
    def kept(name: str) -> str:
        return client.get(f"{JS}/{name}").headers["Cache-Control"]

    assert "max-age=300" in kept("chatbot-widget.js")
    assert "immutable" not in kept("chatbot-widget.js")
    hashed = [
        path.name for path in (data_folder("static") / "widget" / "js").glob("*-????????????.js")
    ]
    assert {name.rsplit("-", 1)[0] for name in hashed} >= {
        "body",
        "consent",
        "highlight",
        "words-it",
    }
    for name in (f"{__version__}/chatbot-widget.js", body_name(), *hashed):
        assert kept(name) == "public, max-age=31536000, immutable", name


def test_the_pinned_loader_is_what_its_integrity_says(client):
    import base64
    import hashlib

    told = json.loads(client.get(f"{JS}/integrity.json").data)
    for name, integrity in told.items():
        content = client.get(f"{JS}/{name}").data
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        assert integrity == f"sha384-{digest}", name
    assert told


def test_it_is_compressed_where_the_browser_takes_that(client):
    plain = client.get(f"{JS}/chatbot-widget.js")
    packed = client.get(f"{JS}/chatbot-widget.js", headers={"Accept-Encoding": "gzip, br"})
    refused = client.get(f"{JS}/chatbot-widget.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert "Content-Encoding" not in refused.headers
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_a_browser_that_has_it_is_told_so(client):
    first = client.get(f"{JS}/chatbot-widget.js")
    again = client.get(f"{JS}/chatbot-widget.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data


def test_internet_explorer_gets_a_script_that_it_can_read(client):
    old = client.get(f"{JS}/chatbot-widget.js", headers={"User-Agent": IE11})
    assert b"import(" not in old.data and b"/chat/" in old.data
    assert "User-Agent" in old.headers["Vary"]
    assert b"import(" in client.get(f"{JS}/chatbot-widget.js").data


def test_what_an_old_browser_gets_is_kept_by_no_cache_and_is_never_the_pinned_file(client):
    old = {"User-Agent": IE11}
    assert (
        client.get(f"{JS}/chatbot-widget.js", headers=old).headers["Cache-Control"]
        == "private, no-store"
    )
    pinned = f"{JS}/{__version__}/chatbot-widget.js"
    assert client.get(pinned, headers=old).data == client.get(pinned).data


@pytest.mark.parametrize(
    "name",
    ["absent.js", "../src/loader.js", "..%2Fsrc%2Floader.js", "/etc/passwd", "x.js.map", ".hidden.js", "a/b/c.js"],
)  # fmt: skip
def test_nothing_else_is_given_out(client, name):
    assert client.get(f"{JS}/{name}").status_code == 404

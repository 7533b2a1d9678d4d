"""The headers of every address, as a whole: what a browser is allowed to do with each answer."""

from __future__ import annotations

import pytest

from chatbot.app import create_app
from tests.web.conftest import KEY

PAGES = (
    "/",
    "/test-streaming",
    "/test-streaming.html",
    "/admin",
    "/admin/latency",
    "/api/docs",
    "/chat/pk_none",
)


@pytest.fixture
def app(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    yield app
    app.extensions["chatbot"].close()


def every_address(app):
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<path:model>", "mock").replace(
            "<path:filename>", "pages/start.css"
        )
        path = path.replace("<conversation>", "conv_x").replace("<key_id>", "key_x")
        path = path.replace("<key>", "pk_none").replace("<path:name>", "chatbot-widget.js")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield method, path


def test_every_answer_has_the_headers_that_it_needs(app):
    client, seen = app.test_client(), 0
    for method, path in every_address(app):
        reply = client.open(path, method=method, buffered=True)
        seen += 1
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
        kind = "same-origin" if reply.mimetype == "text/html" else "no-referrer"
        assert reply.headers["Referrer-Policy"] == kind, path
        assert reply.headers["X-Request-ID"].startswith("req_"), path
        if not path.startswith("/static/"):
            assert reply.headers["Cache-Control"] == "no-store", path
        if path.startswith(("/api/v1/", "/v1/")):
            assert "Origin" in reply.headers["Vary"], path
            assert reply.mimetype == "application/json", path
    assert seen > 30


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_that_is_not_a_file_of_theirs(app, path):
    page = app.test_client().get(path)
    assert page.mimetype == "text/html"
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
        "img-src": "'self' data:", "connect-src": "'self'", "base-uri": "'none'",
        "form-action": "'self'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in page.headers["Permissions-Policy"]
    for inline in (
        "<style",
        "style=",
        "onclick",
        "onload",
        "<script>",
        "javascript:",
        "http://",
        "https://",
    ):
        assert inline not in page.text.replace("https://shop.example", ""), inline


def test_all_pages_are_among_those_tried(app):
    client = app.test_client()
    found = {
        path
        for method, path in every_address(app)
        if method == "GET" and client.get(path, buffered=True).mimetype == "text/html"
    }
    assert found == set(PAGES)

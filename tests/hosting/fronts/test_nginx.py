"""nginx as shipped, more closely: its files from the disk, a path of the site, two proxies, and a browser by HTTP/2."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess

import pytest

from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.upstream.mock_server import MockServer
from tests.hosting.fronts import fronts, servers
from tests.hosting.fronts.checks import hashed
from tests.hosting.fronts.client import Visitor, question
from tests.hosting.fronts.mounts import MOUNTS, PREFIX
from tests.hosting.fronts.servers import NAME
from tests.hosting.fronts.started_cells import folder_for_all
from tests.server import KEY, ROOT, Client

SAME = (
    "content-type", "cache-control", "access-control-allow-origin", "cross-origin-resource-policy", "content-encoding",
    "x-content-type-options", "referrer-policy",
)  # fmt: skip


@contextlib.contextmanager
def site(certificates, changes=(), **settings: str):
    """An application behind nginx; its port, nginx's port and the demo's key."""
    paced = {"CHATBOT_MODEL": "mock"}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(folder_for_all())
        provider = MockServer().start()
        stack.callback(provider.stop)
        app = stack.enter_context(
            servers.gunicorn(
                "gunicorn.conf.py", folder, provider.base_url, behind=True, **paced | settings
            )
        )
        (folder / "front").mkdir()
        front = stack.enter_context(fronts.nginx(folder / "front", app.port, certificates, changes))
        yield app.port, front.port, demo_key(folder / "instance")


def demo_key(folder) -> str:
    database = Database(Secret(""), folder)
    keys = DirectoryStore(database).contents().keys
    database.close()
    return next(k.shown for k in keys if k.kind == "pk")


@pytest.fixture(scope="module")
def plain(certificates):
    with site(certificates) as at:
        yield at


@pytest.fixture
def ca(certificates):
    return certificates / "site.pem"


@pytest.mark.parametrize("name", [hashed(), "0.1.0/chatbot-widget.js", "absent-0123456789ab.js"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_file_from_the_disk_has_the_headers_that_the_application_sends(plain, ca, name, encoding):
    path = f"/static/widget/js/{name}"
    with Client(plain[0]) as client, Visitor(plain[1], ca) as visitor:
        theirs = client.get(path, {"Host": NAME, "Accept-Encoding": encoding})
        ours = visitor.fetch(path, Accept_Encoding=encoding)
    assert ours.status == theirs.status
    assert {n: ours.headers.get(n) for n in SAME} == {n: theirs.headers.get(n) for n in SAME}
    assert "accept-encoding" in ours.headers.get("vary", "") or ours.status == 404
    assert ours.headers["strict-transport-security"] == "max-age=31536000"
    opened = [gzip.decompress(r.body) if "content-encoding" in r.headers else r.body for r in (ours, theirs)]  # fmt: skip
    assert opened[0] == opened[1] or ours.status == 404


def test_such_a_file_does_not_come_from_the_application(plain, ca):
    with Visitor(plain[1], ca) as visitor:
        from_disk = visitor.fetch(f"/static/widget/js/{hashed()}")
        asked = visitor.fetch("/static/widget/js/chatbot-widget.js")
    assert "server-timing" not in from_disk.headers
    assert "server-timing" in asked.headers


def test_where_the_folder_is_another_one_the_application_answers(certificates, ca):
    with (
        site(certificates, [("root /srv/chatbot;", "root /nowhere;")]) as at,
        Visitor(at[1], ca) as visitor,
    ):
        reply = visitor.fetch(f"/static/widget/js/{hashed()}")
    assert (reply.status, "server-timing" in reply.headers) == (200, True)


def test_style_sheets_of_pages_are_compressed(plain, ca):
    with Visitor(plain[1], ca) as visitor:
        reply = visitor.fetch("/static/pages/start.css", Accept_Encoding="gzip")
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == (ROOT / "static/pages/start.css").read_bytes()


def test_http_is_sent_to_https(certificates):
    text = (ROOT / "deploy/nginx.conf").read_text()
    assert "listen 80;\n    server_name chat.example;\n    return 301 https://" in text


def asked_in_chromium(port: int, path: str, key: str) -> dict:
    program = ["node", str(ROOT / "tests/hosting/fronts/browser.mjs"), str(port), path, key]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_in_chromium_by_http2_the_demo_page_answers_word_by_word(plain):
    told = asked_in_chromium(plain[1], "/", plain[2])
    assert told["failed"] == []
    assert {r["by"] for r in told["requests"]} == {"h2"}
    assert "/api/v1/chat/completions" in {r["path"] for r in told["requests"]}
    assert len(told["states"]) > 3


@pytest.fixture(scope="module")
def below(certificates):
    with site(certificates, MOUNTS["nginx"], CHATBOT_PUBLIC_URL=f"https://{NAME}{PREFIX}") as at:
        yield at


def test_in_chromium_below_a_path_the_widget_answers_and_nothing_is_asked_beside_it(below):
    told = asked_in_chromium(below[1], f"{PREFIX}/", below[2])
    assert told["failed"] == []
    assert f"{PREFIX}/api/v1/chat/completions" in {r["path"] for r in told["requests"]}
    assert all(r["path"].startswith(f"{PREFIX}/") for r in told["requests"])


def test_what_a_visitor_says_of_the_path_or_the_address_does_not_arrive(plain, below, ca):
    for (_, port, _), prefix in ((plain, ""), (below, PREFIX)):
        with Visitor(port, ca) as visitor:
            page = visitor.fetch(f"{prefix}/", X_Forwarded_Prefix="/evil")
            seen = visitor.fetch(
                f"{prefix}/api/v1/diagnosis", X_Forwarded_For="192.0.2.9", Authorization=f"Bearer {KEY}"
            )  # fmt: skip
        assert b"/evil" not in page.body
        assert f'data-base="{prefix}/"'.encode() in page.body
        assert seen.json["request"]["address"] == "127.0.0.1"


def test_behind_two_proxies_the_outer_ones_word_counts(certificates, ca):
    behind_another = [("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for")]  # fmt: skip
    with (
        site(certificates, behind_another, CHATBOT_TRUSTED_PROXIES="2") as at,
        Visitor(at[1], ca) as visitor,
    ):
        seen = visitor.fetch(
            "/api/v1/diagnosis", X_Forwarded_For="192.0.2.9, 203.0.113.1", Authorization=f"Bearer {KEY}"
        )  # fmt: skip
        assert seen.json["request"]["address"] == "203.0.113.1"
        visitor.ask(question())
        assert visitor.reply().body.endswith(b"data: [DONE]\n\n")

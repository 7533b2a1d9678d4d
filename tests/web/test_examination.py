"""The doctor's button: it is the operator's, one examination goes on at a time, and what it finds is shown as it comes."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from urllib.parse import urlencode

import pytest

from chatbot.access.examining import new_pass
from chatbot.app import create_app
from tests.engines import binary, process
from tests.ports import free_port
from tests.server import KEY as SERVER_KEY
from tests.server import Client, running, wait_for
from tests.web.conftest import KEY
from tests.web.test_admin import HERE, csrf, log_in

BUTTON = "Examine the way to this server"
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{to}; proxy_http_version 1.0; }} }}
}}
"""

BUSY_MACHINE = "import chatbot.core.hub as hub; from tests.awake import awake; hub.now = awake\n"
"""What waits for a core is not blocked by a call of ours."""


class Operator:
    """A browser that is logged in, and asks the server itself, whatever stands before it."""

    def __init__(self, port: int, origin: str = "") -> None:
        self.port, self.origin, self.cookie = port, origin or f"http://127.0.0.1:{port}", ""
        self.cookie = self.post("/admin/login", key=SERVER_KEY)[1]["Set-Cookie"].split(";")[0]

    def ask(self, method: str, path: str, body: str = ""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Origin": self.origin, "Cookie": self.cookie}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        found = response.status, response.headers, response.read().decode()
        connection.close()
        return found

    def post(self, path: str, **form: str):
        return self.ask("POST", path, urlencode(form))

    def page(self) -> str:
        return self.ask("GET", "/test-streaming")[2]

    def examine(self) -> int:
        return self.post("/admin/examine", csrf=csrf_of(self.page()))[0]

    def result(self, told: str) -> str:
        """What the page shows, once it tells this."""
        return wait_for(lambda: found if told in (found := shown(self.page())) else None, 60)


def csrf_of(page: str) -> str:
    return re.search(r'name="csrf" value="(\w+)"', page)[1]


def shown(page: str) -> str:
    return page.split('data-fresh="examination"')[1].split("</section>", maxsplit=1)[0]


def test_without_a_front_nothing_is_found_and_each_part_is_named(tmp_path):
    with running(tmp_path, extra=BUSY_MACHINE) as server:
        operator = Operator(server.port)
        assert BUTTON in operator.page()
        assert operator.examine() == 303
        found = operator.result(f"http://127.0.0.1:{server.port}: nothing found.")
        for part in (
            "What arrives of a request",
            "Errors",
            "A visitor who leaves",
            "Many streams at once",
        ):
            assert f"{part}: good" in found
        assert "Silences" not in found
        lines = [line for line in server.log() if line["event"] == "request"]
        asked = [line for line in lines if line["path"].startswith("/api/v1/diagnosis")]
        assert {line["key_id"] for line in asked if line["status"] == 200} == {"examination"}
        assert not any(line["event"] in ("crash", "hub_blocked") for line in server.log())


def test_behind_a_front_at_fault_the_line_to_change_is_named_for_the_public_address_only(tmp_path):
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    with running(tmp_path, CHATBOT_PUBLIC_URL=public, CHATBOT_TRUSTED_PROXIES="1") as server:
        operator = Operator(server.port, public)
        operator.examine()
        operator.result(f"{public}: 127.0.0.1:{port} could not be asked")
        config = tmp_path / "nginx.conf"
        config.write_text(NGINX.format(folder=tmp_path, port=port, to=server.port))
        with process([binary("nginx"), "-c", str(config), "-p", str(tmp_path)], port, tmp_path):
            operator.examine()
            found = operator.result(f"{public}, behind nginx: ")
    assert '<h3 id="finding-1">' in found
    assert ">http-1.0</h3>" in found
    assert "proxy_http_version 1.1;" in found


SOON_SILENT = """
import chatbot.web.examination as examination
examination.BEAT_SECONDS, examination.SILENT_SECONDS = 0.5, 3.0
"""


def test_one_whose_worker_was_killed_is_over_and_another_may_begin(tmp_path):
    with running(tmp_path, extra=SOON_SILENT) as server:
        operator = Operator(server.port)
        operator.post("/admin/examine", csrf=csrf_of(operator.page()), silences="1")
        wait_for(lambda: "Errors: good" in operator.page())
        os.kill(server.worker, signal.SIGKILL)
        wait_for(lambda: _is_there(server))
        operator.result("its worker was stopped")
        operator.examine()
        operator.result("nothing found")


def _is_there(server) -> bool:
    try:
        with Client(server.port) as client:
            return client.get("/healthz").status == 200
    except OSError:
        return False


@pytest.fixture
def app(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    yield app
    app.extensions["chatbot"].close()


def test_it_is_the_operators_with_a_form_of_this_servers(app, monkeypatch):
    client, begun = app.test_client(), []
    app.extensions["chatbot.doctor"] = lambda *asked: begun.append(asked) or {"findings": []}
    assert BUTTON not in client.get("/test-streaming").text
    assert client.post("/admin/examine", headers={"Origin": HERE}).status_code == 401
    log_in(client)
    page = client.get("/test-streaming")
    assert BUTTON in page.text
    for form, headers in (
        ({}, {"Origin": HERE}), ({"csrf": csrf(page)}, {"Origin": "https://evil.example"}),
        ({"csrf": csrf(page)}, {"Host": "evil.example", "Origin": "http://evil.example"}),
    ):  # fmt: skip
        assert client.post("/admin/examine", data=form, headers=headers).status_code in (400, 403)
    assert client.get("/admin/examine").status_code == 405
    form = {"csrf": csrf(page), "url": "http://127.0.0.1:1", "silences": "1"}
    assert client.post("/admin/examine", data=form, headers={"Origin": HERE}).status_code == 303
    wait_for(lambda: begun)
    ((url, _, silences, _),) = begun
    assert (url, silences) == (HERE, True)


def test_one_goes_on_at_a_time_and_what_it_has_found_is_shown_meanwhile(app):
    client, begun, over = app.test_client(), [], threading.Event()

    def examine(url, key, silences, tell):
        begun.append(url)
        tell("Errors", [])
        over.wait(30)
        return {"front": "nginx", "findings": [], "trouble": ""}

    app.extensions["chatbot.doctor"] = examine
    log_in(client)
    form = {"csrf": csrf(client.get("/test-streaming"))}
    for _ in range(3):
        client.post("/admin/examine", data=form, headers={"Origin": HERE})
    page = wait_for(
        lambda: page if "Errors: good" in (page := client.get("/test-streaming").text) else None
    )
    assert "data-running" in page
    assert len(begun) == 1
    over.set()
    wait_for(lambda: f"{HERE}, behind nginx: nothing found." in client.get("/test-streaming").text)
    client.post("/admin/examine", data=form, headers={"Origin": HERE})
    wait_for(lambda: len(begun) == 2)


def test_its_pass_opens_nothing_but_the_diagnosis_and_for_minutes_only(app, monkeypatch):
    client, services = app.test_client(), app.extensions["chatbot"]
    away = {"Authorization": f"Bearer {new_pass(services.signer)}", "Via": "1.1 proxy"}
    assert client.get("/api/v1/diagnosis", headers=away).status_code == 200
    assert client.get("/api/v1/diagnosis/stream?events=1&every=0", headers=away).text.endswith(
        "[DONE]\n\n"
    )
    assert client.get("/api/v1/diagnosis", headers={**away, "Origin": HERE}).status_code == 401
    for path in ("/metrics", "/admin/latency.json", "/api/v1/models", "/api/v1/conversations"):
        assert client.get(path, headers=away).status_code == 401, path
    later = time.time() + 301
    monkeypatch.setattr("chatbot.access.sessions.time.time", lambda: later)
    assert client.get("/api/v1/diagnosis", headers=away).status_code == 401

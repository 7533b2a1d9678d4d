"""What is planted into the server or around it: each is named by its word."""

from __future__ import annotations

import importlib
import json
import re
import ssl
import subprocess
import sys
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from chatbot.cli import main
from chatbot.core.resources import data_folder
from chatbot.doctor import files, own
from chatbot.doctor import request as request_check
from chatbot.doctor.examine import CannotAsk, as_json, examine
from chatbot.doctor.front import Front
from chatbot.doctor.own import examine_self
from chatbot.doctor.pace import Pace
from chatbot.doctor.pages import cors_check
from chatbot.doctor.request import check_request
from chatbot.doctor.tls import check_trust
from chatbot.doctor.word import OTHER, Finding
from chatbot.upstream.mock_server import MockServer
from tests.doctor.conftest import ORIGIN, PACE
from tests.doctor.planted import WITHOUT_A_FRONT
from tests.ports import free_port
from tests.server import KEY, ROOT, running, wait_for

COMMAND = importlib.import_module("chatbot.cli.doctor")
SHIPPED = data_folder("deploy") / "gunicorn.conf.py"
BRIEF = Pace(events=3, every=0.05, idle=(), silence=0.4, goodbye=0.05, streams=2, hold=1.0)


def front_of(port: int, name: str = OTHER) -> Front:
    front = Front(urlsplit(f"http://127.0.0.1:{port}"), KEY)
    front.name = name
    return front


def words(found) -> list[str]:
    return [f.word for f in found]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The server as it is first run: nobody in front, nobody trusted."""
    with running(tmp_path_factory.mktemp("alone")) as server:
        yield server


def test_nothing_is_found_where_there_is_no_front(alone):
    seen = examine(front_of(alone.port), BRIEF, [cors_check(ORIGIN, "")])
    assert (seen.front, seen.findings) == (OTHER, ())


def test_a_proxy_that_is_not_trusted(alone, monkeypatch):
    front = front_of(alone.port)
    sent = request_check.SENT | {"X-Forwarded-For": "203.0.113.5"}  # as a proxy would add it
    monkeypatch.setattr(request_check, "SENT", sent)
    found = [f for f in check_request(front, PACE) if f.word != "request-headers-dropped"]
    assert words(found) == ["proxy-not-trusted"]


def test_a_clock_that_is_wrong(alone, monkeypatch):
    monkeypatch.setattr(request_check, "time", SimpleNamespace(time=lambda: time.time() + 3600))
    (found,) = check_request(front_of(alone.port), PACE)
    assert (found.word, found.detail) == ("clock", "They differ by 3600 s.")


def test_a_page_that_is_not_listed_and_a_key_that_is_none(alone):
    front = front_of(alone.port)
    assert words(cors_check("https://evil.example", "")(front, PACE)) == ["origin-not-listed"]
    assert words(cors_check(ORIGIN, "pk_" + "x" * 24)(front, PACE)) == ["page-key-refused"]


def test_http_for_another_machine():
    front = Front(urlsplit("http://chat.example"), KEY)
    assert words(check_trust(front)) == ["no-tls"]


def test_no_key_is_sent_to_a_front_that_is_not_trusted(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")
    server = MockServer(tls=context).start()
    try:
        front = Front(urlsplit(f"https://127.0.0.1:{server.port}"), KEY)
        assert words(examine(front, BRIEF).findings) == ["tls-untrusted"]
        assert KEY not in str(server.log)
        assert all("diagnosis" not in str(entry) for entry in server.log)
    finally:
        server.stop()


@pytest.mark.parametrize("page", ["doctor.md", "troubleshooting.md"])
def test_the_documents_commands_run(alone, monkeypatch, page):
    monkeypatch.setattr(COMMAND, "Pace", lambda: BRIEF)
    text = (ROOT / "docs" / page).read_text()
    commands = re.findall(r"^KEY=sk_… python -m chatbot doctor (.*)$", text, re.M)
    assert commands
    for command in commands:
        asked = command.replace("https://chat.example", f"http://127.0.0.1:{alone.port}")
        done = run(
            *asked.replace("https://shop.example", ORIGIN).replace("…", "x" * 24).split(), KEY=KEY
        )
        assert (done.exit_code, "page-key-refused" in done.output) == (1, True), done.output


def test_workers_that_are_threads(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "16", "-b", f"127.0.0.1:{port}", "wsgi:app"]  # fmt: skip
    env = {"PATH": "/usr/bin", "CHATBOT_API_KEYS": KEY, "CHATBOT_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        front = front_of(port)
        wait_for(lambda: _answers(front), 20)
        assert "worker-class" in words(check_request(front, PACE))
    finally:
        server.terminate()
        server.wait(10)


def _answers(front: Front) -> bool:
    try:
        return front.diagnosis().status == 200
    except OSError:
        return False


class _Breaks(BaseHTTPRequestHandler):
    """Answers the first questions, and hangs up on patterns."""

    def do_GET(self):
        if "stream" in self.path or "nothing" in self.path:
            self.connection.close()
            return
        body = b'{"object": "diagnosis"}' if "diagnosis" in self.path else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def breaks():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Breaks)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_front_that_ends_connections(breaks):
    pace = Pace(idle=(0.1,), silence=0.1, goodbye=0.01, streams=1, hold=0.2)
    assert "not-asked" in words(examine(front_of(breaks), pace).findings)


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("http://127.0.0.1:{closed}", KEY, "could not be asked"),
        ("http://127.0.0.1:{open}", "sk_wrong_0123456789", "key is not accepted"),
        ("http://127.0.0.1:{open}/elsewhere", KEY, "no chatbot of this version"),
    ],
)
def test_what_can_not_be_asked_says_why(alone, url, key, says):
    front = Front(urlsplit(url.format(closed=free_port(), open=alone.port)), key)
    with pytest.raises(CannotAsk, match=says):
        examine(front, BRIEF)


def itself(**environ: str):
    """What `doctor --self` finds with these settings; the import order is looked at elsewhere."""
    runner = CliRunner(env=environ)
    with runner.isolation(env=environ):
        return list(examine_self(SHIPPED))


@pytest.fixture
def no_order(monkeypatch):
    monkeypatch.setattr(own, "check_import_order", lambda _: iter(()))


def test_nothing_is_found_in_this_installation():
    assert itself() == []


BROKEN = {
    "settings": {"PORT": "none"},
    "database-away": {"CHATBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "CHATBOT_SECRET_KEY": "x" * 40},
    "redis-away": {"CHATBOT_REDIS_URL": "redis://127.0.0.1:1/0"},
    "disk": {"CHATBOT_DATA_DIR": "/proc/none"},
    "provider-away": {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"},
}  # fmt: skip


@pytest.mark.parametrize("word", BROKEN)
@pytest.mark.usefixtures("no_order")
def test_a_fault_of_this_installation_is_named(word):
    assert word in words(itself(**BROKEN[word]))


@pytest.mark.usefixtures("no_order")
def test_too_few_open_files(monkeypatch):
    monkeypatch.setattr(own, "room_for_streams", lambda: 50)
    assert words(itself()) == ["descriptors"]


def test_a_package_that_is_too_old(monkeypatch):
    monkeypatch.setattr(own, "version", lambda name: "20.1" if name == "gevent" else "9999")
    (found,) = own.check_versions()
    assert (found.word, "gevent is 20.1" in found.detail) == ("version", True)


def test_the_floors_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = {re.split(r"[\[>]", d)[0]: tuple(map(int, d.split(">=")[1].split("."))) for d in project}  # fmt: skip
    assert asked == own.FLOORS


@pytest.mark.parametrize(
    ("first", "finds"),
    [
        ("import ssl\nfrom gevent import monkey; monkey.patch_all()", ["import-order"]),
        ("import psycopg\nfrom gevent import monkey; monkey.patch_all()", ["import-order"]),
        ("bind = '127.0.0.1:8000'", ["import-order"]),
        ("from gevent import monkey; monkey.patch_all()\nimport ssl, psycopg", []),
        ("raise SystemExit('no')", ["settings"]),
    ],
)
def test_the_order_of_imports_of_a_gunicorn_configuration(tmp_path, first, finds):
    file = tmp_path / "gunicorn.py"
    file.write_text(first)
    assert words(own.check_import_order(file)) == finds


@pytest.fixture
def pools(monkeypatch):
    """Connections that a provider's pool keeps are closed with the test."""
    made, build = [], own.build_router
    monkeypatch.setattr(own, "build_router", lambda settings: made.append(build(settings)) or made[-1])  # fmt: skip
    yield
    for router in made:
        while connection := router.default._pool.take():
            connection.close()


@pytest.mark.usefixtures("no_order", "pools")
def test_a_provider_that_holds_its_answer_back(monkeypatch):
    at_once = [0.0, 1.2, 1.21, 1.22, 1.23]
    live = [0.0, 1.2, 1.4, 1.6, 1.8]
    short = [0.0, 0.2, 0.2, 0.2]
    assert [own.came_at_once(t) for t in (at_once, live, short)] == [True, False, False]
    server = MockServer().start()
    try:
        provider = {"OPENAI_BASE_URL": server.base_url, "CHATBOT_MODEL": "mock-instant"}
        assert itself(**provider) == []
        monkeypatch.setattr(own, "came_at_once", lambda times: len(times) > 2)
        assert words(itself(**provider)) == ["provider-buffered"]
    finally:
        server.stop()


def test_every_word_of_this_kind_is_planted_here():
    text = Path(__file__).read_text()
    assert all(f'"{word}"' in text for word in WITHOUT_A_FRONT)


def run(*arguments: str, **environ: str):
    return CliRunner(env=environ).invoke(main, ["doctor", *arguments])


def test_the_command_ends_with_0_1_or_2(alone, breaks, monkeypatch):
    monkeypatch.setattr(COMMAND, "Pace", lambda: BRIEF)
    good = run(f"http://127.0.0.1:{alone.port}", "--quick", KEY=KEY)
    assert (good.exit_code, good.output) == (0, f"Nothing found: http://127.0.0.1:{alone.port}.\n")
    found = run(f"http://127.0.0.1:{alone.port}", "--quick", "--origin", "https://evil.example", KEY=KEY)  # fmt: skip
    assert found.exit_code == 1
    assert "origin-not-listed: " in found.output and "Change: " in found.output
    away = run(f"http://127.0.0.1:{free_port()}", KEY=KEY)
    assert (away.exit_code, "could not be asked" in away.stderr) == (2, True)
    assert all(KEY not in each.output for each in (good, found, away))


def test_it_tells_programs_in_json(alone, monkeypatch):
    monkeypatch.setattr(COMMAND, "Pace", lambda: BRIEF)
    done = run(f"http://127.0.0.1:{alone.port}", "--json", "--origin", "https://evil.example", KEY=KEY)  # fmt: skip
    told = json.loads(done.stdout)
    assert (done.exit_code, told["front"], told["findings"][0]["word"]) == (1, "other", "origin-not-listed")  # fmt: skip
    assert told["findings"][0].keys() == {"word", "means", "detail", "change", "where"}


@pytest.mark.parametrize("arguments", [(), ("--self", "http://x.example"), ("ftp://x.example",), ("http://",), ("http://u:p@x.example",)])  # fmt: skip
def test_what_is_no_address_is_refused(arguments):
    assert run(*arguments, KEY=KEY).exit_code == 2


def test_the_own_key_goes_to_own_addresses_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(COMMAND, "Front", lambda url, key, ca: asked.append(key) or exit(9))
    own_environment = {"CHATBOT_API_KEYS": KEY, "CHATBOT_PUBLIC_URL": "https://chat.example"}
    assert run("https://elsewhere.example", **own_environment).exit_code == 2
    assert asked == []
    run("https://chat.example", **own_environment)
    assert asked == [KEY]


@pytest.mark.parametrize(
    ("front", "word", "says"),
    [
        ("nginx", "buffered", "/etc/nginx/sites-enabled, in the location with proxy_pass"),
        ("apache", "buffered", "/etc/apache2/sites-enabled, in the <VirtualHost> with ProxyPass"),
        ("nginx", "proxy-not-trusted", "environment, or .env"),
        ("other", "buffered", ""),
    ],
)
def test_where_the_line_mostly_is_where_the_files_can_not_be_read(front, word, says):
    told = as_json(Finding(word), front)["where"]
    assert told == says if not says else says in told


def test_files_of_another_machines_site_are_not_looked_at(tmp_path, monkeypatch):
    (tmp_path / "site.conf").write_text("server_name other.example;\nproxy_buffering on;\n")
    monkeypatch.setitem(files.USUAL, "nginx", (str(tmp_path), str(tmp_path / "absent")))
    assert files.usual_lines("nginx", "chat.example") == []
    found = files.usual_lines("nginx", "other.example")
    assert files.where(found, "nginx", "buffered") == f"{tmp_path}/site.conf:2"


def test_the_servers_own_bounds_are_not_taken_for_the_fronts(tmp_path):
    bound = "\nimport chatbot.access.diagnosing as bounds\nbounds.AT_ONCE = 1\n"
    with running(tmp_path, extra=bound) as server:
        found = examine(front_of(server.port), BRIEF).findings
    assert set(words(found)) == {"not-asked"}
    assert any("rate_limit_exceeded" in f.detail for f in found if f.word == "not-asked")

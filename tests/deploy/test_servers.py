"""gunicorn with threads, as shipped; and a server of one answer at a time, which is told at the start."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from chatbot.doctor.front import Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.request import check_request
from chatbot.upstream.mock_server import MockServer
from tests.deploy.test_run import CLEAN
from tests.engines import process
from tests.ports import free_port
from tests.server import KEY, ROOT, Client, wait_for

BEFORE_A_BEAT = 4.0
"""Seconds; the server sends nothing of its own for five."""


@contextmanager
def gunicorn(folder, *options, provider="", app="wsgi:app", **more):
    """gunicorn with these options, one worker; its port, process and log."""
    port = free_port()
    values = {"PORT": str(port), "WEB_CONCURRENCY": "1", "CHATBOT_API_KEYS": KEY, "CHATBOT_DATA_DIR": str(folder / "data"),
              "PYTHONPATH": f"{ROOT}:{folder}", **more, **({"OPENAI_BASE_URL": provider} if provider else {})}  # fmt: skip
    chosen = [option.replace("PORT", str(port)) for option in options]
    command = ["/usr/bin/env", *(f"{n}={v}" for n, v in {**CLEAN, **values}.items()), sys.executable, "-m", "gunicorn", *chosen, app]  # fmt: skip
    with process(command, port, folder) as server:
        yield port, server, folder / f"{port}.log"


@pytest.fixture(scope="module")
def provider():
    server = MockServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def threads(tmp_path_factory, provider):
    config = str(ROOT / "deploy/gunicorn-threads.conf.py")
    with gunicorn(tmp_path_factory.mktemp("threads"), "-c", config, provider=provider.base_url) as at:  # fmt: skip
        yield at


def asked(provider, before: int) -> dict:
    return wait_for(lambda: next(iter(provider.log[before:]), None))


@pytest.mark.parametrize("stream", [True, False])
def test_under_threads_who_leaves_is_noticed_while_the_provider_is_silent(threads, provider, stream):  # fmt: skip
    before = len(provider.log)
    with Client(threads[0]) as client:
        client.send_chat(stream=stream, mock={"first_token": 60})
        entry = asked(provider, before)
    wait_for(lambda: "at" in entry)
    assert entry["ended"] == "client_gone"
    assert entry["at"] - entry["began"] < BEFORE_A_BEAT


def test_under_threads_one_connection_takes_many_questions(threads):
    with Client(threads[0]) as client:
        for _ in range(20):
            assert client.chat(stream=True).body.endswith(b"data: [DONE]\n\n")


def test_under_threads_a_killed_worker_is_a_broken_transfer(threads, provider):
    _, server, _ = threads
    with Client(threads[0]) as client:
        client.send_chat(stream=True, mock={"pace": 0.2, "tokens": 200})
        client.head()
        client.piece()
        for worker in children(server.pid):
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(ConnectionError):
            while client.piece():
                pass


def test_under_threads_one_answer_too_many_is_told_so_at_once(tmp_path, provider):
    config = str(ROOT / "deploy/gunicorn-threads.conf.py")
    with (
        gunicorn(tmp_path, "-c", config, provider=provider.base_url, CHATBOT_MAX_STREAMS="2") as at,
        Client(at[0]) as first,
        Client(at[0]) as second,
        Client(at[0]) as third,
    ):
        for client in (first, second):
            client.send_chat(stream=True, mock={"pace": 30, "tokens": 3})
            client.head()
        assert third.chat(stream=True).status == 503
        assert third.get("/healthz").status == 200


def test_the_documents_two_applications_in_one_run_under_gunicorn(tmp_path, provider):
    text = (ROOT / "docs/hosting/other-servers.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    (tmp_path / "both.py").write_text(code)
    config = str(ROOT / "deploy/gunicorn.conf.py")
    with gunicorn(tmp_path, "-c", config, provider=provider.base_url, app="both:app") as (port, _, log):  # fmt: skip
        with Client(port) as client:
            assert client.get("/").body == b"The site."
            client.send_chat(path="/chat/v1/chat/completions", stream=True)
            assert client.reply().body.endswith(b"data: [DONE]\n\n")
        assert "Traceback" not in log.read_text()


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def test_a_server_of_one_answer_at_a_time_is_told_in_the_log_and_by_the_doctor(tmp_path):
    with gunicorn(tmp_path, "-b", "127.0.0.1:PORT") as (port, _, log):
        wait_for(lambda: "one_answer_at_a_time" in log.read_text(), 20)
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        (line,) = [line for line in lines if line["event"] == "one_answer_at_a_time"]
        front = Front(urlsplit(f"http://127.0.0.1:{port}"), KEY)
        found = [f for f in check_request(front, Pace()) if f.word == "worker-class"]
    assert (line["level"], line["server"]) == ("warning", "gunicorn with sync workers")
    assert "deploy/gunicorn.conf.py" in line["change"]
    assert [f.detail for f in found] == ["It is gunicorn with sync workers: one answer at a time."]


@pytest.mark.parametrize("file", ["gunicorn.conf.py", "gunicorn-threads.conf.py"])
def test_the_shipped_servers_are_told_nothing(tmp_path, file):
    with gunicorn(tmp_path, "-c", str(ROOT / "deploy" / file)) as (port, _, log):
        with Client(port) as client:
            assert client.chat().status == 200
        assert "one_answer_at_a_time" not in log.read_text()


@pytest.mark.parametrize("proxies", ["0", "1"])
@pytest.mark.parametrize("file", ["gunicorn.conf.py", "gunicorn-threads.conf.py"])
def test_a_caller_on_this_machine_chooses_neither_the_path_nor_the_scheme(tmp_path, file, proxies):
    """Behind a proxy everybody is; and not every proxy takes away a header called SCRIPT_NAME."""
    config = str(ROOT / "deploy" / file)
    with (
        gunicorn(tmp_path, "-c", config, CHATBOT_TRUSTED_PROXIES=proxies) as (port, _, _),
        Client(port) as client,
    ):
        elsewhere = {"Host": f"127.0.0.1:{port}", "SCRIPT_NAME": "//evil.example"}
        assert client.get("//evil.example/admin", elsewhere).status == 404
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Proto": "https"}
        login = client.post("/admin/login", f"key={KEY}".encode(), form)
        assert login.status == 303
        assert ("secure;" in login.headers["set-cookie"]) == (proxies == "1")

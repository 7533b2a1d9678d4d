"""`reload`: a running server takes up new settings and a new program, and no request fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest

from chatbot.shared.master import lead, leaders, step_down
from tests.crowd import TOLD, WHOLE, Crowd, how_it_ended
from tests.ports import free_port
from tests.relay.conftest import upstream
from tests.server import ROOT, Client, _children, running, wait_for

__all__ = ["upstream"]


def command(folder, *options: str) -> subprocess.CompletedProcess:
    """`python -m chatbot reload`, where the server runs."""
    env = {**os.environ, "CHATBOT_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "chatbot", "reload", *options]
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def server(upstream, tmp_path):
    with running(
        tmp_path,
        whole=True,
        OPENAI_BASE_URL=upstream.base_url,
        CHATBOT_DRAIN_SECONDS="20",
        WEB_CONCURRENCY="2",
    ) as found:
        wait_for(lambda: len(_children(found.process.pid)) == 2)
        with those_who_took_over(found, tmp_path):
            yield found


@contextlib.contextmanager
def those_who_took_over(server, folder):
    """End with the block: they are not this process's children, and stay where a test fails."""
    try:
        yield
    finally:
        for pid in leaders(folder):
            if pid != server.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
                wait_for(lambda p=pid: not os.path.exists(f"/proc/{p}"), 30)


def test_new_settings_are_taken_up_and_no_request_fails(server, tmp_path):
    old = _children(server.process.pid)
    (tmp_path / ".env").write_text("CHATBOT_MODEL=another\n")
    with Crowd(server.port) as crowd:
        done = command(tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("2 workers run with configuration ")
        wait_for(lambda: set(old).isdisjoint(_children(server.process.pid)), 30)
        crowd.each_asked(2)
    assert set(crowd.ends) == {WHOLE}


def test_a_setting_that_can_not_be_used_is_found_before_anything_happens(server, tmp_path):
    old = _children(server.process.pid)
    (tmp_path / ".env").write_text("CHATBOT_MOK=1\n")
    done = command(tmp_path)
    assert done.returncode == 1
    assert "CHATBOT_MOK in .env: no such setting. Did you mean CHATBOT_MOCK?" in done.stderr
    assert "the server goes on" in done.stderr
    assert _children(server.process.pid) == old


def test_where_no_server_runs_it_says_so(tmp_path):
    done = command(tmp_path)
    assert done.returncode == 1
    assert "No server runs with the data directory" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and another user need root")
def test_a_server_in_a_container_has_a_number_that_is_somebody_else_s_here(tmp_path):
    """It is process 1 there, with its data in a folder of this machine: process 1 of this machine is not told."""
    code = "import sys, pathlib, chatbot.shared.master as m; m.lead(pathlib.Path(sys.argv[1])); print(m.leaders.__name__, flush=True); input()"
    command = [
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        sys.executable,
        "-c",
        code,
        str(tmp_path),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as inside:
        assert inside.stdout.readline() == b"leaders\n"
        assert [file.name for file in (tmp_path / "state/masters").iterdir()] == ["1"]
        assert leaders(tmp_path) == []
        inside.stdin.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and another user need root")
def test_another_user_s_server_is_said_to_be_that():
    with tempfile.TemporaryDirectory() as name:  # where others may look, unlike in pytest's own
        folder = Path(name)
        folder.chmod(0o755)
        lead(folder)
        try:
            os.seteuid(65534)
            with pytest.raises(PermissionError):
                leaders(folder)
        finally:
            os.seteuid(0)
            step_down(folder)


def test_a_new_program_takes_over_and_no_request_fails(upstream, tmp_path):
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "CHATBOT_DRAIN_SECONDS": "20"}
    with (
        told,
        running(tmp_path, whole=True, OPENAI_BASE_URL=upstream.base_url, **environ) as server,
        those_who_took_over(server, tmp_path),
    ):
        with Crowd(server.port) as crowd:
            done = command(tmp_path, "--program")
            assert done.returncode == 0, done.stderr
            assert server.process.wait(40) == 0
            crowd.each_asked(2)
        assert set(crowd.ends) == {WHOLE}
        (new,) = leaders(tmp_path)
        assert new != server.process.pid
        assert f"MAINPID={new}" in messages(told)


def messages(told: socket.socket) -> list[str]:
    """What systemd would have been told."""
    found = []
    told.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(told.recv(4096).decode())
    return found


def test_who_asks_after_the_end_of_the_drain_is_told_and_not_cut(upstream, tmp_path):
    """On a connection that was kept: the listener is closed by then."""
    stall = {"fault": "stall", "pace": 0}
    with (
        running(tmp_path, whole=True, OPENAI_BASE_URL=upstream.base_url) as server,
        Client(server.port) as client,
    ):
        client.send_chat(stream=True, mock=stall)
        first = client.head()
        client.piece()
        os.kill(server.process.pid, signal.SIGTERM)
        client._body(first)
        assert how_it_ended(first, stream=True) == TOLD
        assert how_it_ended(client.chat(stream=True, mock=stall), stream=True) == f"503 {TOLD}"


@pytest.mark.hosting
def test_hup_keeps_the_program_whole_and_reload_takes_up_the_new_one(upstream, tmp_path):
    program = tmp_path / "program"
    for folder in ("chatbot", "static", "templates", "deploy"):
        shutil.copytree(ROOT / folder, program / folder, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "wsgi.py", program)
    environ = {"OPENAI_BASE_URL": upstream.base_url, "PYTHONPATH": str(program)}
    with running(tmp_path, whole=True, **environ) as server, those_who_took_over(server, tmp_path):
        old = _children(server.process.pid)
        health = program / "chatbot" / "web" / "health.py"
        health.write_text(health.read_text().replace('status="ok"', 'status="new"'))
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(lambda: set(old).isdisjoint(_children(server.process.pid)), 30)
        assert status(server.port) == "ok"
        done = command(tmp_path, "--program")
        assert done.returncode == 0, done.stderr
        server.process.wait(40)
        assert status(server.port) == "new"


@pytest.mark.hosting
def test_a_new_program_needs_nothing_of_the_old_one(tmp_path):
    """As `deploy/release` lays versions out: folders, of which `current` is one. The old one may be gone by then."""
    current, port = tmp_path / "current", free_port()
    versions = [version(tmp_path / name) for name in ("one", "two", "three")]
    current.symlink_to(versions[0])
    env = {**os.environ, "CHATBOT_DATA_DIR": str(tmp_path), "PYTHONPATH": str(current), "PORT": str(port)}  # fmt: skip
    env |= {"CHATBOT_MOCK": "1", "WEB_CONCURRENCY": "1", "CHATBOT_DRAIN_SECONDS": "5"}
    line = [sys.executable, "-m", "chatbot"]
    with subprocess.Popen([*line, "serve"], cwd=tmp_path, env=env, stdout=subprocess.DEVNULL) as server:  # fmt: skip
        try:
            wait_for(lambda: answering(port) == "one", 30)
            for old, new in pairwise(versions):
                (tmp_path / "next").symlink_to(new)
                (tmp_path / "next").rename(current)
                shutil.rmtree(old)
                done = subprocess.run([*line, "reload", "--program"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)  # fmt: skip
                assert done.returncode == 0, done.stderr
                wait_for(lambda name=new.name: answering(port) == name, 30)
        finally:
            for pid in leaders(tmp_path):
                os.kill(pid, signal.SIGTERM)
                wait_for(lambda p=pid: p not in leaders(tmp_path), 30)
            server.wait(30)


def version(folder: Path) -> Path:
    """A whole program that says its name, and is imported by it and not by a link to it."""
    for part in ("chatbot", "static", "templates", "deploy"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.pyc"))
    health = folder / "chatbot" / "web" / "health.py"
    health.write_text(health.read_text().replace('status="ok"', f'status="{folder.name}"'))
    (folder / "sitecustomize.py").write_text(
        "import pathlib, sys; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))\n"
    )
    return folder


def answering(port: int) -> str:
    with contextlib.suppress(OSError):
        return status(port)
    return ""


def status(port: int) -> str:
    with Client(port) as client:
        return client.get("/healthz").json["status"]


@pytest.mark.hosting
def test_right_behind_a_program_that_took_over_another_one_does(server, tmp_path):
    """The first goes on with its answers for a while: it is waited for, and then the second one is told."""
    masters = set()
    with Crowd(server.port) as crowd:
        for _ in range(3):
            done = command(tmp_path, "--program")
            assert done.returncode == 0, done.stderr + done.stdout
            masters.add(leaders(tmp_path)[-1])
        crowd.each_asked()
    assert len(masters) == 3
    assert set(crowd.ends) == {WHOLE}, crowd.ends

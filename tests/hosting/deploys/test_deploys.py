"""A crowd from before to after: HUP again and again, a binary upgrade, one instance after the other behind nginx."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from chatbot.shared.master import leaders
from tests import crowd as crowds
from tests.crowd import WHOLE, Crowd
from tests.engines import process
from tests.hosting.front import nginx
from tests.ports import free_port
from tests.server import _children, running, wait_for

QUICK = {"first_token": 0, "pace": 0, "tokens": 1}
"""Answers so short that connections are made all the time: some wait in the listener's queue at its end."""


@pytest.fixture(params=["1", "2"], ids=["one worker", "two workers"])
def environ(request, upstream):
    return {
        "OPENAI_BASE_URL": upstream.base_url, "CHATBOT_DRAIN_SECONDS": "20", "WEB_CONCURRENCY": request.param,
    }  # fmt: skip


@pytest.fixture(params=["long answers", "short answers"])
def pace(request, monkeypatch):
    if request.param == "short answers":
        monkeypatch.setattr(crowds, "ANSWER", QUICK)


def test_no_request_fails_while_it_is_reloaded_again_and_again(environ, pace, tmp_path):
    with running(tmp_path, whole=True, **environ) as server, Crowd(server.port, 16, 16) as crowd:
        for _ in range(4):
            old = set(_children(server.process.pid))
            os.kill(server.process.pid, signal.SIGHUP)
            wait_for(lambda o=old: o.isdisjoint(_children(server.process.pid)), 60)
            crowd.each_asked()
        assert set(crowd.ends) == {WHOLE}, crowd.ends
        assert len(_children(server.process.pid)) == int(environ["WEB_CONCURRENCY"])


@pytest.mark.parametrize("way", ["TERM", "WINCH, QUIT"])
def test_no_request_fails_while_a_new_program_takes_over(environ, pace, tmp_path, way):
    with running(tmp_path, whole=True, **environ) as server:
        old = _children(server.process.pid)
        with Crowd(server.port, 16, 16) as crowd:
            os.kill(server.process.pid, signal.SIGUSR2)
            new = wait_for(lambda: _new_master(tmp_path, server.process.pid), 60)
            wait_for(lambda: len(_children(new)) == int(environ["WEB_CONCURRENCY"]), 60)
            _end_the_old(server.process, old, way)
            crowd.each_asked(2)
        assert set(crowd.ends) == {WHOLE}, crowd.ends
        assert leaders(tmp_path) == [new]
        os.kill(new, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{new}").exists(), 40)


def _new_master(folder: Path, old: int) -> int | None:
    return next((pid for pid in leaders(folder) if pid != old), None)


def _end_the_old(master: subprocess.Popen, workers: list[int], way: str) -> None:
    """WINCH is for daemons only, by gunicorn's rules: without one each worker is told itself, by TTOU or TERM."""
    if way == "TERM":
        master.terminate()
    else:
        os.kill(master.pid, signal.SIGWINCH)
        for _ in workers[1:]:
            os.kill(master.pid, signal.SIGTTOU)
        master.terminate()
    master.wait(60)


def test_a_new_program_that_does_not_start_leaves_the_old_one_alone(environ, tmp_path):
    with running(tmp_path, whole=True, **environ) as server, Crowd(server.port) as crowd:
        (tmp_path / ".env").write_text("CHATBOT_MOK=1\n")
        os.kill(server.process.pid, signal.SIGUSR2)
        wait_for(lambda: "CHATBOT_MOK" in server.log_file.read_text(), 60)
        crowd.each_asked(2)
        assert leaders(tmp_path) == [server.process.pid]
    assert set(crowd.ends) == {WHOLE}, crowd.ends


@contextlib.contextmanager
def before(folder: Path, ports: list[int]):
    """The port of the shipped nginx for several machines, before these."""
    port = free_port()
    command = nginx(folder, str(port), [f"127.0.0.1:{p}" for p in ports])
    with process(command, port, folder):
        yield port


def test_no_request_fails_while_one_instance_after_the_other_is_replaced(environ, pace, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(running(folder, whole=True, **environ)) for folder in folders
        ]
        port = stack.enter_context(before(tmp_path, [s.port for s in servers]))
        crowd = stack.enter_context(Crowd(port, 16, 32))
        for server, folder in zip(servers, folders, strict=True):
            server.process.terminate()
            server.process.wait(60)
            crowd.each_asked()
            again = stack.enter_context(running(folder, whole=True, port=server.port, **environ))
            # Until nginx asks it again the other one must not go: there would be nobody.
            wait_for(lambda s=again: s.ended_by(), 30)
            crowd.each_asked(2)
        assert set(crowd.ends) == {WHOLE}, (
            crowd.ends,
            (tmp_path / f"{port}.log").read_text()[-3000:],
        )

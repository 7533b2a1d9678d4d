"""A server that is forked is as one that is started: its arguments, its output, its ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.forked import Forked
from tests.ports import free_port
from tests.server import Client, running

LOOK = """
import os, sys
with open("seen", "w") as out:
    print(sys.orig_argv[1:], sys.argv[1:], sys.path[0], os.getcwd(), sorted(os.environ), sorted(os.listdir("/proc/self/fd")), file=out)
"""


@pytest.mark.parametrize("whole", [True, False])
def test_it_is_served_and_ended(tmp_path, whole):
    with running(tmp_path, whole=whole) as server, Client(server.port) as client:
        assert client.chat().json["object"] == "chat.completion"
        assert server.process.poll() is None
    assert server.process.returncode == 0
    assert server.process.wait() == 0


def test_it_sees_what_a_started_one_sees(tmp_path):
    def seen(whole: bool) -> str:
        with running(tmp_path, whole=whole, extra=LOOK, port=port):
            return (tmp_path / "seen").read_text()

    port = free_port()
    assert seen(whole=False) == seen(whole=True)


def test_who_cannot_start_says_why_and_how_it_ended(tmp_path):
    with pytest.raises(AssertionError, match="CHATBOT_MOK"), running(tmp_path, CHATBOT_MOK="1"):
        pass


def test_it_is_waited_for_and_killed(tmp_path):
    with running(tmp_path) as server:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.01)
        server.process.kill()
        assert server.process.wait() == -signal.SIGKILL


def test_each_has_a_code_of_its_own(tmp_path):
    env = {"PYTHONPATH": "", "PATH": "/usr/bin"}
    command = [sys.executable, "-m", "gunicorn", "--no-such-option"]
    failed = Forked(command, tmp_path, env, tmp_path / "said")
    assert failed.wait(30) == 2
    assert "--no-such-option" in (tmp_path / "said").read_text()

"""Servers forked from a process that has imported what they import, and has done nothing else.

To import the application takes most of the second of CPU that a server costs to start, and the tests start hundreds. What is forked then
becomes `python -m gunicorn` with the arguments, the environment, the folder and the output of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_lock = threading.Lock()
_nurseries: dict[int, subprocess.Popen] = {}
"""By the process that uses it: one that is forked from a test has its own."""


class Forked:
    """A process as `subprocess.Popen` has them. `args` is what it would be started with."""

    def __init__(self, args: list[str], cwd: Path, env: dict[str, str], out: Path) -> None:
        self.args, self.returncode = args, None
        told = {"args": args, "cwd": str(cwd), "env": env, "out": str(out)}
        self.pid: int = _ask({"begin": told})
        self._descriptor = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._descriptor, select.POLLIN)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = _ask({"end": self.pid})
            os.close(self._descriptor)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _ask(what: dict[str, Any]) -> int:
    with _lock:
        nursery = _nurseries.get(os.getpid()) or _open()
        nursery.stdin.write(json.dumps(what) + "\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())


def _open() -> subprocess.Popen:
    command, pipe = [sys.executable, "-m", "tests.forked"], subprocess.PIPE
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    nursery = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True)
    _nurseries[os.getpid()] = nursery
    atexit.register(_close)
    return nursery


def _close() -> None:
    if nursery := _nurseries.pop(os.getpid(), None):
        nursery.communicate()


def _import_all() -> None:
    """What gunicorn's configuration imports, in its order."""
    from gevent import monkey

    monkey.patch_all()
    for name in (
        "gunicorn.glogging",
        "gunicorn.workers.ggevent",
        "chatbot.app",
        "certifi",
        "sqlite3",
    ):
        __import__(name)
    gc.collect()
    gc.freeze()


def _become(args: list[str], cwd: str, env: dict[str, str], out: str) -> None:
    """Be as a process that was started so."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.orig_argv[:], sys.argv[1:] = args, args[3:]
    with open(os.devnull) as nothing, open(out, "w") as said:
        os.dup2(nothing.fileno(), 0)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)


def _forked() -> bool:
    """Fork what is asked for; true in each of those, false at the end."""
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if "end" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["end"], 0)[1])
        elif not (answer := os.fork()):
            _become(**asked["begin"])
            return True
        print(answer, flush=True)
    return False


if __name__ == "__main__":
    _import_all()
    if _forked():
        runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)

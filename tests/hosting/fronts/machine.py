"""Processes of a cell: started, found again, measured, and stopped by their ids."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import listens
from tests.server import wait_for

INSTALL = {
    "nginx": "apt-get install nginx-light",
    "apache2": "apt-get install apache2",
    "mod_wsgi": "apt-get install libapache2-mod-wsgi-py3",
    "haproxy": "apt-get install haproxy",
    "caddy": "apt-get install caddy",
    "uwsgi": "make test-hosting, or python -m pip install uwsgi",
}
SYSTEM = "/usr/sbin:/usr/local/sbin:/usr/local/bin"


def missing(name: str) -> None:
    """Fails, and says how to install it; with HOSTING_SKIP=1 skips instead."""
    words = f"{name} is not installed: {INSTALL[name]}"
    if os.environ.get("HOSTING_SKIP"):
        pytest.skip(words)
    pytest.fail(words, pytrace=False)


def binary(name: str) -> str:
    """Where a program is. Fails where it is not installed."""
    given = os.environ.get(name.upper(), "")
    found = (given if Path(given).is_file() else None) or shutil.which(name) or shutil.which(name, path=SYSTEM)  # fmt: skip
    if found is None:
        missing(name)
    return str(found)


@contextlib.contextmanager
def started(
    command: list[str], port: int, folder: Path, env: dict[str, str] | None = None
) -> Iterator[int]:
    """The process id of a server that listens on `port`; its output is in `folder`."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or listens(port), 60)
        assert process.poll() is None, log.read_text()
        yield process.pid
    finally:
        family = tree(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        for pid in family:
            _kill(pid)
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, file.read_text().split())
    return found


def tree(pid: int) -> list[int]:
    """This process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def memory(pids: list[int]) -> int:
    """Bytes that these processes and those below them have in memory of their own; what ended counts for nothing."""
    total = 0
    for pid in {p for each in pids for p in tree(each)}:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += 1024 * sum(int(n.split()[1]) for n in lines if n.startswith("RssAnon"))
    return total


def kill(pids: list[int]) -> None:
    """As the kernel does where memory is short."""
    for pid in pids:
        _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

"""Hosts of our own: network namespaces on one bridge, each with an address, and a cable that can be cut.

The tests themselves are on that bridge too: they are the visitors, and the provider. A cut cable loses packets and tells
nobody, as a machine without power does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.engines import binary
from tests.server import ROOT, Client, _children, wait_for

PORT, REDIS_PORT = 8000, 6379
_TAG = f"h{os.getpid() % 10000}"
_NET = f"10.211.{os.getpid() % 250}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass
class Host:
    """One machine. `address` is what the others reach it by."""

    name: str
    number: int
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{_NET}.{self.number}"

    @property
    def within(self) -> list[str]:
        """What a command is run by to be run there."""
        return ["ip", "netns", "exec", f"{_TAG}-{self.name}"]

    @property
    def _cable(self) -> str:
        return f"{_TAG}v{self.number}"

    def connect(self) -> None:
        """Make the namespace, and its cable to the bridge."""
        space, own = f"{_TAG}-{self.name}", f"{_TAG}e{self.number}"
        _ip("netns", "add", space)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", own)
        _ip("link", "set", own, "netns", space)
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", own), ("link", "set", own, "up"), ("link", "set", "lo", "up"),
        ):  # fmt: skip
            _ip("-n", space, *words)
        _ip("link", "set", self._cable, "master", f"{_TAG}b", "up")

    def cut(self) -> None:
        """What it sends and what is sent to it is lost."""
        _ip("link", "set", self._cable, "nomaster")

    def mend(self) -> None:
        _ip("link", "set", self._cable, "master", f"{_TAG}b")

    def run(self, command: list[str], folder: Path, **environ: str) -> subprocess.Popen:
        """Start a program there; `kill` and the end of all this end it."""
        with (folder / f"{self.name}.log").open("a") as out:
            started = subprocess.Popen(
                [*self.within, *command], cwd=folder, stdout=out, stderr=out, env={**os.environ, **environ}
            )  # fmt: skip
        self.processes.append(started)
        return started

    def kill(self) -> None:
        """All of its processes at once, as by a lack of memory."""
        for process in self.processes:
            for pid in [process.pid, *_children(process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def remove(self) -> None:
        self.kill()
        subprocess.run(
            ["ip", "netns", "del", f"{_TAG}-{self.name}"], check=False, capture_output=True
        )


@contextlib.contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Machines by these names, on one bridge with this process."""
    if os.getuid() or subprocess.run(["ip", "netns", "list"], check=False).returncode:
        pytest.skip("network namespaces need root and iproute2")
    made = [Host(name, number) for number, name in enumerate(names, 1)]
    try:
        _ip("link", "add", f"{_TAG}b", "type", "bridge")
        _ip("addr", "add", f"{here()}/24", "dev", f"{_TAG}b")
        _ip("link", "set", f"{_TAG}b", "up")
        for host in made:
            host.connect()
        yield made
    finally:
        for host in made:
            host.remove()
        subprocess.run(["ip", "link", "del", f"{_TAG}b"], check=False, capture_output=True)


def here() -> str:
    """This process's address on the bridge."""
    return f"{_NET}.254"


def run_app(host: Host, folder: Path, **environ: str) -> None:
    """The server as it is shipped, on that host, until it answers."""
    folder.mkdir(exist_ok=True)
    config = str(ROOT / "deploy" / "gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "-c", config, "wsgi:app"]
    host.run(
        command, folder, HOST=host.address, PORT=str(PORT), CHATBOT_DATA_DIR=str(folder / "data"),
        PYTHONPATH=str(ROOT), WEB_CONCURRENCY="1", CHATBOT_DRAIN_SECONDS="5", **environ,
    )  # fmt: skip
    wait_for(lambda: answers(host), 30)


def answers(host: Host, port: int = PORT) -> bool:
    with contextlib.suppress(OSError), Client(port, host.address, 2) as client:
        return client.get("/healthz").status == 200
    return False


def run_redis(host: Host, folder: Path) -> subprocess.Popen:
    """A Redis without persistence, until it listens."""
    command = [
        binary("redis-server"),
        "--save",
        "",
        "--bind",
        host.address,
        "--protected-mode",
        "no",
    ]
    started = host.run(command, folder)
    wait_for(lambda: is_open(host, REDIS_PORT), 20)
    return started


def is_open(host: Host, port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError):
        socket.create_connection((host.address, port), timeout=1).close()
        return True
    return False

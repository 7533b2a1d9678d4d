"""Processes under measurement: started on a core of their own, measured with all their children, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEY = "sk_bench_0123456789abcdef"
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
RELAY_CORE, LOAD_CORE = {CORES[0]}, {CORES[-1]}
"""The relay on one core, the load and the provider on the other (the same, where there is only one)."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@dataclass
class Tree:
    """A process and all its children."""

    pid: int

    def pids(self) -> list[int]:
        found, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                queue += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        total = 0.0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def memory(self) -> int:
        """Bytes of memory that are its own share (PSS)."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        return total


@contextlib.contextmanager
def running(
    command: list[str], port: int, cores: set[int], log: Path, **environ: str
) -> Iterator[Tree]:
    """A server that listens on `port`, stopped by process id at the end."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=env, cwd=log.parent, stdout=out, stderr=out, start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield Tree(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            for pid in Tree(process.pid).pids():
                os.kill(pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} did not start:\n{log.read_text()[-2000:]}")


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit; worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 1000000; client_max_body_size 64m;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  upstream u {{ server 127.0.0.1:{upstream}; keepalive 1000; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{
      proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def gunicorn(config: str, app: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", config, app]


def ours(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    """This server as it is shipped, everything on, one worker."""
    environ = {
        "PORT": str(port), "WEB_CONCURRENCY": "1", "CHATBOT_API_KEYS": KEY,
        "CHATBOT_DATA_DIR": str(folder / "data"), "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream}/v1",
        "CHATBOT_MAX_STREAMS": "10000", "CHATBOT_DRAIN_SECONDS": "1",
    }  # fmt: skip
    return gunicorn(str(ROOT / "deploy/gunicorn.conf.py"), "wsgi:app"), environ


def nginx(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    return [found or "", "-e", "stderr", "-p", str(folder), "-c", str(file)], {}


def iter_lines(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    file = folder / "iter_lines.conf.py"
    file.write_text(
        "from gevent import monkey; monkey.patch_all()\n"
        f"bind = '127.0.0.1:{port}'; workers = 1; worker_class = 'gevent'; worker_connections = 10000\n"
        "loglevel = 'error'; control_socket_disable = True; graceful_timeout = 1\n"
    )
    environ = {"OPENAI_BASE_URL": f"http://127.0.0.1:{upstream}/v1"}
    return gunicorn(str(file), "bench.relays.iter_lines:app"), environ


def aiohttp(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    environ = {"OPENAI_BASE_URL": f"http://127.0.0.1:{upstream}/v1"}
    return [sys.executable, "-m", "bench.relays.aiohttp_relay", str(port)], environ


def litellm(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    file = folder / "litellm.yaml"
    file.write_text(
        "model_list:\n- model_name: '*'\n  litellm_params:\n    model: openai/*\n"
        f"    api_base: http://127.0.0.1:{upstream}/v1\n    api_key: none\n"
        f"general_settings:\n  master_key: {KEY}\n"
    )
    command = [shutil.which("litellm") or "", "--config", str(file), "--port", str(port),
               "--host", "127.0.0.1", "--num_workers", "1"]  # fmt: skip
    return command, {"LITELLM_LOG": "ERROR"}


RELAYS = {
    "nginx": nginx,
    "ours": ours,
    "iter_lines": iter_lines,
    "aiohttp": aiohttp,
    "litellm": litellm,
}


def available() -> list[str]:
    """The relays that this machine has."""
    found = ["ours", "iter_lines"]
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        found.insert(0, "nginx")
    with contextlib.suppress(ImportError):
        __import__("aiohttp")
        found.append("aiohttp")
    if shutil.which("litellm"):
        found.append("litellm")
    return found

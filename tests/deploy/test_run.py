"""What a new user does: `make run`, the printed curl line, a wheel, a server without gunicorn."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from contextlib import contextmanager

import pytest

from chatbot import __version__
from tests.ports import free_port
from tests.server import ROOT, wait_for

CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("CHATBOT_", "OPENAI_"))}


@contextmanager
def started(command, folder, probe="127.0.0.1", **environ):
    """Run a server; gives its port and what it has printed so far."""
    port = free_port()
    out = folder / "out.txt"
    env = {**CLEAN, "PORT": str(port), "CHATBOT_DATA_DIR": str(folder / "data"), **environ}
    with out.open("w") as sink:
        process = subprocess.Popen(
            command, cwd=environ.pop("cwd", folder), env=env, stdout=sink, stderr=sink, start_new_session=True
        )  # fmt: skip
    try:
        wait_for(lambda: process.poll() is not None or _healthy(port, probe), 60)
        assert process.poll() is None, out.read_text()
        yield port, out.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _healthy(port: int, host: str) -> bool:
    probe = subprocess.run(
        ["curl", "-sfg", f"http://{host}:{port}/healthz"], capture_output=True, check=False
    )
    return probe.returncode == 0


def printed_curl(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("curl -N"))


def stream(text: str) -> str:
    done = subprocess.run(
        printed_curl(text) + " -sS --max-time 30", shell=True, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout


def test_make_run_prints_where_to_look_and_a_curl_line_that_works(tmp_path):
    command = ["make", "-s", "-C", str(ROOT), "run", f"VENV={sys.prefix}"]
    with started(command, tmp_path, PYTHONPATH=str(ROOT)) as (port, text):
        answer = stream(text)
        assert f"Look: http://127.0.0.1:{port}/#key=pk_" in text
        assert "the built-in mock" in text
    assert answer.startswith("data: {")
    assert answer.endswith("data: [DONE]\n\n")


def test_the_second_start_has_the_same_key(tmp_path):
    command = [sys.executable, "-m", "chatbot", "serve"]
    keys = set()
    for _ in range(2):
        with started(command, tmp_path, PYTHONPATH=str(ROOT)) as (_, text):
            keys.add(re.search(r"Bearer (sk_\S+)\"", text)[1])
    assert len(keys) == 1


def test_without_gunicorn_a_threaded_server_streams(tmp_path):
    hide = tmp_path / "sitecustomize.py"
    hide.write_text(
        "import importlib.util as u\n_find = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'gunicorn' else _find(n, *a)\n"
    )
    command = [sys.executable, "-m", "chatbot", "serve"]
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with started(command, tmp_path, PYTHONPATH=path) as (_, text):
        assert "gunicorn is missing" in text
        assert stream(text).endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        (
            {"CHATBOT_MOK": "1"},
            "Error: CHATBOT_MOK in the environment: no such setting. Did you mean CHATBOT_MOCK?",
        ),
        ({"HOST": "0.0.0.0"}, "Error: HOST is 0.0.0.0 and no provider is set"),
        ({"CHATBOT_DATA_DIR": "/proc/nowhere"}, "Error: CHATBOT_DATA_DIR /proc/nowhere"),
    ],
)
@pytest.mark.parametrize("how", ["serve", "gunicorn"])
def test_a_wrong_setting_stops_the_start_with_one_line(tmp_path, environ, says, how):
    command = [sys.executable, "-m", "chatbot", "serve"]
    if how == "gunicorn":
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            str(ROOT / "deploy/gunicorn.conf.py"),
            "wsgi:app",
        ]
        says = says.replace("Error:", "chatbot:")
    env = {**CLEAN, "PYTHONPATH": str(ROOT), **environ}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    assert done.stderr.startswith(says), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_secret_that_is_damaged_stops_the_start_with_one_line(tmp_path):
    """And not each worker with a page of its own."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/secret-key").write_bytes(bytes(64))
    command = [sys.executable, "-m", "chatbot", "serve"]
    env = {**CLEAN, "PYTHONPATH": str(ROOT), "CHATBOT_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False)  # fmt: skip
    assert done.returncode != 0
    assert done.stderr == f"chatbot: {tmp_path}/data/secret-key: this is no key. Delete the file to have a new one made.\n"  # fmt: skip


@pytest.mark.parametrize("where", [{"HOST": "0.0.0.0"}, {"JOURNAL_STREAM": "8:1"}])
def test_off_loopback_and_to_the_journal_no_key_is_printed(tmp_path, where):
    code = (
        "from chatbot.cli.serve import banner; from chatbot.core.settings import load_settings;"
        "print(banner(load_settings()))"
    )
    env = {**CLEAN, "PYTHONPATH": str(ROOT), "CHATBOT_MOCK": "1", **where}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sk_" not in done.stdout
    assert "pk_" not in done.stdout
    assert "$(cat instance/first-key)" in done.stdout


def test_a_wheel_runs_too_pages_included(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "instance")
    )
    subprocess.run(
        [sys.executable, "-m", "build", "-w", "-n", "-o", str(tmp_path), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as packed:
        notices = [n for n in packed.namelist() if n.endswith("NOTICE-THIRD-PARTY.txt")]
        assert len(notices) == 1
        assert b"Flask 3" in packed.read(notices[0])
    home = tmp_path / "venv"
    venv.create(home, with_pip=True, system_site_packages=False)
    site = next((home / "lib").glob("python*/site-packages"))
    current = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (site / "dependencies.pth").write_text(current.stdout)
    pip = [
        str(home / "bin/python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    with started([str(home / "bin/chatbot"), "serve"], tmp_path) as (port, text):
        assert stream(text).endswith("data: [DONE]\n\n")
        page = subprocess.run(
            ["curl", "-s", f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/static/pages/start.js"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    assert __version__ in page
    assert "text/event-stream" not in json.dumps(text)
    assert "async function ask" in page


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("0.0.0.0", "http://127.0.0.1:"),
        ("127.0.0.5", "http://127.0.0.5:"),
        ("::1", "http://[::1]:"),
    ],
)
def test_the_printed_address_is_one_that_answers(tmp_path, host, base):
    command = [sys.executable, "-m", "chatbot", "serve"]
    probe = base.removeprefix("http://").removesuffix(":")
    environ = {"HOST": host, "CHATBOT_MOCK": "1", "PYTHONPATH": str(ROOT)}
    with started(command, tmp_path, probe=probe, **environ) as (port, text):
        assert f"{base}{port}/" in text
        line = printed_curl(text)
        done = subprocess.run(
            line + " -sS -g --max-time 30", shell=True, capture_output=True, text=True, check=True, cwd=tmp_path
        )  # fmt: skip
        assert done.stdout.endswith("data: [DONE]\n\n")

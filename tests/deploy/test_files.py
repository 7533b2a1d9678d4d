"""Files of deploy/ that no test can run as they are meant: what can be said of them without systemd, containers, or a host's panel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from chatbot.core.settings_table import TABLE
from tests.deploy.test_run import CLEAN, started
from tests.engines import binary, listens
from tests.ports import free_port
from tests.server import KEY, ROOT, Client, wait_for

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = (DEPLOY / "compose.yaml").read_text()
UNITS_OWN = "chatbot.service: Command /opt/chatbot/current/.venv/bin/python is not executable"


def said_by(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_systemd_understands_every_line_of_the_unit():
    found = said_by(binary("systemd-analyze"), "verify", DEPLOY / "chatbot.service").splitlines()
    assert [line for line in found if "chatbot.service" in line and not line.startswith(UNITS_OWN)] == []  # fmt: skip


def test_the_unit_is_hardened():
    """By systemd's own measure: 0 is nothing allowed, 10 everything; a plain service has 9.6."""
    found = said_by(
        binary("systemd-analyze"), "security", "--offline=yes", DEPLOY / "chatbot.service"
    )
    assert float(re.search(r"exposure level for chatbot\.service: ([\d.]+)", found)[1]) < 2


def test_the_unit_waits_longer_than_the_drain():
    unit = (DEPLOY / "chatbot.service").read_text()
    drain = next(s.default for s in TABLE if s.name == "CHATBOT_DRAIN_SECONDS")
    assert int(re.search(r"^TimeoutStopSec=(\d+)", unit, re.M)[1]) > drain + 10
    assert int(re.search(r"stop_grace_period: (\d+)s", COMPOSE)[1]) > drain + 10


def test_the_shell_finds_nothing_in_release():
    assert said_by(binary("shellcheck"), DEPLOY / "release") == ""


def test_the_image_has_all_that_the_server_needs_and_nothing_that_is_ignored(tmp_path):
    """What COPY names is what the ignore file lets through; with it alone the server runs."""
    copied = set()
    for names in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M):
        copied |= {name for name in names.split()[:-1] if (ROOT / name).exists()}
        assert all((ROOT / name).exists() for name in names.split()[:-1]), names
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    assert set(re.findall(r"^!(.+)$", ignored, re.M)) == copied
    for name in copied - {"requirements.txt"}:
        target = tmp_path / "image" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    command = json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.M)[1])
    health = json.loads(re.search(r"^ +CMD (\[.*\])$", DOCKERFILE, re.M)[1])
    environ = {"HOST": "0.0.0.0", "CHATBOT_MOCK": "1", "PYTHONPATH": str(tmp_path / "image")}
    with started([sys.executable, *command[1:]], tmp_path, **environ) as (port, _):
        env = {**CLEAN, "PORT": str(port)}
        assert subprocess.run([sys.executable, *health[1:]], env=env, check=False).returncode == 0
    assert subprocess.run([sys.executable, *health[1:]], env=env, check=False, stderr=subprocess.DEVNULL).returncode  # fmt: skip


def test_nothing_of_the_containers_runs_as_root_or_under_a_name_that_moves():
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.M)
    images = re.findall(r"^FROM (\S+)|^ +image: (\S+)", DOCKERFILE + COMPOSE, re.M)
    assert len(images) == 4
    for name in map("".join, images):
        assert re.search(r":\d+\.\d+(\.\d+)?-", name), name


def test_only_the_machine_itself_reaches_the_containers():
    assert re.findall(r"^ +- ([\d.:]+:\d+)$", COMPOSE, re.M) == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize("file", ["compose.yaml", "env.example", "Dockerfile", "chatbot.service"])
def test_settings_are_called_by_their_names(file):
    known = {setting.name for setting in TABLE}
    named = set(re.findall(r"\b(?:CHATBOT|OPENAI)_[A-Z_]+\b", (DEPLOY / file).read_text()))
    assert named <= known


def test_the_example_of_settings_is_one_that_works(tmp_path):
    text = re.sub(r"^#(?=[A-Z])", "", (DEPLOY / "env.example").read_text(), flags=re.M)
    (tmp_path / ".env").write_text(text)
    command = [sys.executable, "-m", "chatbot", "serve"]
    with started(command, tmp_path, PYTHONPATH=str(ROOT)) as (_, printed):
        assert "answers from https://api.openai.com/v1" in printed


def test_the_procfile_s_line_runs_where_the_platform_gives_the_port(tmp_path):
    line = (DEPLOY / "Procfile").read_text().removeprefix("web: ").strip()
    line = line.replace("python ", f"exec {sys.executable} ")
    environ = {"CHATBOT_MOCK": "1", "PYTHONPATH": str(ROOT)}
    with started(["sh", "-c", line], tmp_path, **environ) as (port, _), Client(port) as client:
        assert client.get("/healthz").status == 200


def test_passenger_s_file_gives_an_application_that_streams(tmp_path):
    """Under a server of one process and one request at a time, as there."""
    shutil.copy(DEPLOY / "passenger_wsgi.py", tmp_path)
    code = (
        "import wsgiref.simple_server as s, sys; from passenger_wsgi import application\n"
        "server = s.make_server('127.0.0.1', int(sys.argv[1]), application)\n"
        "server.serve_forever()\n"
    )
    port = free_port()
    env = {**CLEAN, "PYTHONPATH": f"{tmp_path}:{ROOT}", "CHATBOT_DATA_DIR": str(tmp_path / "data"), "CHATBOT_API_KEYS": KEY}  # fmt: skip
    server = subprocess.Popen([sys.executable, "-c", code, str(port)], env=env, cwd=tmp_path, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_for(lambda: listens(port), 30)
        with Client(port) as client:
            client.send_chat(stream=True)
            data = b""
            while more := client.sock.recv(65536):
                data += more
        assert data.endswith(b"data: [DONE]\n\n")
        assert data.count(b"data: ") > 3
    finally:
        server.terminate()
        server.wait(20)

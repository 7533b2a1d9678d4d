"""The servers behind the fronts, each started with its file of `deploy/`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hosting.fronts.machine import binary, children, started
from tests.ports import free_port
from tests.server import KEY, ROOT

NAME = "chat.example"
"""The name in the files of `deploy/`."""


@dataclass
class Running:
    """Something that was started. `workers` are the processes that answer, as they are now."""

    port: int
    pid: int
    workers: Callable[[], list[int]]


def settings(folder: Path, provider: str, port: int, *, behind: bool) -> dict[str, str]:
    """A server's environment: this machine's, without the developer's settings."""
    ours = ("CHATBOT_", "OPENAI_", "PORT", "HOST", "WEB_CONCURRENCY")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**clean, **own_settings(folder, provider, behind=behind), "PORT": str(port)}


def own_settings(folder: Path, provider: str, *, behind: bool) -> dict[str, str]:
    """What the documents tell an owner to set."""
    fronts = {"CHATBOT_TRUSTED_PROXIES": "1", "CHATBOT_PUBLIC_URL": f"https://{NAME}"}
    return {
        "WEB_CONCURRENCY": "1", "CHATBOT_API_KEYS": KEY, "CHATBOT_DATA_DIR": str(folder / "instance"),
        "OPENAI_BASE_URL": provider, "CHATBOT_MODEL": "mock-instant", "CHATBOT_DRAIN_SECONDS": "1",
        **(fronts if behind else {}),
    }  # fmt: skip


@contextlib.contextmanager
def gunicorn(
    file: str, folder: Path, provider: str, *, behind: bool, **more: str
) -> Iterator[Running]:
    """gunicorn with a configuration of `deploy/`; `more` are further settings."""
    port = free_port()
    env = {**settings(folder, provider, port, behind=behind), "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / file), "wsgi:app"]
    with started(command, port, folder, env) as pid:
        yield Running(port, pid, lambda: children(pid))


@contextlib.contextmanager
def uwsgi(
    folder: Path, provider: str, *, behind: bool, changes: Iterable[tuple[str, str]] = ()
) -> Iterator[Running]:
    """uWSGI with `deploy/uwsgi.ini`, on a port of its own; `changes` are an owner's, (old, new)."""
    port, program = free_port(), _uwsgi()
    ini = folder / "uwsgi.ini"
    text = (ROOT / "deploy/uwsgi.ini").read_text().replace(":8000", f":{port}")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    ini.write_text(text)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    env = {**settings(folder, provider, port, behind=behind), "PYTHONPATH": f"{site}:{ROOT}"}
    with started([program, "--ini", str(ini), "--chdir", str(ROOT)], port, folder, env) as pid:
        yield Running(port, pid, lambda: children(pid))


def _uwsgi() -> str:
    built = ROOT / ".venv-hosting/bin/uwsgi"
    return str(built) if built.exists() else binary("uwsgi")


def environment(folder: Path) -> Path:
    """An environment of the system's Python, by which mod_wsgi was built, with the packages of this one."""
    home = folder / ".venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    assert site.parent.name in packages, f"mod_wsgi is built for {site.parent.name}; this is {packages}"  # fmt: skip
    (site / "packages.pth").write_text(packages + "\n")
    return home


def checkout(folder: Path, provider: str) -> Path:
    """What the documents call /srv/chatbot: the application, its environment and its settings."""
    for name in ("wsgi.py", "chatbot", "templates", "static", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    environment(folder)
    (folder / "instance").mkdir()
    values = own_settings(folder, provider, behind=True) | {"CHATBOT_TRUSTED_PROXIES": "0"}
    (folder / ".env").write_text("".join(f"{n}={v}\n" for n, v in values.items()))
    return folder

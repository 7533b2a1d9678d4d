"""A machine with the chat on it, as the page says, and the repository that its versions come from."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosting.vps.machine import LOG, Machine
from tests.ports import free_port
from tests.server import KEY, ROOT

PAGE = (ROOT / "docs/hosting/vps.md").read_text()
BLOCKS = re.findall(r"<!-- run: tests/hosting/vps -->\n```sh\n(.*?)```", PAGE, re.S)
INSTALL, RELOAD, BOT, UPGRADE, BACK = (block.strip() for block in BLOCKS)
HOME, STATE = "/opt/chatbot", "/var/lib/chatbot"
RELEASE = f"{HOME}/source/deploy/release"
ORIGIN = "https://git.example/chatbot.git"


class Origin:
    """The repository that versions are published in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = self._git("ls-files", "-co", "--exclude-standard", at=ROOT).splitlines()
        for name in listed:
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._git("init", "-q", "-b", "main")

    def publish(self, version: str, **changed: str) -> None:
        """A version, with files of it changed: by `chatbot__app` the file chatbot/app.py."""
        (self.folder / "chatbot/__init__.py").write_text(f'"""The version."""\n\n__version__ = "{version}"\n')  # fmt: skip
        for name, text in changed.items():
            (self.folder / f"{name.replace('__', '/')}.py").write_text(text)
        self._git("add", "-A")
        self._git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", version)
        self._git("tag", f"v{version}")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def _git(self, *args: str, at: Path | None = None) -> str:
        command = ["git", "-C", str(at or self.folder), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Site:
    """The machine with the chat on it."""

    def __init__(self, machine: Machine, origin: Origin, port: int) -> None:
        self.machine, self.origin, self.port = machine, origin, port

    @property
    def main_pid(self) -> str:
        return self.machine.run("systemctl", "show", "-P", "MainPID", "chatbot").strip()

    @property
    def version(self) -> str:
        return Path(self.machine.run("readlink", f"{HOME}/current").strip()).name

    def is_up(self) -> bool:
        return self.machine.tried("systemctl", "is-active", "chatbot").stdout == "active\n"


@contextmanager
def site_on(machine: Machine, folder: Path, setting: str = "CHATBOT_MOCK=1") -> Iterator[Site]:
    """All that is there before `INSTALL`, and version 1.0.0 to be had."""
    origin = Origin(folder)
    origin.publish("1.0.0")
    port = free_port()
    machine.run("install", "-d", "-m", "0700", STATE)
    machine.write(
        f"{STATE}/.env", f"PORT={port}\nCHATBOT_DRAIN_SECONDS=8\nCHATBOT_API_KEYS={KEY}\n{setting}\n"
    )  # fmt: skip
    machine.run("install", "-d", "/etc/systemd/system/chatbot.service.d")
    machine.write(  # there is no journal here
        "/etc/systemd/system/chatbot.service.d/log.conf",
        f"[Service]\nStandardOutput=append:{LOG}\nStandardError=append:{LOG}\n",
    )
    yield Site(machine, origin, port)
    machine.tried("systemctl", "stop", "chatbot")


def install_lines(origin: Origin) -> str:
    """The page's commands, but for packages, which are there."""
    assert ORIGIN in INSTALL
    lines = [line for line in INSTALL.splitlines() if not line.startswith("apt-get ")]
    return "\n".join(lines).replace(ORIGIN, str(origin.folder))

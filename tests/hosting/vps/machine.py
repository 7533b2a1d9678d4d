"""An empty machine with systemd: a real one, as process 1 of its own namespaces, whose changes to the file system are gone with it.

It shares the network with whoever runs it. Only units of its own are there: nothing else of the machine is started again.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server import wait_for

SYSTEMD = "/lib/systemd/systemd"
BOOT = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs {base}/layers
for folder in /etc /opt /var/lib /usr/local; do
  mkdir -p {base}/layers$folder/new {base}/layers$folder/work
  mount -t overlay overlay -o lowerdir=$folder,upperdir={base}/layers$folder/new,workdir={base}/layers$folder/work $folder
done
rm -rf /etc/systemd/system/*.wants
mount -t tmpfs tmpfs /run
export container=lxc SYSTEMD_UNIT_PATH=/etc/systemd/system:{base}/units SYSTEMD_LOG_TARGET=null
exec {systemd} --system --unit=basic.target
"""
NAMESPACES = [
    "--fork",
    "--kill-child",
    "--pid",
    "--mount",
    "--mount-proc",
    "--uts",
    "--ipc",
    "--cgroup",
]
LOG = "/run/chatbot.log"
"""What units write, there being no journal."""
TARGETS = ["basic", "sysinit", "multi-user", "network-online", "shutdown"]


class Machine:
    """Commands on it, as root."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def command(self, *args: object) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "--", *map(str, args)]

    def run(self, *args: object) -> str:
        """What a command that must succeed prints."""
        done = self.tried(*args)
        log = self.tried("tail", "-n", "20", LOG).stdout if done.returncode else ""
        assert done.returncode == 0, done.stdout + done.stderr + log
        return done.stdout

    def tried(self, *args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*args), capture_output=True, text=True, check=False)

    def write(self, path: str, text: str) -> None:
        subprocess.run(self.command("tee", path), input=text, text=True, check=True, stdout=subprocess.DEVNULL)  # fmt: skip


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Boot one, and switch it off at the end."""
    for needed in (SYSTEMD, "unshare", "nsenter"):
        assert shutil.which(needed), f"{needed} is missing: apt-get install systemd util-linux"
    for name in ("layers", "units"):
        (folder / name).mkdir()
    for target in TARGETS:
        (folder / "units" / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    script = BOOT.format(base=folder, systemd=SYSTEMD)
    with (folder / "boot.log").open("w") as out:
        outer = subprocess.Popen(
            ["unshare", *NAMESPACES, "bash", "-c", script], stdout=out, stderr=out
        )
    try:
        pid = wait_for(lambda: _child(outer), 10)
        found = Machine(pid)
        wait_for(lambda: _has_booted(outer, found, folder), 30)
        yield found
    finally:
        outer.send_signal(signal.SIGKILL)
        outer.wait(20)


def _child(outer: subprocess.Popen[bytes]) -> int | None:
    text = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
    return int(text[0]) if text else None


def _has_booted(outer: subprocess.Popen[bytes], found: Machine, folder: Path) -> bool:
    assert outer.poll() is None, (folder / "boot.log").read_text()
    return found.tried("systemctl", "is-active", "basic.target").stdout == "active\n"


@pytest.fixture(scope="module")
def vps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("vps")) as found:
        yield found

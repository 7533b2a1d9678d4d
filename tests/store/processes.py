"""The same thing done by several processes at the same time; and processes under gevent, as the server's are."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.server import ROOT


def at_once(folder: Path, *each: Callable[[], object]) -> list[str]:
    """What these give, each done in a process of its own, begun together; as text."""
    ready, go = os.pipe()
    children = []
    for number, do in enumerate(each):
        if not (child := os.fork()):
            _be_child(folder / f"done-{number}", ready, go, do)
        children.append(child)
    os.close(ready)
    os.close(go)
    codes = [os.waitpid(child, 0)[1] for child in children]
    said = [(folder / f"done-{number}").read_text() for number in range(len(each))]
    assert codes == [0] * len(each), "\n".join(said)
    return said


def _be_child(out: Path, ready: int, go: int, do: Callable[[], object]) -> None:
    code = 1
    try:
        os.close(go)
        os.read(ready, 1)  # until all are there
        out.write_text(str(do()))
        code = 0
    except BaseException:
        out.write_text(traceback.format_exc())
    finally:
        os._exit(code)


GEVENT = f"""
from gevent import monkey; monkey.patch_all()
import sys
sys.path.insert(0, {str(ROOT)!r})
import time
from pathlib import Path
import gevent
from chatbot.core.secret import Secret
from chatbot.store.database import Database, StoreAway
from tests.awake import awake

database = Database(Secret(sys.argv[1]), Path(sys.argv[2]))
gaps = []

def tick():
    "The longest time for which the event loop did not come round."
    last = awake()
    while True:
        gevent.sleep(0.005)
        now = awake()
        gaps.append(now - last)
        last = now

def say(*words):
    print(*words, flush=True)

def heard():
    "A line from the test, waited for while everything goes on."
    from gevent.os import tp_read
    return tp_read(0, 100)

gevent.spawn(tick)
gevent.sleep(0.02)
"""


class UnderGevent:
    """A process under gevent that runs `code`, with `database`, `say`, `heard` and `gaps` at hand."""

    def __init__(self, code: str, url: str, folder: Path) -> None:
        command = [sys.executable, "-W", "error", "-c", GEVENT + code, url, str(folder)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def __enter__(self) -> UnderGevent:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """What it says next."""
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return line.rstrip("\n")

    def tell(self) -> None:
        """Let it go on where it listens."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def rest(self) -> tuple[str, str]:
        """What it says until its end, and what it complains of."""
        out, errors = self._process.communicate(timeout=30)
        assert self._process.returncode == 0, errors
        return out.strip(), errors

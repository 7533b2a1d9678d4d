"""A cell at work: its provider, its server, its front."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatbot.upstream.mock_server import MockServer
from tests.hosting.fronts import fronts, servers
from tests.hosting.fronts.cells import Cell
from tests.hosting.fronts.client import Visitor
from tests.hosting.fronts.servers import NAME, Running


@dataclass
class Site:
    """A cell that runs. `port` is where visitors come, `server` what answers them, `front` what stands before it."""

    cell: Cell
    provider: MockServer
    server: Running
    front: Running
    ca: Path | None

    @property
    def port(self) -> int:
        return self.front.port

    def visitor(self) -> Visitor:
        """A new connection."""
        return Visitor(self.port, self.ca)

    def asked(self, mark: str) -> dict | None:
        """What the provider knows of the question with this text."""
        return next((e for e in list(self.provider.log) if mark in e["body"]), None)


def make_certificates(folder: Path) -> Path:
    """A certificate for the site's name that signs itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "60", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1",
               "-keyout", str(folder / "site.key"), "-out", str(folder / "site.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder that servers can read which give up root's rights; pytest's own ones they can't."""
    folder = Path(tempfile.mkdtemp(prefix="hosting-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        os.environ.get("HOSTING_KEEP") or shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_site(cell: Cell, certificates: Path) -> Iterator[Site]:
    """Start a cell."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(folder_for_all())
        provider = MockServer().start()
        stack.callback(provider.stop)
        ca = certificates / "site.pem" if cell.is_tls else None
        if cell.server == "mod_wsgi":
            servers.checkout(folder, provider.base_url)
            both = stack.enter_context(fronts.mod_wsgi(folder, certificates))
            yield Site(cell, provider, both, both, ca)
            return
        server = stack.enter_context(_server(cell, folder, provider.base_url))
        front = server
        if cell.front != "none":
            below = folder / "front"
            below.mkdir()
            front = stack.enter_context(fronts.FRONTS[cell.front](below, server.port, certificates))
        yield Site(cell, provider, server, front, ca)


def _server(cell: Cell, folder: Path, provider: str) -> contextlib.AbstractContextManager[Running]:
    behind = cell.front != "none"
    if cell.server == "uwsgi":
        return servers.uwsgi(folder, provider, behind=behind)
    file = {"gevent": "gunicorn.conf.py", "threads": "gunicorn-threads.conf.py"}[cell.server]
    return servers.gunicorn(file, folder, provider, behind=behind)


AT_ONCE = int(os.environ.get("HOSTING_CELLS", "10"))
"""Cells side by side: they wait more than they work."""

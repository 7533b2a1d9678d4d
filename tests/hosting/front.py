"""The shipped nginx configuration for several machines, with a test's own addresses and without TLS."""

from __future__ import annotations

import re
from pathlib import Path

from tests.engines import bare_nginx, binary
from tests.server import ROOT


def site(listen: str, servers: list[str]) -> str:
    """deploy/nginx-machines.conf with these servers, without TLS."""
    text = (ROOT / "deploy" / "nginx-machines.conf").read_text()
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, flags=re.S)
    text = re.sub(r"^\s*ssl_.*\n", "", text, flags=re.M).replace("443 ssl http2;", f"{listen};")
    for number, server in enumerate(servers, 1):
        text = text.replace(f"10.0.0.{number}:8000", server)
    return text


def nginx(folder: Path, listen: str, servers: list[str]) -> list[str]:
    """The command of an nginx that listens there, before these servers."""
    (folder / "site.conf").write_text(site(listen, servers))
    (folder / "nginx.conf").write_text(bare_nginx(folder, "site.conf"))
    return [binary("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]

"""What docs/hosting/ shows is what is shipped and tried."""

from __future__ import annotations

import re

import pytest

from tests.hosting.fronts.cells import CELLS, CHECKS, NAMES, Cell, table
from tests.hosting.fronts.machine import INSTALL
from tests.hosting.fronts.mounts import MOUNTS
from tests.server import ROOT

DOCS = ROOT / "docs/hosting"
SHIPPED = {
    "nginx.md": "nginx.conf", "apache.md": "apache.conf", "mod_wsgi.md": "apache-wsgi.conf", "caddy.md": "Caddyfile",
    "haproxy.md": "haproxy.cfg", "other-servers.md": "uwsgi.ini",
}  # fmt: skip


def test_the_table_says_what_each_cell_is_expected_to_say():
    said: dict[tuple[Cell, str], str] = {(c, check): c.expects(check) for c in CELLS for check in CHECKS}  # fmt: skip
    assert table(said) in (DOCS / "README.md").read_text()


@pytest.mark.parametrize(("page", "file"), SHIPPED.items())
def test_each_page_names_its_file_and_how_to_check(page, file):
    text = (DOCS / page).read_text()
    assert f"(../../deploy/{file})" in text
    assert "octor" in text
    assert (ROOT / "deploy" / file).exists()
    assert page in (DOCS / "README.md").read_text()


@pytest.mark.parametrize("front", MOUNTS)
def test_the_page_of_other_servers_has_the_lines_for_a_path(front):
    text = (DOCS / "other-servers.md").read_text()
    old_file = {"apache": "apache.conf", "mod_wsgi": "apache-wsgi.conf", "nginx": "nginx.conf", "caddy": "Caddyfile", "haproxy": "haproxy.cfg"}[front]  # fmt: skip
    for old, new in MOUNTS[front]:
        assert old in (ROOT / "deploy" / old_file).read_text()
        for line in new.splitlines():
            assert line.strip().rstrip("{ ") in text, line


def test_what_is_missing_is_told_with_the_line_to_install_it():
    fronts = {cell.front for cell in CELLS} - {"none"} | {cell.server for cell in CELLS}
    assert {"nginx", "haproxy", "caddy", "mod_wsgi", "uwsgi"} <= fronts
    assert all(name in NAMES for name in fronts)
    packages = re.findall(r":([a-z0-9-]+)", re.search(r"^FRONTS := (.*?[^\\])$", (ROOT / "Makefile").read_text(), re.M | re.S)[1])  # fmt: skip
    for line in INSTALL.values():
        if line.startswith("apt-get install "):
            assert line.split()[-1] in packages


@pytest.mark.parametrize("file", [*SHIPPED.values(), "gunicorn-threads.conf.py"])
def test_shipped_files_name_no_machine_of_ours(file):
    text = (ROOT / "deploy" / file).read_text()
    assert "/tmp" not in text
    assert "/root" not in text
    assert "127.0.0.1:8000" in text or file in ("apache-wsgi.conf", "gunicorn-threads.conf.py")

"""The walls of the house: imports point downwards, the protocol is pure, one place frames events."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chatbot"
ROWS = [
    {"cli", "__main__"},
    {"wsgi", "app", "library"},
    {"web", "doctor"},
    {"services"},
    {"chat"},
    {"relay", "knowledge", "access"},
    {"upstream", "store", "shared"},
    {"core", "metrics"},
    {"protocol"},
]
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}
PURE = {
    "__future__",
    "json",
    "dataclasses",
    "typing",
    "collections",
    "re",
    "hashlib",
    "orjson",
    "functools",
    "math",
    "enum",
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_downwards(file):
    here = room(file)
    if here == "__init__":
        return
    for name in imports(file):
        parts = name.split(".")
        if parts[0] == "chatbot" and len(parts) > 1 and parts[1] != here:
            assert RANK[parts[1]] > RANK[here] or here == "__main__", f"{here} imports {name}"


def test_flask_stays_in_the_web():
    users = {room(f) for f in FILES if any(n.split(".")[0] == "flask" for n in imports(f))}
    assert users == {"web", "app"}


def test_the_protocol_is_pure():
    for file in (PACKAGE / "protocol").glob("*.py"):
        for name in imports(file):
            assert name.startswith("chatbot.protocol") or name.split(".")[0] in PURE, (file, name)


def test_only_the_encoder_writes_data_lines():
    writers = {f.name for f in FILES if re.search(r"""["']data: """, f.read_text())}
    # A misbehaving provider has to frame by hand what no encoder would write.
    assert writers - {"mock_faults.py"} == {"sse_encoder.py"}


def test_iter_lines_and_iter_content_are_never_used():
    for file in FILES:
        assert not re.search(r"\.iter_(lines|content)\(", file.read_text()), file


def test_modules_are_small_and_open_with_their_idea():
    for file in FILES:
        text = file.read_text()
        assert len(text.splitlines()) <= 350, file
        if text.strip():
            assert ast.get_docstring(ast.parse(text)) or file.name == "__init__.py", file


def test_gevent_is_patched_first_in_the_gunicorn_configuration_and_not_in_wsgi():
    first = (ROOT / "deploy" / "gunicorn.conf.py").read_text().splitlines()[0]
    assert first.startswith("from gevent import monkey; monkey.patch_all()")
    assert "monkey" not in (ROOT / "wsgi.py").read_text()

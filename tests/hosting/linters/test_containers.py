"""The container files by their own linters; there is no Docker here to run them."""

from __future__ import annotations

import subprocess

from tests.server import ROOT

TOOLS = ROOT / ".venv-hosting/bin"


def said_by(tool: str, *args: str) -> tuple[int, str]:
    assert (TOOLS / tool).exists(), f"{tool} is missing: make test-hosting"
    done = subprocess.run(
        [TOOLS / tool, *args], cwd=ROOT / "deploy", capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert said_by("hadolint", "Dockerfile") == (0, "")


def test_the_compose_file_is_one_by_its_specification():
    code, said = said_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")  # fmt: skip
    assert code == 0, said


def test_a_mistake_would_be_found(tmp_path):
    """That the linters look at all."""
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /tmp\n")
    text = (ROOT / "deploy/compose.yaml").read_text().replace("mem_limit:", "memory:")
    (tmp_path / "compose.yaml").write_text(text)
    assert said_by("hadolint", str(tmp_path / "Dockerfile"))[0] != 0
    code, _ = said_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(tmp_path / "compose.yaml"))  # fmt: skip
    assert code != 0

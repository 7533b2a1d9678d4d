"""What the documents say is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chatbot import __version__
from chatbot.core import errors
from chatbot.core.provider_config import load_toml
from chatbot.core.settings_table import as_markdown
from chatbot.upstream.mock_faults import FAULTS
from chatbot.upstream.mock_script import MODELS
from tests.faults.rows import OTHERS, SCENARIOS, UPSTREAM
from tests.faults.table import table
from tests.server import KEY, ROOT, running

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.S | re.M)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("docs")) as found:
        yield found


def test_the_table_of_settings_is_the_code_s():
    assert as_markdown() in (ROOT / "docs/configuration.md").read_text()


def test_the_example_of_providers_and_routes_loads(tmp_path):
    (example,) = blocks((ROOT / "docs/configuration.md").read_text(), "toml")
    (tmp_path / "c.toml").write_text(example)
    providers, routes = load_toml(tmp_path / "c.toml", {"OPENAI_API_KEY": "k"})
    assert [p.name for p in providers] == ["openai", "backup"]
    assert routes[0].timeouts == {"first_token": 45}


def test_the_errors_are_those_of_the_code():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+)", (ROOT / "docs/errors.md").read_text(), re.M))
    kinds = [
        k for k in vars(errors).values() if isinstance(k, type) and k.__module__ == errors.__name__
    ]
    codes = {
        k.code: str(k.status)
        for k in kinds
        if k not in (errors.ChatbotError, errors.UpstreamFailure)
    }
    assert rows.keys() == codes.keys()
    assert all(rows[code] in (status, "event") for code, status in codes.items())


def test_the_fault_matrix_is_the_one_that_is_run():
    names = [*(row.fault for row in UPSTREAM), *OTHERS, *SCENARIOS]
    shown = table(dict.fromkeys(names, True))
    assert shown in (ROOT / "docs/reliability.md").read_text()


@pytest.mark.parametrize("number", [0, 1])
def test_the_operators_curl_lines_show_the_breakers(server, number):
    text = (ROOT / "docs/reliability.md").read_text()
    block = next(b for b in blocks(text, "sh") if b.startswith("curl"))
    command = block.strip().splitlines()[number].replace(":8000", f":{server.port}") + " -sS"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "breaker" in done.stdout


def test_the_dashboards_curl_line_gives_the_last_day(server):
    text = (ROOT / "docs/metrics.md").read_text()
    curl = next(b for b in blocks(text, "sh") if b.startswith("curl")).replace(
        ":8000", f":{server.port}"
    )
    env = {**os.environ, "KEY": KEY}
    done = subprocess.run(
        f"{curl.strip()} -sS", shell=True, env=env, capture_output=True, check=True
    )
    assert len(json.loads(done.stdout)["day"]["spans"]) == 96


def test_the_mocks_faults_and_models_are_listed():
    text = (ROOT / "docs/mock.md").read_text()
    for name in (*FAULTS, *MODELS):
        assert f"`{name}`" in text


def test_the_readmes_curl_line_streams(server):
    curl = next(block for block in blocks(README, "sh") if block.startswith("curl"))
    command = curl.replace(":8000", f":{server.port}").strip() + " -sS"
    env = {**os.environ, "KEY": KEY}
    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("number", [0, 1], ids=["sdk", "library"])
def test_the_readmes_python_runs(server, number, tmp_path):
    code = blocks(README, "python")[number].replace(":8000", f":{server.port}")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", f"KEY = {KEY!r}\n{code}"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "**This is the built-in mock" in done.stdout


def test_every_make_target_in_the_documents_exists_and_is_listed():
    pages = [README, (ROOT / "CONTRIBUTING.md").read_text()]
    named = {t for page in pages for t in re.findall(r"(?:^|`)make ([a-z]+)", page, re.M)}
    listed = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.M))
    assert named <= listed
    assert {"run", "test", "check", "bench", "widget"} <= listed


def test_links_in_the_documents_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), (page, link)


def test_the_version_is_in_the_changelog():
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_requirements_are_pinned_with_hashes_and_complete():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    direct = {re.split(r"[\[>=]", line)[0] for line in project}
    for name in ("requirements.in", "requirements.txt"):
        text = (ROOT / name).read_text()
        assert all(re.search(rf"^{d}\b", text, re.M) for d in direct), name
    pinned = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text())
    assert all("--hash=sha256:" in p for p in pinned if not p.startswith(("#", " ")) and p.strip())


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    for name in listed.stdout.split():
        file = Path(ROOT, name)
        if file.suffix in (".md", ".py", ".txt", ".json", ".toml", ".in", "") and file.is_file():
            text = file.read_text("utf-8", "replace")
            assert not re.search(
                r"registry\.npm|pypi\.(org|python)|/root/",
                text.replace(r"registry\.npm|pypi\.(org|python)|/root/", ""),
            ), name


def test_every_threat_names_tests_that_are_there():
    page = (ROOT / "docs" / "security.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "tests/" in line]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        titles = re.findall(r"`(tests/[\w/.-]+js)` \"(.*?)\"", row)
        assert named or titles, row
        for file, title in titles:
            assert title in (ROOT / file).read_text(), (file, title)
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(), (file, test)
    shown = page.partition("## Threats")[2].partition("\n## ")[0]
    assert len(rows) == len([n for n in shown.splitlines() if n.startswith("| ")]) - 2

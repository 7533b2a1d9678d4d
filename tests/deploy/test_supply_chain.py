"""What runs is what was looked at: hashes, licences, the bill of materials, the notices."""

from __future__ import annotations

import json
import re
import subprocess
from types import SimpleNamespace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy import supply_chain
from tests.server import ROOT

INSTALLS = re.compile(r"pip install ([^\n`]*)")


def test_each_licence_is_one_that_is_allowed(capsys):
    assert supply_chain.licences() == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(supply_chain.installed()) > 20


def test_a_licence_that_is_not_on_the_list_is_found(monkeypatch, capsys):
    monkeypatch.setattr(supply_chain, "licence_of", lambda _: "AGPL-3.0-only")
    assert supply_chain.licences() == 1
    assert "NOT ALLOWED" in capsys.readouterr().out


def test_nothing_is_installed_without_its_hash():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # fmt: skip
    files = [ROOT / n for n in names if n.endswith((".md", "Makefile", ".sh", "run", ".py", ".toml"))]  # fmt: skip
    found = [
        command for file in files if file.name != "test_supply_chain.py"
        for command in INSTALLS.findall(file.read_text("utf-8", "replace"))
        if "requirements" in command
    ]  # fmt: skip
    assert len(found) >= 3
    assert all("--require-hashes" in command for command in found)
    for name in ("requirements.txt", "requirements-dev.txt"):
        pins = re.split(r"\n(?=[A-Za-z])", (ROOT / name).read_text())[1:]
        assert all("--hash=sha256:" in pin for pin in pins)
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("integrity" in p for name, p in packages.items() if name and not p.get("link"))


def test_the_bill_has_each_package_with_version_hash_and_licence(tmp_path):
    file = tmp_path / "sbom.json"
    assert supply_chain.sbom(str(file)) == 0
    text = file.read_text()
    bill = json.loads(text)
    version = SchemaVersion.from_version(bill["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None
    parts = {c["name"].lower(): c for c in bill["components"]}
    assert {(n, c["version"]) for n, c in parts.items()} == {(n.lower(), v) for n, v in supply_chain.pins()}  # fmt: skip
    here = {package.name.lower().replace("_", "-") for package in supply_chain.installed()}
    for name, part in parts.items():
        assert part["purl"] == f"pkg:pypi/{name}@{part['version']}"
        assert part["externalReferences"][0]["hashes"]
        assert name.replace("_", "-") not in here or part["licenses"]
    assert bill["metadata"]["component"]["name"] == "chatbot-platform"


def test_the_notices_are_those_of_what_is_pinned():
    """`make notices` brings them up to date."""
    shown = re.findall(r"^={80}\n(\S+) (\S+) \(", supply_chain.NOTICES.read_text(), re.M)
    packed = [(name, version) for name, version, *_ in supply_chain.bundled()]
    assert shown == [(p.name, p.version) for p in supply_chain.installed()] + packed


def test_what_the_widget_holds_of_others_is_all_among_the_notices():
    """Of each package that the build takes a file from."""
    command = ["node", "-e", """
      import("esbuild").then(({ build }) => build({ entryPoints: ["static/widget/src/extras/highlight.js",
        "static/widget/src/body.js", "static/widget/src/loader.js"], bundle: true, write: false, metafile: true, format: "esm", outdir: "x" }))
        .then(({ metafile }) => console.log(JSON.stringify(Object.keys(metafile.inputs))))"""]  # fmt: skip
    done = subprocess.run(
        command, cwd=supply_chain.ROOT, capture_output=True, text=True, check=True
    )
    files = json.loads(done.stdout)
    taken = {re.search(r"node_modules/([^/]+)", f)[1] for f in files if "node_modules" in f}
    assert taken == set(supply_chain.BUNDLED)


ONE = {"name": "flask", "version": "3.1.3"}


@pytest.mark.parametrize(
    ("answer", "online", "code", "said"),
    [
        ([{**ONE, "vulns": []}], "", 0, "1 of 1 packages checked, 0 with known ones"),
        ([{**ONE, "vulns": [{"id": "CVE-1"}]}], "", 1, "flask 3.1.3: CVE-1"),
        ([{**ONE, "skip_reason": "not found"}], "", 0, "could not be asked"),
        ([{**ONE, "skip_reason": "not found"}], "1", 1, "0 of 1 packages checked"),
        (None, "1", 1, "could not be asked"),
    ],
)
def test_what_pip_audit_says_becomes_a_verdict(monkeypatch, capsys, answer, online, code, said):
    text = json.dumps({"dependencies": answer}) if answer else "no network"
    monkeypatch.setattr(supply_chain.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=text))  # fmt: skip
    monkeypatch.setattr(supply_chain, "pins", lambda: [("flask", "3.1.3")])
    monkeypatch.setenv("AUDIT_ONLINE", online)
    assert supply_chain.vulnerabilities() == code
    assert said in capsys.readouterr().out

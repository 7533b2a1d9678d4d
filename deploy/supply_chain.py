"""What this is made of: licences, known vulnerabilities, a bill of materials, third-party notices.

    python deploy/supply_chain.py licences | vulnerabilities | sbom FILE | notices

What runs in production is what `requirements.txt` pins; texts and licences are those of the installed packages. The tools that
know vulnerabilities and the bill's form are pip-audit and cyclonedx-py; here is what they are asked, and what their answers mean.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = ROOT / "requirements.txt"
BUNDLED = ("lowlight", "highlight.js", "devlop")
"""Of `static/widget/js/highlight-….js`."""
NOTICES = ROOT / "NOTICE-THIRD-PARTY.txt"
ALLOWED = {
    "MIT": "permissive", "MIT License": "permissive", "MIT OR Apache-2.0": "permissive", "MIT AND PSF-2.0": "permissive",
    "MPL-2.0 AND (Apache-2.0 OR MIT)": "permissive; its own files stay open, and we change none",
    "BSD": "permissive", "BSD-2-Clause": "permissive", "BSD-3-Clause": "permissive", "BSD License": "permissive",
    "Apache-2.0": "permissive", "Apache Software License": "permissive", "Apache License 2.0": "permissive",
    "PSF-2.0": "permissive", "ZPL-2.1": "permissive", "Zope Public License": "permissive",
    "Apache-2.0 AND BSD-2-Clause": "permissive", "Apache-2.0 OR BSD-2-Clause": "permissive",
    "MPL-2.0": "its own files stay open, and we change none",
    "Mozilla Public License 2.0 (MPL 2.0)": "its own files stay open, and we change none",
    "LGPL-3.0-only": "used as a library of its own, which whoever installs can replace",
    "LGPL-3.0": "used as a library of its own, which whoever installs can replace",
    "GNU Lesser General Public License v3 (LGPLv3)": "used as a library of its own, which whoever installs can replace",
}  # fmt: skip
"""Licences of what may run here, and why."""
_TEXT = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)(?:\s*;\s*([^\\]+))?", re.M)
_LONGEST = 60


def pins() -> list[tuple[str, str]]:
    """Names and versions that `requirements.txt` pins."""
    return [(name, version) for name, version, _ in _PIN.findall(PINS.read_text())]


def installed() -> list[Distribution]:
    """Those of them that are installed here; others are for other systems."""
    found = []
    for name, version in pins():
        try:
            package = distribution(name)
        except PackageNotFoundError:
            sys.stderr.write(f"not for this system: {name}\n")
            continue
        if package.version != version:
            sys.exit(f"{name} {package.version} is installed, {version} is pinned")
        found.append(package)
    return found


def licence_of(package: Distribution) -> str:
    """What a package says of its licence."""
    data = package.metadata
    classifiers = [c.rsplit(" :: ", 1)[1] for c in data.get_all("Classifier") or [] if c.startswith("License ::")]  # fmt: skip
    short = (data.get("License") or "").strip()
    named = short if short and len(short) <= _LONGEST and "\n" not in short else ""
    return data.get("License-Expression") or " OR ".join(classifiers) or named or "unknown"


def licences() -> int:
    """Print each licence; 1 where one is not allowed."""
    bad = 0
    for package in installed():
        licence = licence_of(package)
        bad += licence not in ALLOWED
        reason = ALLOWED.get(licence, "NOT ALLOWED: look at it, and add it with a reason")
        sys.stdout.write(f"{package.name} {package.version}: {licence} ({reason})\n")
    return min(bad, 1)


def vulnerabilities() -> int:
    """Ask pip-audit; 1 where something is known. Where its service can't be asked that is said, and with
    AUDIT_ONLINE=1 it is a failure."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(PINS), "--require-hashes", "--disable-pip", "-f", "json"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        found = []
    known = [d for d in found if d.get("vulns")]
    for package in known:
        ids = ", ".join(v["id"] for v in package["vulns"])
        sys.stdout.write(f"{package['name']} {package['version']}: {ids}\n")
    checked = sum("vulns" in d for d in found)
    sys.stdout.write(f"vulnerabilities: {checked} of {len(pins())} packages checked, {len(known)} with known ones\n")  # fmt: skip
    if checked < len(pins()):
        sys.stdout.write("The service that knows them could not be asked for the others.\n")
    return int(bool(known) or (checked < len(pins()) and os.environ.get("AUDIT_ONLINE") == "1"))


def sbom(file: str) -> int:
    """Write a CycloneDX bill of what is pinned: versions, hashes, package URLs, licences."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(PINS), "--pyproject", str(ROOT / "pyproject.toml"),
               "--of", "JSON", "--output-reproducible"]  # fmt: skip
    bill = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    named = {package.name.lower().replace("_", "-"): licence_of(package) for package in installed()}
    for component in bill["components"]:
        component.pop("description", None)
        licence = named.get(component["name"].lower().replace("_", "-"))
        if licence:
            component["licenses"] = [{"license": {"name": licence}}]
    version = re.search(r'"(.+)"', (ROOT / "chatbot/__init__.py").read_text().split("__version__")[1])  # fmt: skip
    bill["metadata"]["component"]["version"] = version[1] if version else ""
    Path(file).write_text(json.dumps(bill, indent=1) + "\n")
    return 0


def bundled() -> list[tuple[str, str, str, str]]:
    """Name, version, licence and its text of the npm packages that stand in the widget's files."""
    found = []
    for name in BUNDLED:
        folder = ROOT / "node_modules" / name
        told = json.loads((folder / "package.json").read_text())
        text = next(f for f in sorted(folder.iterdir()) if _TEXT.match(f.name)).read_text()
        found.append((name, told["version"], told["license"], text.strip()))
    return found


def notices() -> int:
    """Write the licence texts of all that is required, and of what the widget's files hold."""
    parts = ["What this software requires, and the licences under which it is.\n"]
    for package in installed():
        parts.append(f"{'=' * 80}\n{package.name} {package.version} ({licence_of(package)})\n{'=' * 80}\n")  # fmt: skip
        texts = sorted(str(f) for f in package.files or [] if _TEXT.search(str(f)) and ".dist-info" in str(f))  # fmt: skip
        bodies = [Path(str(package.locate_file(f))).read_text("utf-8", "replace").strip() for f in texts]  # fmt: skip
        parts.append("\n\n".join(bodies) or f"No text comes with it. {package.metadata.get('Home-page') or ''}".strip())  # fmt: skip
    for name, version, licence, text in bundled():
        parts.append(f"{'=' * 80}\n{name} {version} ({licence})\n{'=' * 80}\n\n{text}")
    NOTICES.write_text("\n".join(parts).rstrip() + "\n")
    return 0


def main() -> None:
    commands = {"licences": licences, "vulnerabilities": vulnerabilities, "notices": notices}
    match sys.argv[1:]:
        case ["sbom", file]:
            sys.exit(sbom(file))
        case [name] if name in commands:
            sys.exit(commands[name]())
    sys.exit((__doc__ or "").split("\n\n")[1])


if __name__ == "__main__":
    main()

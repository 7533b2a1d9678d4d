"""Commands of the pages of hosting: those that no test can run are understood by a shell, and say that they are not run."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.server import ROOT

PAGES = sorted((ROOT / "docs/hosting").glob("*.md"))
BLOCKS = [
    pytest.param(text, id=f"{page.stem} {n}")
    for page in PAGES
    for n, text in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text(), re.S))
]


@pytest.mark.parametrize("text", BLOCKS)
def test_a_shell_understands_it(text):
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

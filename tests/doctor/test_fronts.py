"""The doctor before real servers: it names each planted fault and its line, and finds none in what `deploy/` has."""

from __future__ import annotations

import re

import pytest

from chatbot.doctor.words import WORDS
from tests.doctor.planted import APACHE, FAULTS, NGINX, RIGHT, WITHOUT_A_FRONT, table, words_table
from tests.server import ROOT

PLANTED = [pytest.param(kind, fault, id=f"{kind} {fault.word}") for kind in FAULTS for fault in FAULTS[kind]]  # fmt: skip


@pytest.mark.parametrize("kind", [NGINX, APACHE])
def test_nothing_is_found_in_the_shipped_configuration(request, kind):
    _, found = request.getfixturevalue(kind)
    seen = found[RIGHT].result()
    assert seen.front == kind
    assert seen.findings == ()


@pytest.mark.parametrize(("kind", "fault"), PLANTED)
def test_a_planted_fault_is_named_with_its_line_and_nothing_else_is(request, kind, fault):
    sites, found = request.getfixturevalue(kind)
    seen = found[fault].result()
    words = {f.word: f for f in seen.findings}
    assert set(words) == {fault.word, *fault.besides}, seen.findings
    if WORDS[fault.word].setting:
        return
    file, _, number = words[fault.word].where.rpartition(":")
    assert file == str(sites.file(fault))
    line = sites.file(fault).read_text().splitlines()[int(number) - 1]
    assert line.strip() and not line.strip().startswith("#")
    if not fault.shown.startswith("no "):
        assert fault.shown.split()[0].rstrip(";") in line


def test_the_table_of_planted_faults_is_the_documents_and_has_every_word():
    text = (ROOT / "docs" / "doctor.md").read_text()
    assert table() in text
    assert words_table() in text
    planted = {f.word for faults in FAULTS.values() for f in faults} | set(WITHOUT_A_FRONT)
    assert planted == set(WORDS)


def test_troubleshooting_speaks_the_doctors_words():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    named = set(re.findall(r"`([\w.-]+)`", text))
    assert set(WORDS) - named <= {"version", "settings", "disk"}
    for symptom in text.split("\n## ")[1:]:
        assert set(re.findall(r"`([\w.-]+)`", symptom)) & set(WORDS), symptom.splitlines()[0]

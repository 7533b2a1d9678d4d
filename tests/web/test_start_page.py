"""What the start page shows of an answer that fails: in its place, in words, and in view."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from chatbot.protocol.error_body import error_body
from chatbot.protocol.sse_encoder import DONE, encode_event
from tests.server import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="needs node")
WORDS = encode_event({"choices": [{"delta": {"content": "It is green."}}]}).decode()
ERROR = error_body("It broke off.", "upstream_error", "stream_incomplete", None)
REFUSED = error_body("This chat has answered all that it may this day. Call us.", "x", "budget_exceeded", None)  # fmt: skip


def shown(status: int, body: str) -> dict:
    """The last answer's bubble, after a question that was answered so."""
    page = Path(__file__).with_name("start_page.mjs")
    command = ["node", str(page), str(ROOT / "static/pages/start.js"), str(status), body]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_whole_answer_is_shown_with_its_times_and_no_mark():
    found = shown(200, WORDS + DONE.decode())
    assert (found["text"], found["className"], found["busy"]) == ("It is green.", "answer", "false")
    assert "The whole answer after" in found["timing"]


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (429, json.dumps(REFUSED), "No answer: This chat has answered all that it may this day. Call us. (budget_exceeded)"),
        (502, json.dumps(ERROR), "No answer: It broke off. (stream_incomplete) Call us."),
        (200, WORDS + encode_event(ERROR).decode(), "It is green.Not the whole answer: It broke off. Call us."),
        (200, WORDS, "It is green.Not the whole answer: The connection was lost before the answer's end. Call us."),
    ],
    ids=["refused", "failed", "an event", "lost"],
)  # fmt: skip
def test_a_failed_answer_says_so_in_its_bubble_and_is_in_view(status, body, text):
    found = shown(status, body)
    assert found["text"] == text
    assert found["className"] == "answer failed"
    assert (found["role"], found["busy"]) == ("alert", "false")
    assert found["seen"] == 1

"""The server that the browsers' tests talk to: gunicorn as it ships, a provider that does what a question says, and bots.

    python -m tests.widget.serve

prints one line of JSON (where it is, the bots' keys) and runs until its standard input ends. A question that begins
with "@" is followed by JSON that scripts its answer:

    {"say": Markdown, "chunk": characters of a delta, "pace": seconds between them, "first": seconds before the first, "whole": before an answer in one piece,
     "citations": […], "finish": a finish_reason, "fault": one of the mock's, "then": the same for the next time}
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from chatbot import cli
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.upstream.mock_faults import FAULTS
from chatbot.upstream.mock_script import Pace, Script, json_script, stream_script
from chatbot.upstream.mock_server import MockServer, script_for
from tests.server import running

BOTS = """
[[bot]]
id = "shop"
name = "Tea shop"
greeting = "Hello! What can I tell you about **our teas**?"
suggestions = ["Which tea has no caffeine?", "How long is the delivery?"]
contact = "Call 02 555 0199."
privacy_url = "https://shop.example/privacy"
theme = { accent = "#0a6b4e", mode = "light" }
model = "mock-instant"
limits = { question_chars = 200000, visitor_requests_per_minute = 100000, address_requests_per_minute = 100000, requests_per_minute = 100000, visitor_tokens_per_day = 1000000000, address_tokens_per_day = 1000000000, tokens_per_day = 1000000000, tokens_per_month = 1000000000 }

[[bot]]
id = "narrow"
name = "Narrow"
contact = "Write to help@shop.example."
model = "mock-instant"
limits = { visitor_requests_per_minute = 1 }
"""
PAGES = ("http://127.0.0.1:*", "http://localhost:*")


class Provider:
    """Answers as the question says; counts how often each was asked."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def __call__(self, method: str, path: str, body: bytes) -> Script:
        question = _question(body)
        if not question.startswith("@"):
            return script_for(method, path, body)
        self.seen[question] = self.seen.get(question, 0) + 1
        told = json.loads(question[1:])
        for _ in range(self.seen[question] - 1):
            told = told.get("then", told)
        return _script(json.loads(body), told)


def _question(body: bytes) -> str:
    try:
        content = json.loads(body)["messages"][-1]["content"]
    except (ValueError, LookupError, TypeError):
        return ""
    return content if isinstance(content, str) else ""


def _script(payload: dict[str, Any], told: dict[str, Any]) -> Script:
    pace = Pace(told.get("first", 0.0), told.get("pace", 0.0), told.get("tokens"))
    if fault := told.get("fault"):
        made = stream_script(payload, pace) if payload.get("stream") else json_script(payload, pace)
        return FAULTS[fault](made, payload, pace)
    return _stream(told) if payload.get("stream") else _whole(told)


def _stream(told: dict[str, Any]) -> Script:
    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return encode_event({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                             "choices": [choice], **more})  # fmt: skip

    more = {"citations": told["citations"]} if "citations" in told else {}
    text, size = told["say"], told.get("chunk", 4)
    steps = [(0.0, event({"role": "assistant", "content": ""}, **more))]
    for at in range(0, len(text), size):
        wait = told.get("pace", 0.0) if at else told.get("first", 0.0)
        steps.append((wait, event({"content": text[at : at + size]})))
    return Script([*steps, (0.0, event({}, told.get("finish", "stop"))), (0.0, DONE)])


def _whole(told: dict[str, Any]) -> Script:
    message = {"role": "assistant", "content": told["say"]}
    choice = {"index": 0, "message": message, "finish_reason": told.get("finish", "stop")}
    body = {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    wait = told.get("whole", told.get("first", 0.0))
    return Script([(wait, json.dumps(body).encode())],
                  headers={"Content-Type": "application/json"})  # fmt: skip


def command(data: Path, *arguments: str) -> str:
    """What `python -m chatbot …` prints for the server whose data are there."""
    os.environ["CHATBOT_DATA_DIR"] = str(data)
    with redirect_stdout(StringIO()) as printed, chdir(data):
        cli.main(arguments, standalone_mode=False)
    return printed.getvalue()


def main() -> None:
    provider = Provider()
    upstream = MockServer(scripts=provider).start()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "bots.toml").write_text(BOTS)
        command(data, "apply", "bots.toml")
        keys = {}
        for bot in ("shop", "narrow"):
            options = [part for page in PAGES for part in ("--origin", page)]
            printed = command(data, "keys", "create", "--bot", bot, *options)
            keys[bot] = re.search(r"pk_[\w-]+", printed)[0]
        with running(
            data, whole=True, OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-test"
        ) as server:
            base = f"http://127.0.0.1:{server.port}"
            print(json.dumps({"base": base, "keys": keys}), flush=True)
            for line in sys.stdin:  # "seen": how often each scripted question was asked
                if line.strip() == "seen":
                    print(json.dumps(provider.seen), flush=True)
    upstream.stop()


if __name__ == "__main__":
    main()

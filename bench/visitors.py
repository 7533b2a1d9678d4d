"""Visitors for the crowd: a publishable key, a page's origin and a session, so that all of it is paid for:
keys, sessions, history, saving. A visitor does not choose the model, so each of the crowd's has a bot of its own.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

from chatbot.core.api_key import PUBLISHABLE, describe, new_text
from chatbot.core.bot import Limits, read_bot
from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore

ORIGIN = "https://shop.example"
_OF_A_PROMPT = ("history_tokens", "facts_tokens", "question_chars")


class Visitors:
    """Keys for the server at `port` whose data lie in `folder`, or in the database at `url`."""

    def __init__(self, folder: Path, port: int, url: str = "") -> None:
        self._database = Database(Secret(url), folder)
        self._port = port
        self._headers: dict[str, str] = {}

    def authorization(self, model: str) -> str:
        """What stands behind "Authorization: Bearer": a key whose bot asks `model`, and the headers of a visit."""
        if model not in self._headers:
            key = self._make(model)
            session = self._first_visit(key)
            self._headers[model] = f"{key}\r\nOrigin: {ORIGIN}\r\nX-Session-ID: {session}"
        return self._headers[model]

    def _make(self, model: str) -> str:
        store, key = DirectoryStore(self._database), new_text(PUBLISHABLE)
        name = model.replace("_", "-")
        # All limits that are on by default stay on, and are never reached.
        limits = {n: 10**12 for n, v in vars(Limits()).items() if v and n not in _OF_A_PROMPT}
        limits["question_chars"] = 1_000_000
        store.save_bot(
            read_bot({"id": name, "model": model, "origins": [ORIGIN], "limits": limits})
        )
        store.add_key(describe(key, bot_id=name))
        return key

    def _first_visit(self, key: str) -> str:
        """A session, once the workers know the key."""
        body = {"messages": [{"role": "user", "content": "Hello"}], "stream": True}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/v1/chat/completions",
            json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {key}",
                "Origin": ORIGIN,
                "Content-Type": "application/json",
            },
        )
        until = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    answer.read()
                    return str(answer.headers["X-Session-ID"])
            except urllib.error.HTTPError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

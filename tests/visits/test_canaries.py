"""Keys and words that must be in no log, no metric and no error, sent through every path, bugs included."""

from __future__ import annotations

import json
import sqlite3

import pytest

from chatbot.core.api_key import describe, new_text
from chatbot.upstream.mock_script import Script
from tests.server import KEY, Client, wait_for
from tests.visits.shop import ORIGIN, QUICK, answer, shop

WORD = "canary-in-a-message"
PROVIDER_KEY = "sk-canary-of-the-provider"
BUGS = """
import chatbot.chat.conversing as conversing
import chatbot.chat.saving as saving
import chatbot.store.writer as writer
opened, ended, written = conversing.Conversing.open, saving.Saving.end, writer.Writer._write

def open_(self, who, asked, text):
    said = str(asked.payload)
    if "bug-before" in said:
        raise RuntimeError(said)
    found = opened(self, who, asked, text)
    if "bug-after" in said:
        def reader():
            raise RuntimeError(said)
        found.saving._progress = reader
    return found

def write(self, items):
    if "bug-in-the-writer" in str(items):
        raise ValueError(str(items))
    return written(self, items)

conversing.Conversing.open = open_
writer.Writer._write = write
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with shop(
        tmp_path_factory.mktemp("canaries"), extra=QUICK + BUGS, OPENAI_API_KEY=PROVIDER_KEY
    ) as found:
        yield found


def provider_that_quotes(status: int) -> Script:
    """A provider whose error repeats what it was sent, key included."""
    body = {"error": {"message": f"{WORD} and {PROVIDER_KEY}", "type": WORD, "code": PROVIDER_KEY}}
    return Script([(0.0, json.dumps(body).encode())], status=status,
                  headers={"Content-Type": "application/json"})  # fmt: skip


def test_they_are_nowhere(place):
    here, scripts = place
    secret = new_text("sk")
    here.store.add_key(describe(secret, scopes=("admin",)))
    told: list[bytes] = []

    def ask(text: str, *, stream: bool = True) -> None:
        with here.visitor() as visit:
            told.append(visit.ask(f"{text} {WORD}", stream=stream).body)

    for stream in (True, False):
        ask("good", stream=stream)
        for status in (401, 404, 429, 500):
            scripts += [provider_that_quotes(status)] * 3
            ask(f"{status}", stream=stream)
            scripts.clear()
        ask("bug-before", stream=stream)
        ask("bug-after", stream=stream)
        ask("bug-in-the-writer", stream=stream)
        scripts.append(
            answer(["Some "], end=True) if not stream else Script([(0.0, b"data: {torn\n\n")])
        )
        ask("torn", stream=stream)
    everything_else(here, secret)
    locked(here, ask)
    log = here.server.log_file.read_text()
    with Client(here.server.port) as client:
        metrics = client.get("/metrics", {"Authorization": f"Bearer {KEY}"}).body.decode()
        ready = client.get("/readyz", {"Authorization": f"Bearer {KEY}"}).body.decode()
    for canary in (WORD, PROVIDER_KEY, secret, here.key, KEY):
        assert canary not in metrics + ready
        assert not [line[:300] for line in log.splitlines() if canary in line]
    for canary in (PROVIDER_KEY, secret, KEY):
        assert canary not in b"".join(told).decode()
    assert '"event":"crash"' in log


def everything_else(here, secret: str) -> None:
    """Other addresses, with words and keys where they belong and where they don't."""
    with here.visitor() as visit:
        visit.ask(f"first {WORD}")
        path = f"/api/v1/conversations/{visit.ids['x-conversation-id']}"
        posts = [
            (path, {"title": WORD}), ("/api/v1/feedback", {"message_id": WORD, "rating": "up", "comment": WORD}),
            ("/api/v1/feedback", {"rating": WORD}), (f"/api/v1/{WORD}", {"x": WORD}),
            ("/v1/embeddings", {"input": WORD}), ("/admin/login", {"key": secret}),
        ]  # fmt: skip
        for where, body in posts:
            with Client(here.server.port) as client:
                client.post(where, json.dumps(body).encode(), visit.headers)
        for key in (secret, "sk_wrong_" + WORD, WORD):
            headers = {"Authorization": f"Bearer {key}", "X-Session-ID": WORD}
            for where in ("/v1/models", f"{path}/export?format={WORD}", f"/v1/models/{WORD}"):
                with Client(here.server.port) as client:
                    client.get(where, headers)
        with Client(here.server.port) as client:
            client.get(f"/api/v1/widget/config?key={secret}", {"Origin": ORIGIN})
        with Client(here.server.port) as client:
            client._send("POST", path, f"{{{WORD}".encode(), visit.headers)
            client.reply()
    for broken in (
        f"GET /{WORD} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\nX {WORD}: {secret}\r\n\r\n",
    ):
        with Client(here.server.port) as client:
            client.sock.sendall(broken.encode())
            client.sock.recv(65536)


def locked(here, ask) -> None:
    """The database is locked, and what is said is spooled and saved later."""
    lock = sqlite3.connect(here.database._file, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    ask("while it is locked")
    wait_for(lambda: "database_away" in here.server.log_file.read_text())
    ask("while it is away")
    lock.rollback()
    lock.close()
    wait_for(lambda: "database_back" in here.server.log_file.read_text())

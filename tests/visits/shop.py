"""A shop on a running server: its store reached as the command line reaches it, its visitors over a socket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatbot.core.api_key import ApiKey, describe, new_text
from chatbot.core.bot import read_bot
from chatbot.core.secret import Secret
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.upstream.mock_script import Script
from chatbot.upstream.mock_server import MockServer
from tests.server import Client, Reply, Server, _children, running, wait_for

ORIGIN = "https://shop.example"
QUICK = "import chatbot.access.directory as directory; directory.LOOK_SECONDS = 0.2\n"


def chunk(text: str, **choice: Any) -> bytes:
    """One event of an answer."""
    delta = {"content": text} if text else {}
    choices = [{"index": 0, "delta": delta, "finish_reason": None, **choice}]
    return encode_event(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": choices,
        }
    )


def answer(words: list[str], *, end: bool = True, pace: float = 0.0) -> Script:
    """A provider's stream of these words; without its end it goes on in silence."""
    steps = [(pace, chunk(word)) for word in words]
    if end:
        steps.append((0.0, chunk("", finish_reason="stop") + DONE))
    return Script(steps, end="close" if end else "open")


class Shop:
    """The server, its provider and its store."""

    def __init__(
        self, server: Server, provider: MockServer, database: Database, *, expect: bool
    ) -> None:
        self.server, self.provider, self.database = server, provider, database
        self.looks = 1 if len(_children(server.process.pid)) == 1 else 30
        self.store = DirectoryStore(database)
        if expect:
            self.key, self.api_key = self.add_bot("shop")

    def add_bot(self, bot_id: str, **values: Any) -> tuple[str, ApiKey]:
        """Make a bot and a key, and wait until the server knows them."""
        text = new_text("pk")
        key = describe(text, bot_id=bot_id)
        self.store.save_bot(read_bot({"id": bot_id, "origins": [ORIGIN], "model": "m", **values}))
        self.store.add_key(key)
        wait_for(lambda: all(self.knows(text) for _ in range(self.looks)))
        return text, key

    def knows(self, key: str) -> bool:
        with Client(self.server.port) as client:
            return client.get(f"/api/v1/widget/config?key={key}", {"Origin": ORIGIN}).status == 200

    def visitor(self, key: str = "") -> Visit:
        return Visit(self, key or self.key)


class Visit:
    """A visitor with one connection. `ids` are those the server gave."""

    def __init__(self, shop: Shop, key: str) -> None:
        self.shop, self.key = shop, key
        self.ids: dict[str, str] = {}
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(self.shop.server.port)
        return self._client

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connection; the next question opens another."""
        if self._client is not None:
            self._client.sock.close()
            self._client = None

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.key}", "Origin": ORIGIN, "Content-Type": "application/json",
            **self.ids,
        }  # fmt: skip

    def send(self, text: str, *, stream: bool = True) -> None:
        body = {"messages": [{"role": "user", "content": text}], "stream": stream}
        self.client._send(
            "POST", "/api/v1/chat/completions", json.dumps(body).encode(), self.headers
        )

    def head(self) -> Reply:
        reply = self.client.head()
        for name in ("x-session-id", "x-conversation-id"):
            if name in reply.as_sent:
                self.ids[name] = reply.as_sent[name]
        return reply

    def ask(self, text: str, *, stream: bool = True) -> Reply:
        self.send(text, stream=stream)
        reply = self.head()
        with contextlib.suppress(ConnectionError):
            self.client._body(reply)
        return reply

    def ask_once(self, text: str) -> Reply:
        """Ask, and close the connection."""
        with self:
            return self.ask(text)

    def until(self, text: str) -> None:
        """Read the stream up to these words, in however many pieces they come."""
        read = ""
        while text not in read:
            piece = self.client.piece().decode()
            assert piece, read
            read += piece

    def get(self, path: str) -> Reply:
        """A call below `/api/v1`, on a connection of its own."""
        with Client(self.shop.server.port) as client:
            return client.get(f"/api/v1{path}", self.headers)

    def answers(self) -> list[dict[str, Any]]:
        """The answers of the present conversation."""
        reply = self.get(f"/conversations/{self.ids['x-conversation-id']}")
        said = reply.json["messages"] if reply.status == 200 else []
        assert said, (reply.status, reply.body)
        return [m for m in said if m["role"] == "assistant"]


@contextlib.contextmanager
def shop(
    folder: Path, database_url: str = "", *, expect: bool = True, extra: str = QUICK, **environ: Any
) -> Iterator[tuple[Shop, list[Script]]]:
    """A running shop, and the queue of what its provider answers; with an empty queue "Good day.".

    `expect`: it has its database, and a bot is made. With `QUICK` new keys are known sooner than they are by default.
    """
    scripts: list[Script] = []
    provider = MockServer(
        scripts=lambda *_: scripts.pop(0) if scripts else answer(["Good ", "day."])
    ).start()
    if database_url:
        environ["CHATBOT_DATABASE_URL"] = database_url
    with running(folder, OPENAI_BASE_URL=provider.base_url, extra=extra, **environ) as server:
        database = Database(Secret(database_url), folder)
        try:
            yield Shop(server, provider, database, expect=expect), scripts
        finally:
            database.close()
            provider.stop()

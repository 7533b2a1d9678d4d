"""A visitor of a page, as the widget will be one: a publishable key, the page's origin, and the ids it was given."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chatbot.core.api_key import PUBLISHABLE, describe, new_text
from chatbot.core.bot import read_bot
from chatbot.store.directory import DirectoryStore

ORIGIN = "https://shop.example"


def add_bot(app: Flask, bot_id: str, **values: Any) -> str:
    """Make a bot and a publishable key for it; the key."""
    services = app.extensions["chatbot"]
    store, text = DirectoryStore(services.database), new_text(PUBLISHABLE)
    store.save_bot(read_bot({"id": bot_id, "origins": [ORIGIN], "model": "mock-instant", **values}))
    store.add_key(describe(text, bot_id=bot_id))
    services.directory.look()
    return text


class Visitor:
    """One visitor. Keeps the ids that the server gives, and sends them."""

    def __init__(
        self, client: FlaskClient, key: str, origin: str = ORIGIN, token: str = ""
    ) -> None:
        self.client, self.key, self.origin, self.token = client, key, origin, token
        self.session = self.conversation = ""

    @property
    def headers(self) -> dict[str, str]:
        sent = {
            "Authorization": f"Bearer {self.key}",
            "Origin": self.origin,
            "X-Session-ID": self.session,
            "X-Conversation-ID": self.conversation,
            "X-Visitor-Token": self.token,
        }
        return {name: value for name, value in sent.items() if value}

    def ask(self, text: str, **fields: Any) -> TestResponse:
        """Ask a question, not streamed where nothing else is said."""
        body = {"messages": [{"role": "user", "content": text}], **fields}
        reply = self.client.post(
            "/api/v1/chat/completions", json=body, headers=self.headers, buffered=True
        )
        self.session = reply.headers.get("X-Session-ID", self.session)
        self.conversation = reply.headers.get("X-Conversation-ID", self.conversation)
        return reply

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any other call below `/api/v1`."""
        return self.client.open(f"/api/v1{path}", method=method, headers=self.headers, **options)

    def conversations(self) -> list[dict[str, Any]]:
        """The visitor's list."""
        return self.call("GET", "/conversations").json["data"]

    def messages(self) -> list[dict[str, Any]]:
        """What was said in the present conversation."""
        return self.call("GET", f"/conversations/{self.conversation}").json["messages"]

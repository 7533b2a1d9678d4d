"""Turns as they are saved: a question, an answer that grows and ends; and what is in the tables afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

from sqlalchemy import Connection, select

from chatbot.store.conversations import Scope
from chatbot.store.database import Database
from chatbot.store.saved import ANSWER_FIELDS, Begin, Change, Saved, gather
from chatbot.store.tables import conversations, feedback, forgotten, messages

HERS = Scope("shop", "ses_ada")
ANY = Scope(None, None)
START = 1_700_000_000.0
_numbers = count(1)


class Talk:
    """One conversation. Each of its items is a moment younger than the one before."""

    def __init__(self, scope: Scope = HERS, *, lasts: float = 86400.0, at: float = 0.0) -> None:
        self.id = f"{next(_numbers):032x}"
        self._times: Iterator[float] = count(at or time.time(), 0.001)
        self._answers = count(1)
        born = next(self._times)
        self.row = {
            "id": self.id, "bot_id": scope.bot_id, "owner": scope.owner, "title": "Tea",
            "created_at": born, "updated_at": born, "expires_at": born + lasts,
        }  # fmt: skip

    def later(self, seconds: float) -> None:
        """What is said from now on is said so much later."""
        self._times = count(next(self._times) + seconds, 0.001)

    def begin(self, question: str = "Which tea?", *, new: bool | None = None) -> Begin:
        """A turn begins; the first one begins the conversation."""
        number, at = next(self._answers), next(self._times)
        row = {
            "conversation_id": self.id, "turn": int(at * 1_000_000), "created_at": at,
            "request_id": "req_1", **_values("", "whole", at),
        }  # fmt: skip
        name = f"{self.id}_{number}"
        asked = {**row, "id": f"q{name}", "role": "user", "content": question}
        answer = {**row, "id": f"a{name}", "role": "assistant", "state": "running"}
        return Begin(self.row, asked, answer, number == 1 if new is None else new)

    def grow(self, begun: Begin, text: str) -> Change:
        return self._change(begun, text, "running")

    def end(self, begun: Begin, text: str, state: str = "whole", **values: Any) -> Change:
        return self._change(begun, text, state, **values)

    def turn(self, question: str = "Which tea?", answer: str = "Green.") -> list[Saved]:
        """A whole turn."""
        begun = self.begin(question)
        return [begun, self.end(begun, answer)]

    def _change(self, begun: Begin, text: str, state: str, **values: Any) -> Change:
        values = {**_values(text, state, next(self._times)), **values}
        return Change(str(begun.answer["id"]), self.id, values)


def _values(text: str, state: str, at: float) -> dict[str, Any]:
    return {
        **dict.fromkeys(ANSWER_FIELDS), "content": text, "state": state, "model": "m", "provider": "p",
        "code": "", "updated_at": at,
    }  # fmt: skip


def save(database: Database, items: list[Saved]) -> None:
    """Save items in one transaction."""
    database.run(gather(items).write, write=True)


def saved_talk(database: Database, *turns: tuple[str, str], **options: Any) -> Talk:
    """A conversation in the database, of these questions and answers."""
    talk = Talk(**options)
    for question, answer in turns or (("Which tea?", "Green."),):
        save(database, talk.turn(question, answer))
    return talk


def rows(database: Database, *talks: Talk) -> dict[str, list[dict[str, Any]]]:
    """All there is of these conversations (of none: all there is), table by table."""
    ids = [talk.id for talk in talks]

    def read(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table, key in (
            (conversations, conversations.c.id),
            (messages, messages.c.conversation_id),
            (feedback, None),
            (forgotten, forgotten.c.conversation_id),
        ):
            asked = select(table).order_by(*table.primary_key)
            if ids and key is not None:
                asked = asked.where(key.in_(ids))
            found[table.name] = [dict(row._mapping) for row in connection.execute(asked)]
        return found

    return database.run(read)


def said(database: Database, talk: Talk) -> list[tuple[str, str, str]]:
    """Who said what in a conversation, and how it ended."""
    found = sorted(rows(database, talk)["messages"], key=lambda r: (r["turn"], r["role"] != "user"))
    return [(r["role"], r["content"], r["state"]) for r in found]

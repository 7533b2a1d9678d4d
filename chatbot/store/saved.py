"""What is to be saved of a turn: its begin, its growth, its end. Each can be done twice and harms nothing.

A turn that began and ended within one batch is written once, as it is at its end. An answer that has ended
is never changed again, so a growth that comes late (from a spool) is lost on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chatbot.store.tables import conversations, forgotten, messages

ANSWER_FIELDS = (
    "content", "state", "model", "provider", "code", "input_tokens", "output_tokens",
    "first_token_seconds", "total_seconds", "sources", "updated_at",
)  # fmt: skip
"""What changes of an answer after its begin."""


@dataclass(frozen=True)
class Begin:
    """A turn begins: rows of the conversation, the question and the answer. `new`: so does the conversation."""

    conversation: Mapping[str, Any]
    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    new: bool


@dataclass(frozen=True)
class Change:
    """An answer has grown or ended: `values` of all `ANSWER_FIELDS`."""

    answer_id: str
    conversation_id: str
    values: Mapping[str, Any]


Saved = Begin | Change


def as_dict(item: Saved) -> dict[str, Any]:
    """The item as JSON holds it; `from_dict` reads it back."""
    return {"kind": type(item).__name__, **vars(item)}


def from_dict(values: Mapping[str, Any]) -> Saved:
    """See `as_dict`. Raises `ValueError`, `KeyError` or `TypeError` for what is none."""
    rest = {k: v for k, v in values.items() if k != "kind"}
    return Begin(**rest) if values["kind"] == "Begin" else Change(**rest)


def conversation_of(item: Saved) -> str:
    """The conversation that an item belongs to."""
    return item.conversation_id if isinstance(item, Change) else str(item.conversation["id"])


@dataclass
class Batch:
    """Many items as few statements."""

    begins: dict[str, Begin] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)

    def write(self, connection: Connection) -> None:
        """Write all. What belongs to a conversation that is gone is left out."""
        born = [dict(b.conversation) for b in self.begins.values() if b.new]
        insert_new(connection, conversations, born)
        kept = self._still_there(connection)
        rows = [
            dict(row)
            for b in self.begins.values()
            if b.conversation["id"] in kept
            for row in (b.question, b.answer)
        ]
        insert_new(connection, messages, rows)
        if self.changes:
            connection.execute(_CHANGE, [_bound(c) for c in self.changes.values()])
        self._touch(connection, {row["id"] for row in born})

    def _still_there(self, connection: Connection) -> set[str]:
        wanted = {str(b.conversation["id"]) for b in self.begins.values()}
        if not wanted:
            return wanted
        asked = select(conversations.c.id).where(conversations.c.id.in_(wanted))
        # Nobody deletes one of them before the messages are in.
        rows = connection.execute(asked.with_for_update(read=True, key_share=True))
        return {row.id for row in rows}

    def _touch(self, connection: Connection, born: set[str]) -> None:
        times = {str(b.conversation["id"]): b.answer["updated_at"] for b in self.begins.values()}
        times |= {c.conversation_id: c.values["updated_at"] for c in self.changes.values()}
        old = [{"b_id": key, "b_at": at} for key, at in times.items() if key not in born]
        if old:
            connection.execute(_TOUCH, old)


def gather(items: Iterable[Saved]) -> Batch:
    """Items in their order as one batch: what changed within it is written once."""
    batch = Batch()
    for item in items:
        if isinstance(item, Begin):
            batch.begins[str(item.answer["id"])] = item
            continue
        begun = batch.begins.get(item.answer_id)
        if begun is None:
            batch.changes[item.answer_id] = item
        else:
            answer = {**begun.answer, **item.values}
            batch.begins[item.answer_id] = Begin(
                begun.conversation, begun.question, answer, begun.new
            )
    return batch


def leave_out_forgotten(connection: Connection, items: list[Saved]) -> list[Saved]:
    """The items of conversations that nobody has deleted since they were spooled."""
    wanted = {conversation_of(item) for item in items}
    asked = select(forgotten.c.conversation_id).where(forgotten.c.conversation_id.in_(wanted))
    gone = {row.conversation_id for row in connection.execute(asked)}
    return [item for item in items if conversation_of(item) not in gone]


_CHANGE = (
    update(messages)
    .where(
        messages.c.id == bindparam("b_id"),
        or_(messages.c.state == "running", messages.c.state == "interrupted"),
    )
    .values({name: bindparam(f"b_{name}") for name in ANSWER_FIELDS})
)
_TOUCH = (
    update(conversations)
    .where(conversations.c.id == bindparam("b_id"))
    .values(updated_at=bindparam("b_at"))
)
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_NEW = {
    (dialect, table.name): statement(table).on_conflict_do_nothing()
    for dialect, statement in _INSERT.items()
    for table in (conversations, messages, forgotten)
}


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        connection.execute(_NEW[connection.dialect.name, table.name], rows)


def _bound(change: Change) -> dict[str, Any]:
    return {"b_id": change.answer_id} | {f"b_{n}": change.values[n] for n in ANSWER_FIELDS}

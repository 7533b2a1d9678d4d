"""What is to be saved of a turn: its begin, its growth, its end. Each can be done twice and harms nothing.

A turn that began and ended within one batch is written once, as it is at its end. An answer that has ended
is never changed again, so a growth that comes late (from a spool) is lost on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    String,
    Table,
    Update,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    not_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from chatbot.store.tables import charges, conversations, feedback, forgotten, messages, meta

ANSWER_FIELDS = (
    "content", "state", "model", "provider", "code", "input_tokens", "output_tokens",
    "first_token_seconds", "total_seconds", "sources", "updated_at",
)  # fmt: skip
"""What changes of an answer after its begin."""
_AT_ONCE = 16
"""Rows that SQLite inserts by one statement. For each statement its driver gives up the interpreter's lock, and has to get it
back from the streams."""
_OPEN = ("running", "interrupted")
"""An answer that has not ended, as far as is known."""


class Begin(NamedTuple):
    """A turn begins: rows of the conversation, the question and the answer. `new`: so does the conversation."""

    conversation: Mapping[str, Any]
    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    new: bool


class Change(NamedTuple):
    """An answer has grown or ended: `values` of all `ANSWER_FIELDS`."""

    answer_id: str
    conversation_id: str
    values: Mapping[str, Any]


class Replace(NamedTuple):
    """A turn has taken the place of others: of those from turn `first` up to `until`, its own."""

    conversation_id: str
    first: int
    until: int
    at: float


class Charge(NamedTuple):
    """What a question has cost: a row of `charges`."""

    row: Mapping[str, Any]


Prepare = Callable[[Mapping[str, Any]], Any]
Saved = Begin | Change | Replace | Charge
_KINDS: Mapping[str, type[Saved]] = {
    kind.__name__: kind for kind in (Begin, Change, Replace, Charge)
}


def as_dict(item: Saved) -> dict[str, Any]:
    """The item as JSON holds it; `from_dict` reads it back."""
    return {"kind": type(item).__name__, **item._asdict()}


def from_dict(values: Mapping[str, Any]) -> Saved:
    """See `as_dict`. Raises `ValueError`, `KeyError` or `TypeError` for what is none."""
    rest = {k: v for k, v in values.items() if k != "kind"}
    return _KINDS[values["kind"]](**rest)


def conversation_of(item: Saved) -> str:
    """The conversation that an item belongs to; empty for what belongs to none."""
    if isinstance(item, Charge):
        return ""
    return str(item.conversation["id"]) if isinstance(item, Begin) else item.conversation_id


@dataclass
class Batch:
    """Many items as few statements."""

    begins: dict[str, Begin] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    replaced: list[Replace] = field(default_factory=list)
    charged: list[dict[str, Any]] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """Write all. What belongs to a conversation that is gone is left out."""
        insert_new(connection, charges, self.charged)
        if self.begins or self.changes or self.replaced:
            self._write_turns(connection)

    def _write_turns(self, connection: Connection) -> None:
        times = self._times()
        born = {str(b.conversation["id"]): b.conversation for b in self.begins.values() if b.new}
        fresh = [{**born[key], "updated_at": times[key]} for key in sorted(born)]
        # Nothing of these can be there, where none of them was: their messages need not be looked for.
        new = born.keys() if insert_new(connection, conversations, fresh) == len(fresh) else set()
        kept = _hold(connection, times)
        _forget_again(connection, born.keys() - kept)
        begins = {k: b for k, b in self.begins.items() if b.conversation["id"] in kept}
        changes = {k: c for k, c in self.changes.items() if c.conversation_id in kept}
        both = begins.keys() & changes.keys()
        known = _known(connection, {k for k in both if changes[k].conversation_id not in new})
        insert_new(connection, messages, [row for b in begins.values() for row in self._rows(b)])
        late = [_bound(c) for k, c in changes.items() if k in known or k not in begins]
        _CHANGE.run(connection, late)
        for done in self.replaced:
            if done.conversation_id in kept:
                _remove(connection, done)
        _TOUCH.run(connection, [{"b_id": k, "b_at": times[k]} for k in sorted(kept - new)])

    def _rows(self, begun: Begin) -> tuple[dict[str, Any], ...]:
        """The question, and the answer as it is at the batch's end."""
        change = self.changes.get(str(begun.answer["id"]))
        return dict(begun.question), {**begun.answer, **(change.values if change else {})}

    def _times(self) -> dict[str, float]:
        """The newest time of each conversation."""
        times: dict[str, float] = {}
        at = [(str(b.conversation["id"]), b.answer["updated_at"]) for b in self.begins.values()]
        at += [(c.conversation_id, c.values["updated_at"]) for c in self.changes.values()]
        at += [(r.conversation_id, r.at) for r in self.replaced]
        for key, time in at:
            times[key] = max(time, times.get(key, time))
        return times


def gather(items: Iterable[Saved]) -> Batch:
    """Items in their order as one batch: what changed within it is written once."""
    batch = Batch()
    for item in items:
        if isinstance(item, Charge):
            batch.charged.append(dict(item.row))
            continue
        if isinstance(item, Replace):
            batch.replaced.append(item)
            continue
        if isinstance(item, Begin):
            batch.begins.setdefault(str(item.answer["id"]), item)
            continue
        before = batch.changes.get(item.answer_id)
        if before is None or before.values["state"] in _OPEN:
            batch.changes[item.answer_id] = item
    return batch


def _hold(connection: Connection, wanted: Iterable[str]) -> set[str]:
    """Those of these conversations that are there, and were never forgotten.

    Nobody else changes or deletes one of them from now on; and who holds several takes them in this order, else
    two could wait for each other.
    """
    gone = exists().where(forgotten.c.conversation_id == conversations.c.id)
    asked = select(conversations.c.id).where(_among(connection, conversations.c.id), not_(gone))
    held = asked.order_by(conversations.c.id).with_for_update(key_share=True)
    return {row.id for row in connection.execute(held, {"ids": _listed(connection, wanted)})}


def _among(connection: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
    """That it is one of the list `ids`: one parameter, where `in_` makes the statement anew for each length of it."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam("ids", type_=ARRAY(String)))
    return column.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))


def _listed(connection: Connection, ids: Iterable[str]) -> str | list[str]:
    return list(ids) if connection.dialect.name == "postgresql" else json.dumps(list(ids))


def _forget_again(connection: Connection, ids: Set[str]) -> None:
    """What was forgotten between its begin and now does not come back, from a spool or otherwise."""
    if ids:
        connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))


def _remove(connection: Connection, done: Replace) -> None:
    """Turns whose place another has taken, with what was thought of them."""
    theirs = messages.c.turn >= done.first, messages.c.turn < done.until
    old = select(messages.c.id).where(messages.c.conversation_id == done.conversation_id, *theirs)
    connection.execute(delete(feedback).where(feedback.c.message_id.in_(old)))
    connection.execute(delete(messages).where(messages.c.id.in_(old)))


def _known(connection: Connection, answers: Set[str]) -> set[str]:
    """Those of these answers that are there already: their begin is done again, and only their change is new."""
    if not answers:
        return set()
    asked = select(messages.c.id).where(_among(connection, messages.c.id))
    return {row.id for row in connection.execute(asked, {"ids": _listed(connection, answers)})}


class _Many:
    """A statement for many rows, made once and given to the driver: SQLAlchemy's own way costs as much again as SQLite's work.

    `made` makes it for a kind of database. Each row has to have all of its parameters.
    """

    def __init__(self, made: Callable[[str], Insert | Update]) -> None:
        self._made = made
        self._compiled: dict[str, tuple[str, Prepare]] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """How many rows it has changed. Nothing is asked for no rows."""
        if not rows:
            return 0
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = _compiled(self._made(dialect.name), dialect)
        text, prepare = self._compiled[dialect.name]
        given = [prepare(row) for row in rows]
        if dialect.name != "sqlite" or " VALUES " not in text:
            return connection.exec_driver_sql(text, given).rowcount
        whole = len(given) - len(given) % _AT_ONCE
        blocks = [tuple(chain(*given[at : at + _AT_ONCE])) for at in range(0, whole, _AT_ONCE)]
        parts = (_widened(text), blocks), (text, given[whole:])
        return sum(connection.exec_driver_sql(t, rest).rowcount for t, rest in parts if rest)


@lru_cache(maxsize=16)
def _widened(text: str) -> str:
    """An insertion of one row as one of `_AT_ONCE`."""
    row = text[text.index(" VALUES ") + len(" VALUES ") :].partition(")")[0] + ")"
    return text.replace(row, ", ".join([row] * _AT_ONCE))


def _compiled(statement: Insert | Update, dialect: Dialect) -> tuple[str, Prepare]:
    """The text, and what makes the driver's parameters of a row."""
    compiled: Any = statement.compile(dialect=dialect)
    by_place: list[str] | None = compiled.positiontup
    names = by_place or list(compiled.params)
    # With what each makes of nothing, which most of them are given.
    processors = {name: (make, make(None)) for name, make in compiled._bind_processors.items()}
    changed = [(place, *processors[name]) for place, name in enumerate(names) if name in processors]

    def prepare(row: Mapping[str, Any]) -> Any:
        values = [row[name] for name in names]
        for place, make, of_nothing in changed:
            value = values[place]
            values[place] = of_nothing if value is None else make(value)
        return tuple(values) if by_place else dict(zip(names, values, strict=True))

    return str(compiled), prepare


_CHANGE = _Many(
    lambda _: (
        update(messages)
        .where(
            messages.c.id == bindparam("b_id"),
            messages.c.state.in_([literal_column(f"'{state}'") for state in _OPEN]),
        )
        .values({name: bindparam(f"b_{name}") for name in ANSWER_FIELDS})
    )
)
_TOUCH = _Many(
    lambda _: (
        update(conversations)
        .where(
            conversations.c.id == bindparam("b_id"), conversations.c.updated_at < bindparam("b_at")
        )
        .values(updated_at=bindparam("b_at"))
    )
)
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _new(table: Table) -> _Many:
    return _Many(lambda kind: _INSERT[kind](table).on_conflict_do_nothing())


_NEW = {table.name: _new(table) for table in (conversations, messages, forgotten, meta, charges)}


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows that are not there yet; how many."""
    return _NEW[table.name].run(connection, rows)


def _bound(change: Change) -> dict[str, Any]:
    return {"b_id": change.answer_id} | {f"b_{n}": change.values[n] for n in ANSWER_FIELDS}

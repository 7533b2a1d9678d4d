"""What was spent, by day, bot, key and model: the ledger behind budgets, and what an owner is billed by.

Each question is a row at first, under its request's id, so that one that is saved twice counts once. Rows of days that are
past are added up, so that a month is read in no time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, not_, select, update

from chatbot.store.database import Database
from chatbot.store.tables import charges

_SUM = "sum_"
_AT_ONCE = 5000
_SETTLED_DAYS = 3
"""A question of an older day is saved no more, not even from a spool that was forgotten over a weekend."""


class Used(NamedTuple):
    """What a bot, a key and a model have used."""

    bot_id: str
    key_id: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int

    @property
    def tokens(self) -> int:
        """Of both kinds."""
        return self.input_tokens + self.output_tokens


class UsageStore:
    """Reads the ledger. Each method raises `StoreAway` where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def used(self, days: str, bot_id: str | None = None) -> list[Used]:
        """What was used in a day ("2026-11-27") or a month ("2026-11"), of one bot or of all."""
        c = charges.c
        sums = [func.sum(x) for x in (c.requests, c.input_tokens, c.output_tokens)]
        asked = select(c.bot_id, c.key_id, c.model, *sums).where(c.day.like(f"{days}%"))
        if bot_id is not None:
            asked = asked.where(c.bot_id == bot_id)
        asked = asked.group_by(c.bot_id, c.key_id, c.model).order_by(c.bot_id, c.key_id, c.model)
        rows = self._database.run(lambda connection: connection.execute(asked).all())
        return [Used(*row[:3], *(int(value) for value in row[3:])) for row in rows]

    def roll_up(self, now: datetime | None = None) -> int:
        """Add up the rows of days that are past; how many."""
        before = ((now or datetime.now(UTC)) - timedelta(days=_SETTLED_DAYS)).strftime("%Y-%m-%d")
        done = 0
        while count := self._database.run(lambda c: _roll_up(c, before), write=True):
            done += count
        return done


def _roll_up(connection: Connection, before: str) -> int:
    c = charges.c
    some = select(c.id).where(c.day < before, not_(c.id.like(f"{_SUM}%"))).limit(_AT_ONCE)
    # Deleted first: what two take at once, one of them gets.
    gone = connection.execute(delete(charges).where(c.id.in_(some)).returning(charges))
    rows = [dict(row) for row in gone.mappings()]
    for row in _sums(rows):
        added = {n: c[n] + row[n] for n in _NUMBERS}
        if not connection.execute(update(charges).where(c.id == row["id"]).values(added)).rowcount:
            connection.execute(insert(charges).values(row))
    return len(rows)


_NAMES = ("day", "bot_id", "key_id", "model")
_NUMBERS = ("requests", "input_tokens", "output_tokens")


def _sums(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each day, bot, key and model, in an order in which nobody waits for each other."""
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        counter = sums.setdefault(tuple(row[n] for n in _NAMES), Counter())
        counter.update({n: row[n] for n in _NUMBERS})
    return [
        {"id": _SUM + _digest(names), **dict(zip(_NAMES, names, strict=True)), **counter}
        for names, counter in sorted(sums.items())
    ]


def _digest(names: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:36]

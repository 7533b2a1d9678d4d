"""Bots and keys in the database. Each change raises one number, which is all that the workers look at."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from chatbot.core.api_key import ApiKey
from chatbot.core.bot import Bot, BotError, read_bot
from chatbot.core.logging import log
from chatbot.store.conversations import forget_conversations
from chatbot.store.database import Database
from chatbot.store.saved import insert_new
from chatbot.store.tables import api_keys, bots, conversations, meta, stops

_NUMBER = "directory"


@dataclass(frozen=True)
class Contents:
    """All bots and keys at one moment, what is stopped then, and the number of that moment."""

    number: int
    bots: tuple[Bot, ...]
    keys: tuple[ApiKey, ...]
    stops: tuple[tuple[str, str], ...] = ()


class DirectoryStore:
    """Reads and changes bots and keys. Each method raises `StoreAway` where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def number(self) -> int:
        """What grows with each change."""
        return self._database.run(_number)

    def contents(self) -> Contents:
        """All bots and keys."""

        def read(connection: Connection) -> Contents:
            number = _number(connection)  # first: what changes meanwhile is read again
            rows = connection.execute(select(bots.c.settings).order_by(bots.c.id))
            found = tuple(bot for row in rows if (bot := _bot(row.settings)) is not None)
            keys = connection.execute(select(api_keys).order_by(api_keys.c.created_at))
            stopped = connection.execute(select(stops.c.what, stops.c.message))
            return Contents(
                number, found, tuple(_key(row) for row in keys), tuple((w, m) for w, m in stopped)
            )

        return self._database.run(read)

    def save_bot(self, bot: Bot) -> None:
        """Make the bot, or replace the one of its id."""

        def save(connection: Connection) -> None:
            _hold(connection)
            values = {"settings": bot.as_dict(), "updated_at": time.time()}
            done = connection.execute(update(bots).where(bots.c.id == bot.id).values(values))
            if not done.rowcount:
                connection.execute(insert(bots).values(id=bot.id, created_at=time.time(), **values))
            _count_up(connection)

        self._database.run(save, write=True)

    def delete_bot(self, bot_id: str) -> bool:
        """Delete the bot, its keys and its conversations; whether there was one."""

        def drop(connection: Connection) -> bool:
            _hold(connection)
            found = connection.execute(delete(bots).where(bots.c.id == bot_id)).rowcount
            connection.execute(delete(api_keys).where(api_keys.c.bot_id == bot_id))
            theirs = select(conversations.c.id).where(conversations.c.bot_id == bot_id)
            forget_conversations(connection, theirs)
            _count_up(connection)
            return bool(found)

        done = self._database.run(drop, write=True)
        self._database.wipe()
        return done

    def stop(self, what: str, message: str) -> None:
        """Stop `all`, `bot:<id>` or `provider:<name>`, with a message for whoever asks."""

        def change(connection: Connection) -> None:
            _hold(connection)
            connection.execute(delete(stops).where(stops.c.what == what))
            connection.execute(
                insert(stops).values(what=what, message=message, stopped_at=time.time())
            )
            _count_up(connection)

        self._database.run(change, write=True)

    def stopped(self) -> list[tuple[str, str, float]]:
        """What is stopped, the message, and since when, the oldest first."""
        asked = select(stops.c.what, stops.c.message, stops.c.stopped_at).order_by(
            stops.c.stopped_at
        )
        return [(w, m, at) for w, m, at in self._database.run(lambda c: c.execute(asked).all())]

    def resume(self, what: str) -> bool:
        """Take a stop back; whether there was one."""

        def change(connection: Connection) -> bool:
            _hold(connection)
            done = connection.execute(delete(stops).where(stops.c.what == what)).rowcount
            _count_up(connection)
            return bool(done)

        return self._database.run(change, write=True)

    def add_key(self, key: ApiKey) -> bool:
        """Keep a key; False where it is kept already, be it revoked."""

        def add(connection: Connection) -> bool:
            _hold(connection)
            known = select(api_keys.c.id).where(api_keys.c.digest == key.digest)
            if connection.execute(known).first():
                return False
            connection.execute(insert(api_keys).values(_row(key)))
            _count_up(connection)
            return True

        return self._database.run(add, write=True)

    def end_key(self, key_id: str, *, at: float) -> bool:
        """Revoke a key from now on, noted with a time; whether there is such a key."""
        return self._set(key_id, revoked_at=at)

    def expire_key(self, key_id: str, *, at: float) -> bool:
        """Let a key end at a time; whether there is such a key."""
        return self._set(key_id, expires_at=at)

    def _set(self, key_id: str, **values: float) -> bool:
        def change(connection: Connection) -> bool:
            _hold(connection)
            this = update(api_keys).where(api_keys.c.id == key_id)
            done = connection.execute(this.values(values)).rowcount
            _count_up(connection)
            return bool(done)

        return self._database.run(change, write=True)

    def begin(self, bot: Bot, keys: tuple[ApiKey, ...]) -> bool:
        """Keep the first bot and keys, where there has never been one; whether it was done."""

        def first(connection: Connection) -> bool:
            _hold(connection)
            if _number(connection):
                return False
            now = time.time()
            connection.execute(
                insert(bots).values(
                    id=bot.id, settings=bot.as_dict(), created_at=now, updated_at=now
                )
            )
            connection.execute(insert(api_keys), [_row(key) for key in keys])
            _count_up(connection)
            return True

        return self._database.run(first, write=True)


def _number(connection: Connection) -> int:
    found = connection.execute(select(meta.c.value).where(meta.c.name == _NUMBER)).scalar()
    return int(found or 0)


def _hold(connection: Connection) -> None:
    """Nobody else changes anything until this transaction ends."""
    insert_new(connection, meta, [{"name": _NUMBER, "value": 0}])
    connection.execute(select(meta.c.value).where(meta.c.name == _NUMBER).with_for_update())


def _count_up(connection: Connection) -> None:
    this = update(meta).where(meta.c.name == _NUMBER)
    connection.execute(this.values(value=meta.c.value + 1))


def _bot(settings: Any) -> Bot | None:
    """A bot that is read; one that can't be (a newer version wrote it) is left out, and takes no other along."""
    try:
        return read_bot(settings)
    except (BotError, AttributeError) as error:
        log("bot_unreadable", level=logging.ERROR, reason=type(error).__name__)
        return None


def _row(key: ApiKey) -> dict[str, Any]:
    lists = {"scopes": list(key.scopes), "origins": list(key.origins), "limits": dict(key.limits)}
    return {**vars(key), **lists}


def _key(row: Any) -> ApiKey:
    values = dict(row._mapping)
    lists = {name: tuple(values[name]) for name in ("scopes", "origins")}
    return ApiKey(**{**values, **lists, "limits": tuple((values["limits"] or {}).items())})


def count_conversations(database: Database, bot_id: str) -> int:
    """How many conversations a bot has."""
    asked = select(func.count()).select_from(conversations).where(conversations.c.bot_id == bot_id)
    return database.run(lambda connection: int(connection.execute(asked).scalar() or 0))

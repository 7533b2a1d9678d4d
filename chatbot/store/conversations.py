"""Conversations in the database. Nobody gets a row without saying whose it is.

Each method takes a `Scope`, and each statement carries its condition: who asks for what is somebody else's
finds nothing, whatever a view forgot to check.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    select,
    true,
    update,
)

from chatbot.store.database import Database
from chatbot.store.saved import insert_new
from chatbot.store.tables import bots, conversations, feedback, forgotten, messages

STALE_SECONDS = 60.0
"""An answer under way that nobody has saved for so long has lost its process."""
_HISTORY_ROWS = 80
_HISTORY = tuple(messages.c[n] for n in ("id", "role", "content", "state", "turn", "updated_at"))
_FORGOTTEN_DAYS = 30
_AT_ONCE = 500


@dataclass(frozen=True)
class Scope:
    """Whose conversations: of one bot and one owner. None stands for any, for who may see all."""

    bot_id: str | None
    owner: str | None

    def condition(self) -> ColumnElement[bool]:
        """The condition on `conversations`; those that are past their time too."""
        parts: list[ColumnElement[bool]] = [true()]
        if self.bot_id is not None:
            parts.append(conversations.c.bot_id == self.bot_id)
        if self.owner is not None:
            parts.append(conversations.c.owner == self.owner)
        return and_(*parts)

    def living(self) -> ColumnElement[bool]:
        """The same, for those that are not past their time: they are shown no longer, and soon swept."""
        return and_(self.condition(), conversations.c.expires_at > time.time())


@dataclass(frozen=True)
class Conversation:
    """One conversation; `messages` in their order, each with all its columns and its `rating`."""

    id: str
    bot_id: str
    owner: str
    title: str
    created_at: float
    updated_at: float
    expires_at: float
    messages: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Receipt:
    """What a deletion removed, and what is left of it, counted after it in the same transaction."""

    conversations: int = 0
    messages: int = 0
    feedback: int = 0
    remaining: int = 0


@dataclass(frozen=True)
class Turns:
    """What has been said so far: (role, content, state), the oldest first; `running` where an answer is.

    `newest` is the number of the newest turn; `places` has each message's id and turn, in the same order.
    """

    messages: tuple[tuple[str, str, str], ...] = ()
    running: bool = False
    newest: int = 0
    places: tuple[tuple[str, int], ...] = ()

    def turn_of(self, message_id: object) -> int | None:
        """The turn of a message; None where there is none of that id."""
        return next((turn for known, turn in self.places if known == message_id), None)

    def before(self, turn: int | None) -> tuple[tuple[str, str, str], ...]:
        """What was said before a turn; all of it for None."""
        if turn is None:
            return self.messages
        return self.messages[: sum(at < turn for _, at in self.places)]


class ConversationStore:
    """Each method raises `StoreAway` where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def history(self, scope: Scope, conversation_id: str) -> Turns | None:
        """The newest messages of a conversation; None where there is none of this scope."""

        def read(connection: Connection) -> Turns | None:
            asked = (
                select(*_HISTORY)
                .select_from(conversations.outerjoin(messages))
                .where(conversations.c.id == conversation_id, scope.living())
                .order_by(messages.c.turn.desc(), messages.c.role)
                .limit(_HISTORY_ROWS)
            )
            rows = connection.execute(asked).all()
            if not rows:
                return None
            since = time.time() - STALE_SECONDS
            known = [r for r in reversed(rows) if r.role]
            said = tuple((r.role, r.content, r.state) for r in known)
            places = tuple((r.id, r.turn) for r in known)
            running = any(r.state == "running" and r.updated_at > since for r in rows)
            return Turns(said, running, max(r.turn or 0 for r in rows), places)

        return self._database.run(read)

    def newest(self, scope: Scope, *, limit: int, before: float | None) -> list[Conversation]:
        """Conversations without their messages, the newest first; `before`: older than this time."""
        asked = select(conversations).where(scope.living())
        if before is not None:
            asked = asked.where(conversations.c.updated_at < before)
        asked = asked.order_by(conversations.c.updated_at.desc(), conversations.c.id).limit(limit)
        rows = self._database.run(lambda connection: connection.execute(asked).all())
        return [Conversation(**row._mapping) for row in rows]

    def whole(self, scope: Scope, conversation_id: str) -> Conversation | None:
        """A conversation with its messages."""

        def read(connection: Connection) -> Conversation | None:
            this = and_(conversations.c.id == conversation_id, scope.living())
            row = connection.execute(select(conversations).where(this)).first()
            if row is None:
                return None
            asked = (
                select(messages, feedback.c.rating)
                .select_from(messages.outerjoin(feedback))
                .where(messages.c.conversation_id == conversation_id)
                .order_by(messages.c.turn, messages.c.role.desc())
            )
            said = tuple(dict(r._mapping) for r in connection.execute(asked))
            return Conversation(**row._mapping, messages=said)

        return self._database.run(read)

    def rename(self, scope: Scope, conversation_id: str, title: str) -> bool:
        """Give a title; whether there is such a conversation."""
        this = update(conversations).where(conversations.c.id == conversation_id, scope.living())
        done = self._database.run(
            lambda connection: connection.execute(this.values(title=title)).rowcount, write=True
        )
        return bool(done)

    def rate(self, scope: Scope, message_id: str, rating: int, comment: str) -> bool:
        """Keep what a visitor thinks of an answer (0 takes it back); whether there is such an answer."""

        def write(connection: Connection) -> bool:
            asked = (
                select(messages.c.id)
                .join(conversations)
                .where(messages.c.id == message_id, messages.c.role == "assistant", scope.living())
                .with_for_update(of=conversations, key_share=True)  # one rating after the other
            )
            if connection.execute(asked).first() is None:
                return False
            connection.execute(delete(feedback).where(feedback.c.message_id == message_id))
            if rating:
                values = {"message_id": message_id, "rating": rating, "comment": comment}
                connection.execute(feedback.insert().values(created_at=time.time(), **values))
            return True

        return self._database.run(write, write=True)

    def forget(self, scope: Scope, conversation_id: str | None = None) -> Receipt | None:
        """Delete a conversation, or all of the scope; None where one was named and is not there."""

        def write(connection: Connection) -> Receipt | None:
            this = scope.condition()
            if conversation_id is not None:
                this = and_(this, conversations.c.id == conversation_id)
            receipt = forget_conversations(connection, select(conversations.c.id).where(this))
            return None if conversation_id is not None and not receipt.conversations else receipt

        receipt = self._database.run(write, write=True)
        self._database.wipe()
        return receipt

    def sweep(self) -> Mapping[str, int]:
        """Delete what is past its time, and end the answers whose process is gone; how many of each."""

        def write(connection: Connection) -> Mapping[str, int]:
            now = time.time()
            gone = 0
            for condition in _past_their_time(connection, now):
                asked = select(conversations.c.id).where(condition).limit(_AT_ONCE)
                gone += forget_conversations(connection, asked).conversations
            lost = update(messages).where(
                messages.c.state == "running", messages.c.updated_at < now - STALE_SECONDS
            )
            ended = connection.execute(lost.values(state="interrupted", code="server_restarting"))
            old = forgotten.c.forgotten_at < now - _FORGOTTEN_DAYS * 86400
            connection.execute(delete(forgotten).where(old))
            return {"expired": gone, "interrupted": ended.rowcount}

        done = self._database.run(write, write=True, limit=10.0)
        if done["expired"]:
            self._database.wipe()
        return done


def forget_conversations(connection: Connection, asked: Select[tuple[str]]) -> Receipt:
    """Delete conversations, of which `asked` selects the ids, with all that hangs on them, for good."""
    # Whoever changes a conversation or its messages locks its row first, and several in this order.
    locked = asked.order_by(conversations.c.id).with_for_update(of=conversations)
    ids = [row.id for row in connection.execute(locked)]
    total = Receipt()
    for start in range(0, len(ids), _AT_ONCE):
        total = _sum(total, _forget_some(connection, ids[start : start + _AT_ONCE]))
    return total


def _forget_some(connection: Connection, ids: list[str]) -> Receipt:
    theirs = messages.c.conversation_id.in_(ids)
    rated = feedback.c.message_id.in_(select(messages.c.id).where(theirs))
    ratings = connection.execute(delete(feedback).where(rated)).rowcount
    said = connection.execute(delete(messages).where(theirs)).rowcount
    gone = connection.execute(delete(conversations).where(conversations.c.id.in_(ids))).rowcount
    at = time.time()
    insert_new(connection, forgotten, [{"conversation_id": i, "forgotten_at": at} for i in ids])
    left = connection.execute(select(func.count()).select_from(messages).where(theirs)).scalar()
    still = select(func.count()).select_from(conversations).where(conversations.c.id.in_(ids))
    return Receipt(
        gone, said, ratings, int(left or 0) + int(connection.execute(still).scalar() or 0)
    )


def _sum(one: Receipt, other: Receipt) -> Receipt:
    return Receipt(*(a + b for a, b in zip(vars(one).values(), vars(other).values(), strict=True)))


def _past_their_time(connection: Connection, now: float) -> Iterator[ColumnElement[bool]]:
    """Which conversations are to go: by their own end, those of bots that are gone (a question may have been
    saved just behind its bot's deletion), and by a retention that was shortened since."""
    yield conversations.c.expires_at <= now
    yield conversations.c.bot_id.not_in(select(bots.c.id))
    days = bots.c.settings["retention_days"].as_integer()
    for bot_id, kept in connection.execute(select(bots.c.id, days)).all():
        if kept is not None:
            old = conversations.c.created_at <= now - kept * 86400
            yield and_(conversations.c.bot_id == bot_id, old)

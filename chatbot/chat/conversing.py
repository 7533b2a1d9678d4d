"""A bot's side of a question: the visitor, what has been said, the prompt, and what is saved of it.

The database is asked once, and only where a conversation goes on: a first question needs nothing of it. Where
it is away a conversation can't be gone on with, and a new one can be begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from chatbot.access.sessions import Signer, Token
from chatbot.chat.prompt import bot_payload, length_field, remembered, system_messages
from chatbot.chat.saving import Saving, title_of
from chatbot.chat.trial import Trials
from chatbot.chat.visitor import (
    Visitor,
    conversation_token,
    ignored_of,
    question_of,
    visitor,
)
from chatbot.core.bot import Bot
from chatbot.core.errors import StorageUnavailable
from chatbot.core.ids import ordered_id
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.citations import citations_of
from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.relay.record import Record
from chatbot.store.conversations import ConversationStore, Turns
from chatbot.store.database import StoreAway
from chatbot.store.writer import Writer

WAIT_SECONDS = 0.5
"""For the end of the turn before, which another worker may be saving just now."""
_LOOK_SECONDS = 0.05


class Asked(NamedTuple):
    """A visitor's question, ready for the provider: what it is, what is saved, what is given back."""

    request: ChatRequest
    question: str
    saving: Saving
    session: Token
    conversation: Token
    ignored: tuple[str, ...]

    @property
    def headers(self) -> dict[str, str]:
        """What the visitor is told besides the answer."""
        told = {
            "X-Session-ID": self.session.text,
            "X-Conversation-ID": self.conversation.text,
            "X-Message-ID": self.saving.answer_id,
        }
        return told | ({"X-Chatbot-Ignored": ", ".join(self.ignored)} if self.ignored else {})

    def begin(self, record: Record, reader: Callable[[], AnswerReader]) -> None:
        """The question goes to the provider."""
        self.saving.begin(self.question, record, reader)

    def end(self, record: Record, body: bytes | None = None) -> None:
        """The answer has ended; `body` where it was a whole one."""
        self.saving.end(record, *(() if body is None else _told(body)))


class Conversing:
    """Questions to bots. Those that name no model ask `default_model`; empty: the provider chooses."""

    def __init__(
        self,
        signer: Signer,
        store: ConversationStore,
        writer: Writer,
        trials: Trials,
        default_model: str = "",
    ) -> None:
        self._signer = signer
        self._store = store
        self._writer = writer
        self._trials = trials
        self._default_model = default_model

    def visitor(self, bot: Bot, session_text: str, visitor_token: str) -> Visitor:
        """Who asks; see `chat/visitor`. Raises `InvalidVisitorToken`."""
        return visitor(self._signer, bot, session_text, visitor_token)

    def open(self, who: Visitor, asked: ChatRequest, conversation_text: str) -> Asked:
        """A visitor's question. Raises `InvalidRequest`, `StorageUnavailable`."""
        bot = who.bot
        question = question_of(asked.payload, bot.limits.question_chars)
        token, turns = self._going_on(who, conversation_text)
        new = token is None
        if token is None:
            until = time.time() + bot.retention_days * 86400
            token = conversation_token(self._signer, bot.id, who.owner, until, ordered_id())
        replaced = turns.turn_of(asked.payload.get("replaces"))
        history = remembered(turns.before(replaced), bot.limits.history_tokens)
        trial = self._trials.choice(asked.payload["test"]) if "test" in asked.payload else None
        model = (trial.model if trial else "") or bot.model or self._default_model
        payload = bot_payload(bot, history, question, asked.payload, model)
        if trial:
            payload |= trial.fields
        request = ChatRequest(payload, model, asked.stream, asked.wants_usage, 1)
        row = _row(who, token, question)
        saving = Saving(self._writer, row, new=new, after=turns.newest, replaces=replaced)
        read = ("replaces",) * (replaced is not None) + ("test",) * (trial is not None)
        ignored = ignored_of(asked.payload, *read)
        return Asked(request, question, saving, who.session, token, ignored)

    def with_prompt(self, bot: Bot, asked: ChatRequest) -> ChatRequest:
        """A secret key's request to the bot that it is bound to: the bot's prompt first, its values where none are."""
        model = asked.model or bot.model or self._default_model
        payload = dict(asked.payload)
        if not {"max_tokens", "max_completion_tokens"} & set(payload):
            payload[length_field(model)] = bot.max_tokens
        if bot.temperature is not None:
            payload.setdefault("temperature", bot.temperature)
        payload["messages"] = [*system_messages(bot), *asked.payload["messages"]]
        return ChatRequest(payload, model, asked.stream, asked.wants_usage, asked.choices)

    def _going_on(self, who: Visitor, text: str) -> tuple[Token | None, Turns]:
        """The conversation that goes on and what was said in it; None and nothing where a new one begins."""
        token = self._signer.read("conv", text, who.bot.id, who.owner) if text else None
        if token is None:
            return None, Turns()
        try:
            self._writer.settle(token.id)
            turns = self._settled(who, token)
        except StoreAway:
            raise StorageUnavailable from None
        return (token, turns) if turns is not None else (None, Turns())

    def _settled(self, who: Visitor, token: Token) -> Turns | None:
        """What was said; where the turn before is not all there yet, it is given a moment."""
        until = now() + WAIT_SECONDS
        while True:
            turns = self._store.history(who.scope, token.id)
            if (turns is not None and not turns.running) or now() >= until:
                return turns
            time.sleep(_LOOK_SECONDS)


def _row(who: Visitor, token: Token, question: str) -> dict[str, Any]:
    at = time.time()
    return {
        "id": token.id, "bot_id": who.bot.id, "owner": who.owner, "title": title_of(question),
        "created_at": at, "updated_at": at, "expires_at": float(token.expires_at),
    }  # fmt: skip


def content_of(body: bytes) -> str:
    """The text of a whole answer's first choice."""
    return _told(body)[0]


def _told(body: bytes) -> tuple[str, list[dict[str, Any]]]:
    """The text of a whole answer's first choice, and what it rests on."""
    try:
        answer = read_json(body)
        content = answer["choices"][0]["message"]["content"]
    except (NotJSON, LookupError, TypeError):
        return "", []
    return content if isinstance(content, str) else "", citations_of(answer)

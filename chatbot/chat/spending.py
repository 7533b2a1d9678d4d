"""What a question may cost, before it is asked, and what it has cost, when it is over. In tokens.

The provider's own count holds where it gave one. An attempt without one is estimated: what it was sent, and what came of its
answer. An attempt that a provider refused, or that never reached it, costs nothing; one that was sent and heard no more of
costs its prompt, and the longest answer too where the caller has left it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from chatbot.chat.prompt import system_messages
from chatbot.chat.visitor import question_of
from chatbot.core.bot import Bot
from chatbot.core.text import storable
from chatbot.core.waiting import now
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.token_estimate import (
    MESSAGE_TOKENS,
    REPLY_TOKENS,
    estimate_messages,
    estimate_tokens,
)
from chatbot.relay.record import Record
from chatbot.store.saved import Charge
from chatbot.upstream.asking import Asking
from chatbot.upstream.attempt import Attempt

UNSAID_TOKENS = 4096
"""For an answer of which a secret key's request does not say how long it may be."""
_MOST = 10**12
_AROUND = MESSAGE_TOKENS + REPLY_TOKENS
_BODY_BYTES = 3
"""Of a whole answer that counts nothing, bytes for a token: few, since it leans to too many."""


class Spent(NamedTuple):
    """Tokens of all attempts of one question."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Of both kinds."""
        return self.input_tokens + self.output_tokens


def most_of_visit(bot: Bot, asked: ChatRequest) -> int:
    """The most that a visitor's question costs, whatever was said before. Raises `InvalidRequest`."""
    question = question_of(asked.payload, bot.limits.question_chars)
    return most_beside_question(bot) + estimate_tokens(question)


def most_beside_question(bot: Bot) -> int:
    """The most that a visitor's question costs beside its own text."""
    return prompt_of_bot(bot) + bot.limits.history_tokens + _AROUND + bot.max_tokens


def prompt_of_bot(bot: Bot) -> int:
    """Tokens of a bot's own words."""
    return sum(_system_tokens(m["content"]) + MESSAGE_TOKENS for m in system_messages(bot))


def most_of_request(asked: ChatRequest) -> int:
    """The most that a secret key's request costs."""
    return prompt_of_request(asked.payload) + _longest_answer(asked)


def spent_on(asking: Asking) -> Spent:
    """What the attempts of a question have cost."""
    prompt = -1
    sums = [0, 0]
    for attempt in asking.made:
        usage = attempt.reader.usage or {}
        counted = [_count(usage.get(n)) for n in ("prompt_tokens", "completion_tokens")]
        if None in counted:
            if not attempt.may_cost:
                continue
            if prompt < 0:
                prompt = prompt_of_request(asking.request.payload)
            counted = [prompt, _said_tokens(asking, attempt)]
        sums = [have + (more or 0) for have, more in zip(sums, counted, strict=True)]
    return Spent(*sums)


def charge_of(record: Record, spent: Spent, requests: int = 1) -> Charge:
    """The ledger's row of a question."""
    return Charge(
        {
            "id": record.request_id, "day": _day_of(record),
            "bot_id": record.bot_id, "key_id": record.key_id, "model": storable(record.model)[:200],
            "requests": requests, **spent._asdict(),
        }
    )  # fmt: skip


def _day_of(record: Record) -> str:
    """The day on which it was asked, whose budget it has used; an answer may end behind midnight."""
    return _day(int((time.time() - (now() - record.started)) // 86400))


@lru_cache(maxsize=4)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * 86400))


def _said_tokens(asking: Asking, attempt: Attempt) -> int:
    """Tokens of what came of an answer: by its text, and one at least for each event.

    Where nothing came because nobody waited for it, or of an answer that comes as a whole, all of it may have been made.
    """
    reader = attempt.reader
    said = max(estimate_tokens(reader.text), reader.events, attempt.body_size // _BODY_BYTES)
    if said or (asking.request.stream and not asking.is_stopped):
        return said
    return _longest_answer(asking.request)


def _longest_answer(asked: ChatRequest) -> int:
    lengths = [asked.payload.get(name) for name in ("max_tokens", "max_completion_tokens")]
    said = [n for n in lengths if type(n) is int and n > 0]
    return (min(max(said), _MOST) if said else UNSAID_TOKENS) * max(1, asked.choices)


def prompt_of_request(payload: Mapping[str, Any]) -> int:
    """Tokens of a prompt as it is sent."""
    messages: Iterable[Mapping[str, Any]] = payload["messages"]
    tools = payload.get("tools")
    return estimate_messages(messages) + (estimate_tokens(str(tools)) if tools else 0)


@lru_cache(maxsize=256)
def _system_tokens(text: str) -> int:
    """Of a bot's own words, which are the same for every question."""
    return estimate_tokens(text)


def _count(value: object) -> int | None:
    """A provider's count, where it is one."""
    return value if type(value) is int and 0 <= value < _MOST else None

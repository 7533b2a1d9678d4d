"""Whether a question fits into a budget that nothing is used of, and what is said where it never does.

A program is told the longest answer that it may ask for. A visitor can only ask a shorter question; where that does not help
either it is the owner's to mend, who is told how much one question needs when the budget is made.
"""

from __future__ import annotations

from chatbot.chat.spending import (
    UNSAID_TOKENS,
    most_beside_question,
    prompt_of_bot,
    prompt_of_request,
)
from chatbot.chat.visitor import question_of
from chatbot.core.bot import Bot
from chatbot.core.errors import BudgetTooSmall, ChatbotError, InvalidRequest
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.token_estimate import MESSAGE_TOKENS, REPLY_TOKENS, estimate_tokens

_WORD = estimate_tokens("Hello")
_SHORTEST = MESSAGE_TOKENS + _WORD + REPLY_TOKENS
"""Of a prompt of one word."""
_SAMPLE = "How long does it take until my order is here, and what does it cost? "
_SAFE = 0.9
"""Of a question's length: other parts of it may have more tokens."""


def shortest_visit(bot: Bot) -> int:
    """Tokens that a visitor's question of one word takes."""
    return most_beside_question(bot) + _WORD


def longest_visit(bot: Bot) -> int:
    """Tokens that a visitor's longest question takes, in English."""
    chars = bot.limits.question_chars
    text = (_SAMPLE * (chars // len(_SAMPLE) + 1))[:chars]
    return most_beside_question(bot) + estimate_tokens(text)


def shortest_request(bot: Bot | None) -> int:
    """Tokens that a program's request takes at the least, of one word and with an answer of one token."""
    return (prompt_of_bot(bot) if bot else 0) + _SHORTEST + 1


def unsaid_request(bot: Bot | None) -> int:
    """Tokens that a program's short request takes which does not say how long its answer may be."""
    return shortest_request(bot) - 1 + (bot.max_tokens if bot else UNSAID_TOKENS)


def visit_too_large(bot: Bot, asked: ChatRequest, name: str, limit: int) -> ChatbotError:
    """For a visitor whose question is larger than a whole budget."""
    least = shortest_visit(bot)
    if limit < least:
        told = f"This chat is not set up for answers yet. {bot.contact}".strip()
        return BudgetTooSmall(told, detail=f"{name} is {limit}, one question needs {least}")
    question = question_of(asked.payload, bot.limits.question_chars)
    share = (limit - most_beside_question(bot)) / max(1, estimate_tokens(question))
    chars = max(1, int(len(question) * share * _SAFE))
    return InvalidRequest(
        f"This question is too long for this chat: shorten it to {chars} characters.",
        param="messages", detail=f"{name} is {limit}, a question needs {least} and its own tokens",
    )  # fmt: skip


def request_too_large(asked: ChatRequest, whose: str, name: str, limit: int) -> ChatbotError:
    """For a program whose request is larger than a whole budget."""
    prompt, choices = prompt_of_request(asked.payload), max(1, asked.choices)
    most = (limit - prompt) // choices
    each = f" for each of {choices} answers" if choices > 1 else ""
    if most < 1:
        return InvalidRequest(
            f"These messages are some {prompt} tokens, and {name} of this {whose} is {limit} in all: "
            f"{max(0, limit - choices)} at the most fit.",
            param="messages", detail=f"{whose}: {name}",
        )  # fmt: skip
    field = "max_completion_tokens" if "max_completion_tokens" in asked.payload else "max_tokens"
    return InvalidRequest(
        f"This request may cost more than all of {name} of this {whose} ({limit}). "
        f"Say {field}: {most} at the most{each}.",
        param=field, detail=f"{whose}: {name}",
    )  # fmt: skip

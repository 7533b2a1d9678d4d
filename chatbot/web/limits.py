"""Limits over HTTP: who asks from where, what it may cost, and the headers that tell."""

from __future__ import annotations

import logging

from chatbot.access.caller import Caller
from chatbot.access.limits import Asker, has_token_limits
from chatbot.access.ticket import NeverFits, Ticket
from chatbot.chat.room import request_too_large, shortest_visit, visit_too_large
from chatbot.chat.spending import most_of_request, most_of_visit
from chatbot.chat.visitor import Visitor
from chatbot.core.bot import Bot
from chatbot.core.errors import BudgetTooSmall, ChatbotError
from chatbot.core.logging import log
from chatbot.protocol.chat_request import ChatRequest
from chatbot.web.guard import services
from chatbot.web.here import here
from chatbot.web.telling import tell


def admit(who: Caller, visitor: Visitor | None, came: ChatRequest) -> Ticket:
    """The ticket of a question.

    Raises `InvalidRequest`, `ServiceStopped`, `RateLimitExceeded`, `BudgetExceeded`, `BudgetTooSmall`.
    """
    ours = services()
    ours.directory.check_running(who.key.bot_id)
    asker = asker_of(who, visitor)
    tokens, whole = 0, came
    if visitor is not None:
        tokens = most_of_visit(visitor.bot, came)
    elif has_token_limits(asker):
        whole = ours.conversing.with_prompt(who.bot, came) if who.bot else came
        tokens = most_of_request(whole)
    try:
        return ticket(asker, tokens)
    except NeverFits as never:
        error = _too_large(visitor.bot if visitor else None, whole, never)
    raise error


def _too_large(bot: Bot | None, asked: ChatRequest, never: NeverFits) -> ChatbotError:
    """What is said to a visitor of `bot`, or to a program; its owner is told where it is the budget that is too small."""
    part, limit = never.part, int(never.take.limit)
    if bot is None:
        return request_too_large(asked, part.subject, part.name, limit)
    error = visit_too_large(bot, asked, f"{part.subject}: {part.name}", limit)
    if isinstance(error, BudgetTooSmall):
        services().budgets.on_too_small(part, never.take, shortest_visit(bot))
    return error


def ticket(asker: Asker, tokens: int) -> Ticket:
    """A ticket for so many tokens, with its headers told to the caller. Raises as `admit`, and `NeverFits`."""
    try:
        found = services().gate.admit(asker, tokens)
    except NeverFits as never:
        tell(never.headers)
        raise
    except ChatbotError as error:
        tell(error.headers)
        if error.detail.startswith("address") and "HTTP_X_FORWARDED_FOR" in here().environ:
            _look_for_a_proxy()
        raise
    tell(found.headers)
    found.headers = {}  # told: the ticket lives as long as the answer
    return found


def _look_for_a_proxy() -> None:
    """Behind a proxy that is not said to be one, all visitors have its address, and its limits."""
    if not services().settings.trusted_proxies:
        log("address_of_a_proxy", level=logging.WARNING, setting="CHATBOT_TRUSTED_PROXIES")


def admit_read(who: Caller, visitor: Visitor) -> None:
    """Let a visitor's request that is no question pass. Raises `RateLimitExceeded`."""
    services().gate.admit_read(asker_of(who, visitor))


def asker_of(who: Caller, visitor: Visitor | None) -> Asker:
    """Who asks, as limits see it."""
    owner = visitor.owner if visitor else ""
    return Asker(who.key, who.bot, owner, here().header("REMOTE_ADDR"))

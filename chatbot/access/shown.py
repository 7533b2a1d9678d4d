"""What an operator is shown of breakers and budgets, the same by `/metrics` and by `status`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from chatbot.access.limits import Part, budgets_of, limits_of_bot
from chatbot.core.api_key import ApiKey
from chatbot.core.bot import Bot
from chatbot.core.meter import Meter, Take
from chatbot.metrics.board import Board
from chatbot.metrics.families import BOT, CAPS, MODEL, PROVIDER
from chatbot.metrics.registry import Registry
from chatbot.upstream.breaker import Breakers
from chatbot.upstream.route import Router


class Budget(NamedTuple):
    """A budget of the present day or month, in tokens; `used` has reservations for answers under way in it. `bot` is whose it is;
    of a key's budget the key's id."""

    bot: str
    budget: str
    limit: int
    used: int


def budgets_of_bots(bots: Iterable[Bot], meter: Meter) -> list[Budget]:
    """The budgets in tokens of as many bots as metrics have room for. With Redis each is a question to it."""
    return [
        Budget(bot, part.name, part.limit, int(meter.used(take)))
        for bot, part, take in _in_tokens(bots)
    ]


def budgets_of_keys(keys: Iterable[ApiKey], meter: Meter) -> list[Budget]:
    """The same of keys that are alive and have budgets of their own."""
    return [
        Budget(key, part.name, part.limit, int(meter.used(take)))
        for key, part, take in _of_keys(keys)
    ]


def _in_tokens(bots: Iterable[Bot]) -> Iterator[tuple[str, Part, Take]]:
    return _of("bot", ((bot.id, limits_of_bot(bot)) for bot in bots))


def _of_keys(keys: Iterable[ApiKey]) -> Iterator[tuple[str, Part, Take]]:
    at = time.time()
    return _of("key", ((key.id, key.limits) for key in keys if key.limits and key.alive(at)))


def _of(
    subject: str, limits: Iterable[tuple[str, tuple[tuple[str, int], ...]]]
) -> Iterator[tuple[str, Part, Take]]:
    for name, of in sorted(limits)[: CAPS[BOT]]:
        budgets = budgets_of(subject, name, of)
        for part, take in zip(budgets.parts, budgets.takes, strict=True):
            if part.in_tokens:
                yield name, part, take


def registry_of(
    router: Router,
    breakers: Breakers,
    board: Board,
    meter: Meter,
    bots: Callable[[], Iterable[Bot]],
    keys: Callable[[], Iterable[ApiKey]],
    database_is_away: Callable[[], bool],
) -> Registry:
    """All metrics: what workers count, and what is shared already or the same for all of them."""

    def open_breakers() -> dict[tuple[str, ...], float]:
        standings = breakers.standings(router.target_names)
        return {tuple(n.split("/", 1)): float(s != "closed") for n, s in standings.items()}

    registry = Registry()
    registry.counted(board.read)
    registry.gauge(
        "chatbot_breaker_open",
        "1 where a target has failed repeatedly and is asked last.",
        (PROVIDER, MODEL),
        open_breakers,
    )
    registry.gauge(
        "chatbot_database_away",
        "1 while the worker that tells this can't write to the database.",
        (),
        lambda: {(): float(database_is_away())},
    )
    registry.gauge(
        "chatbot_budget_limit_tokens",
        "Tokens of a bot's budget.",
        (BOT, "budget"),
        lambda: {(bot, part.name): part.limit for bot, part, _ in _in_tokens(bots())},
    )
    registry.gauge(
        "chatbot_budget_used_tokens",
        "Tokens of a bot's budget that are used, or reserved for answers under way.",
        (BOT, "budget"),
        lambda: {(b.bot, b.budget): b.used for b in budgets_of_bots(bots(), meter)},
    )
    registry.gauge(
        "chatbot_key_budget_limit_tokens",
        "Tokens of a key's own budget.",
        ("key", "budget"),
        lambda: {(key, part.name): part.limit for key, part, _ in _of_keys(keys())},
    )
    registry.gauge(
        "chatbot_key_budget_used_tokens",
        "Tokens of a key's own budget that are used, or reserved for answers under way.",
        ("key", "budget"),
        lambda: {(b.bot, b.budget): b.used for b in budgets_of_keys(keys(), meter)},
    )
    return registry

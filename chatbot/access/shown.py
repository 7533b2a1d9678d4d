"""What an operator is shown of breakers and budgets, the same by `/metrics` and by `status`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from chatbot.access.limits import Part, budgets_of, limits_of_bot
from chatbot.core.bot import Bot
from chatbot.core.meter import Meter, Take
from chatbot.metrics.board import Board
from chatbot.metrics.families import BOT, CAPS, MODEL, PROVIDER
from chatbot.metrics.registry import Registry
from chatbot.upstream.breaker import Breakers
from chatbot.upstream.route import Router


class Budget(NamedTuple):
    """A bot's budget of the present day or month, in tokens; `used` has reservations for answers under way in it."""

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


def _in_tokens(bots: Iterable[Bot]) -> Iterator[tuple[str, Part, Take]]:
    for bot in sorted(bots, key=lambda b: b.id)[: CAPS[BOT]]:
        for part, take in zip(*budgets_of("bot", bot.id, limits_of_bot(bot)), strict=True):
            if part.in_tokens:
                yield bot.id, part, take


def registry_of(
    router: Router,
    breakers: Breakers,
    board: Board,
    meter: Meter,
    bots: Callable[[], Iterable[Bot]],
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
    return registry

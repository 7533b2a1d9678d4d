"""Limits as they are typed, and budgets held against what one question reserves.

A budget that no question fits into is refused; one that is too small for some is said, with the number that is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from chatbot.chat.room import longest_visit, shortest_request, shortest_visit, unsaid_request
from chatbot.chat.spending import prompt_of_bot
from chatbot.core.api_key import SECRET
from chatbot.core.bot import BUDGETS, Bot, BotError
from chatbot.core.settings_table import nearest

MOST = 10**12
"""Of a limit."""
_RATES = ("visitor_tokens_per_day", "address_tokens_per_day", "tokens_per_minute")


def read_limits(
    pairs: Iterable[str], names: Sequence[str], whose: str, least: int
) -> dict[str, int]:
    """Limits from `name=number`, in the order of `names`."""
    found: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if name not in names:
            raise click.UsageError(f"{name!r} is no limit of a {whose}.{nearest(name, names)}")
        is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MOST))
        if not is_number or not least <= int(number) <= MOST:
            raise click.UsageError(f"{name} must be a whole number from {least} to {MOST}.")
        found[name] = int(number)
    return {name: found[name] for name in names if name in found}


def check_bot(bot: Bot) -> None:
    """Raise `BotError` where no question fits into a budget of the bot."""
    needed = shortest_visit(bot)
    for name in BUDGETS:
        if getattr(bot.limits, name) < needed:
            raise BotError(
                f"bot {bot.id!r}: limits: {name}: no question fits into {getattr(bot.limits, name)} tokens. "
                f"{_needs(bot)}"
            )


def notes_on_bot(bot: Bot) -> list[str]:
    """What is to be said of limits that some questions do not fit into."""
    needed, longest = shortest_visit(bot), longest_visit(bot)
    notes = [
        f"limits.{name}, {limit} tokens, is too little for long questions, which are refused: one of "
        f"{bot.limits.question_chars} characters needs some {longest}. {_needs(bot)}"
        for name in BUDGETS
        if (limit := getattr(bot.limits, name)) < longest
    ]
    notes += [
        f"limits.{name}, {limit} tokens, is less than one question needs, which is let pass only where nothing "
        f"of it is used. {_needs(bot)}"
        for name in _RATES
        if 0 < (limit := getattr(bot.limits, name)) < needed
    ]
    return notes


def _needs(bot: Bot) -> str:
    return (
        f"One of one word needs {shortest_visit(bot)}: {prompt_of_bot(bot)} for prompt and facts, "
        f"{bot.limits.history_tokens} history_tokens, {bot.max_tokens} max_tokens, and itself."
    )


def too_small_for(kind: str, limits: Iterable[tuple[str, int]], bot: Bot | None) -> str:
    """Why no request fits into a budget of a key; empty where some do."""
    needed = shortest_request(bot) if kind == SECRET or bot is None else shortest_visit(bot)
    for name, limit in limits:
        if name in BUDGETS and limit < needed:
            return f"{name}: no request fits into {limit} tokens: a short one needs {needed}."
    return ""


def notes_on_key(kind: str, limits: Iterable[tuple[str, int]], bot: Bot | None) -> list[str]:
    """What is to be said of budgets of a key that some requests do not fit into."""
    budgets = [(name, limit) for name, limit in limits if name in BUDGETS]
    if kind != SECRET and bot is not None:
        return [
            f"{name}, {limit} tokens, is too little for long questions, which are refused: one of "
            f"{bot.limits.question_chars} characters needs some {longest_visit(bot)}, and one of one word {shortest_visit(bot)}."
            for name, limit in budgets
            if limit < longest_visit(bot)
        ]
    return [
        f"{name}, {limit} tokens, is too little for a request that does not say max_tokens: a short one needs "
        f"{unsaid_request(bot)}. Say max_tokens, {limit - shortest_request(bot) + 1} at the most."
        for name, limit in budgets
        if limit < unsaid_request(bot)
    ]


def say(notes: Iterable[str], whose: str = "") -> None:
    """Print notes, apart from what a command gives."""
    for note in notes:
        click.echo(f"    {whose}{note}", err=True)

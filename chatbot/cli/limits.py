"""`stop`, `stops`, `resume`: the switch for a bot, a provider, or everything. `usage`: what was spent, for a bill."""

from __future__ import annotations

import csv
import sys
import time

import click

from chatbot.access.directory import ALL
from chatbot.cli.opened import Opened, opened
from chatbot.core.bot import text
from chatbot.store.usage import UsageStore

_MESSAGE = "This chat is closed at the moment."
_SOON = "within 5 seconds on all workers"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_which = (
    click.option("--bot", help="This bot alone."),
    click.option("--provider", help="This provider alone: its targets are not asked."),
)


def _what(here: Opened, bot: str | None, provider: str | None) -> str:
    """What is meant, by the name that the store has for it."""
    what = _name_of(bot, provider)
    if bot is not None and bot not in {b.id for b in here.store.contents().bots}:
        raise click.ClickException(f"There is no bot {bot!r}: see `bots list`.")
    names = [p.name for p in here.settings.providers] or ["mock"]
    if provider is not None and provider not in names:
        raise click.ClickException(f"There is no provider {provider!r}: {', '.join(names)}.")
    return what


def _name_of(bot: str | None, provider: str | None) -> str:
    if bot is not None and provider is not None:
        raise click.UsageError(
            "Say --bot or --provider; with neither of them, everything is meant."
        )
    if bot is not None:
        return f"bot:{bot}"
    return ALL if provider is None else f"provider:{provider}"


@click.command()
@_which[0]
@_which[1]
@click.option("--message", default=_MESSAGE, help="What whoever asks is told.")
def stop(bot: str | None, provider: str | None, message: str) -> None:
    """Answer no more, within seconds and until `resume`; answers under way end too."""
    with opened() as here:
        what = _what(here, bot, provider)
        try:
            here.store.stop(what, text(500)(message))
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        click.echo(f"Stopped: {what}, {_SOON}. {_under_way(provider)}")
        click.echo(f"{_told(provider)}: {message}")
        click.echo(f"Answer again: {_resume_of(what)}")


@click.command()
def stops() -> None:
    """What is stopped now, since when, and what whoever asks is told."""
    with opened() as here:
        found = here.store.stopped()
    for what, message, at in found:
        since = time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
        click.echo(f"{what}  since {since} UTC  {' '.join(message.split())}")
        click.echo(f"    Answer again: {_resume_of(what)}")
    if not found:
        click.echo("Nothing is stopped.")


def _under_way(provider: str | None) -> str:
    if provider is None:
        return "Answers under way end."
    return "Its targets are passed over; answers under way are let finish."


def _told(provider: str | None) -> str:
    if provider is None:
        return "Whoever asks is told"
    return "Where no other target is left, whoever asks is told"


def _resume_of(what: str) -> str:
    """The command that takes a stop back."""
    kind, _, name = what.partition(":")
    return "python -m chatbot resume" + (f" --{kind} {name}" if name else "")


@click.command()
@_which[0]
@_which[1]
def resume(bot: str | None, provider: str | None) -> None:
    """Answer again."""
    with opened() as here:
        what = _name_of(bot, provider)  # which may be gone by now
        if not here.store.resume(what):
            stopped = ", ".join(name for name, _ in here.store.contents().stops) or "nothing"
            raise click.ClickException(f"{what} is not stopped; stopped is: {stopped}.")
        click.echo(f"Answers again: {what}, {_SOON}.")
        if rest := [name for name, _, _ in here.store.stopped()]:
            click.echo(f"Still stopped: {', '.join(rest)}.")


@click.command()
@click.option("--month", help="Such as 2026-11; this month where none is given.")
@click.option("--bot", help="This bot alone.")
def usage(month: str | None, bot: str | None) -> None:
    """What was used in a month, by bot, key and model, as CSV."""
    try:
        asked = time.gmtime() if month is None else time.strptime(month, "%Y-%m")
        month = time.strftime("%Y-%m", asked)  # whole: "2026-1" is the beginning of four months
    except ValueError:
        raise click.UsageError("--month must be such as 2026-11.") from None
    with opened() as here:
        rows = UsageStore(here.database).used(month, bot)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(
        ["month", "bot", "key", "model", "requests", "input_tokens", "output_tokens", "tokens"]
    )
    for row in rows:
        out.writerow([month, *(_harmless(value) for value in row), row.tokens])


def _harmless(value: str | int) -> str | int:
    """A text that a spreadsheet does not take for a formula: a model's name may come from a caller."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

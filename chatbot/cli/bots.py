"""`bots` and `apply`: bots on the command line, one by one or all from a file that says how they shall be."""

from __future__ import annotations

import dataclasses
import difflib
import time
from pathlib import Path
from typing import Any

import click

from chatbot.access.sessions import Signer
from chatbot.access.visitors import new_generation, signing_key
from chatbot.chat.prompt import told_facts
from chatbot.cli.bots_file import as_toml, read_bots_file
from chatbot.cli.opened import Opened, opened
from chatbot.cli.room import check_bot, notes_on_bot, notes_on_key, read_limits, say, too_small_for
from chatbot.core.bot import Bot, BotError, Limits, read_bot
from chatbot.services import build_signer
from chatbot.store.directory import count_conversations


@click.group()
def bots() -> None:
    """Bots: what each one is called, knows and may."""


@bots.command(name="list")
def list_bots() -> None:
    """All bots."""
    with opened() as here:
        for bot in here.store.contents().bots:
            facts = told_facts(bot.facts, bot.limits.facts_tokens)
            click.echo(f"{bot.id}  {bot.name}  {bot.model or 'default model'}  {len(bot.facts)} facts, "
                       f"{facts.tokens} tokens")  # fmt: skip


@bots.command()
@click.argument("bot_id")
def show(bot_id: str) -> None:
    """A bot as a file for `apply` has it."""
    with opened() as here:
        click.echo(as_toml(_find(here, bot_id)), nl=False)


@bots.command()
@click.argument("bot_id")
@click.option("--name", help="What visitors see.")
@click.option("--prompt", help="How it shall answer.")
@click.option("--model", help="The model it asks.")
@click.option("--greeting", help="Its first words.")
@click.option("--contact", help="Shown where it can't help.")
@click.option("--origin", "origins", multiple=True, help="A page it may be on; may be repeated.")
@click.option("--facts", "files", multiple=True, type=click.Path(exists=True, dir_okay=False),
              help="A Markdown file that it knows; may be repeated.")  # fmt: skip
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER",
    help="A limit, such as tokens_per_day=200000; may be repeated. Names: docs/limits.md.",
)  # fmt: skip
def create(
    bot_id: str,
    origins: tuple[str, ...],
    files: tuple[str, ...],
    limits: tuple[str, ...],
    **texts: str | None,
) -> None:
    """Make a bot. For more than these options, see `bots show` and `apply`."""
    with opened() as here:
        if any(bot.id == bot_id for bot in here.store.contents().bots):
            raise click.ClickException(f"There is a bot {bot_id!r} already: change it by `apply`.")
        values: dict[str, Any] = {k: v for k, v in texts.items() if v is not None}
        facts = [{"name": Path(f).name, "text": _text_of(Path(f))} for f in files]
        values["limits"] = read_limits(limits, tuple(vars(Limits())), "bot", 0)
        bot = read_bot({"id": bot_id, **values, "origins": list(origins), "facts": facts})
        check_bot(bot)
        bot = dataclasses.replace(bot, identity_generation=new_generation())
        here.store.save_bot(bot)
        click.echo(f"Bot {bot.id} is made.")
        _say_what_was_cut(bot)
        say(notes_on_bot(bot))
        click.echo(f"Now a key for its page: keys create --bot {bot.id} --origin https://…")


@bots.command()
@click.argument("bot_id")
@click.confirmation_option(prompt="Delete the bot, its keys and all of its conversations?")
def delete(bot_id: str) -> None:
    """Delete a bot with its keys and its conversations."""
    with opened() as here:
        count = count_conversations(here.database, _find(here, bot_id).id)
        here.store.delete_bot(bot_id)
        click.echo(f"Bot {bot_id} is deleted, with {count} conversations.")


@bots.command(name="signing-key")
@click.argument("bot_id")
@click.option("--new", is_flag=True, help="End the present one and make another.")
def show_signing_key(bot_id: str, new: bool) -> None:
    """The key that the bot's site signs its visitors' tokens with."""
    with opened() as here:
        bot = _find(here, bot_id)
        if new:
            bot = dataclasses.replace(bot, identity_generation=new_generation())
            here.store.save_bot(bot)
        signer: Signer = build_signer(here.settings)
        click.echo(signing_key(signer, bot))
        if bot.identify == "off":
            click.echo(
                'The bot does not ask for tokens yet: set identify = "optional" or "required".',
                err=True,
            )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option(
    "--prune", is_flag=True, help="Delete bots that are not in the file, with all they have."
)
def apply(file: Path, dry_run: bool, prune: bool) -> None:
    """Make the bots as the file says, and show what changed."""
    with opened() as here:
        wanted = read_bots_file(file)
        for bot in wanted:
            _check(file, bot)
        have = {bot.id: bot for bot in here.store.contents().bots}
        changes = 0
        for bot in wanted:
            changes += _apply_one(here, have.get(bot.id), bot, dry_run)
        for bot_id in sorted(set(have) - {bot.id for bot in wanted}) if prune else ():
            click.echo(f"- bot {bot_id} is deleted")
            changes += 1
            if not dry_run:
                here.store.delete_bot(bot_id)
        click.echo(
            f"{changes} {'would change' if dry_run else 'changed'}, {len(wanted)} in the file."
        )


def _apply_one(here: Opened, old: Bot | None, new: Bot, dry_run: bool) -> int:
    generation = old.identity_generation if old else new_generation()
    new = dataclasses.replace(new, identity_generation=generation)
    if old == new:
        return 0
    before = as_toml(old).splitlines() if old else []
    click.echo(f"{'~' if old else '+'} bot {new.id}")
    for line in difflib.unified_diff(before, as_toml(new).splitlines(), lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            click.echo(f"    {line}")
    for name in _changed_facts(old, new):
        click.echo(f"    facts: {name}")
    _say_what_was_cut(new)
    say(notes_on_bot(new))
    _say_what_keys_lack(here, new)
    if not dry_run:
        here.store.save_bot(new)
    return 1


def _check(file: Path, bot: Bot) -> None:
    try:
        check_bot(bot)
    except BotError as error:
        raise BotError(f"{file}: {error}") from None


def _say_what_keys_lack(here: Opened, bot: Bot) -> None:
    """Keys of a bot have budgets of their own, which a longer answer or prompt may be too much for."""
    for key in here.store.contents().keys:
        if key.bot_id == bot.id and key.limits and key.alive(time.time()):
            why = too_small_for(key.kind, key.limits, bot)
            say([why] if why else notes_on_key(key.kind, key.limits, bot), f"key {key.id}: ")


def _changed_facts(old: Bot | None, new: Bot) -> list[str]:
    before = {f.name: f.text for f in old.facts} if old else {}
    after = {f.name: f.text for f in new.facts}
    return [
        f"{name} {'added' if name not in before else 'removed' if name not in after else 'changed'}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _say_what_was_cut(bot: Bot) -> None:
    told = told_facts(bot.facts, bot.limits.facts_tokens)
    for name in told.cut:
        click.echo(
            f"    {name} does not fit whole into {bot.limits.facts_tokens} tokens of facts: "
            "raise limits.facts_tokens, or shorten it.",
            err=True,
        )


def _find(here: Opened, bot_id: str) -> Bot:
    for bot in here.store.contents().bots:
        if bot.id == bot_id:
            return bot
    raise click.ClickException(f"There is no bot {bot_id!r}: see `bots list`.")


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise BotError(f"{file}: can't be read as UTF-8 text ({type(error).__name__})") from None

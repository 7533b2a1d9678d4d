"""`bots.toml`: bots as their owner writes them down. Facts stand there as the names of files beside it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from chatbot.core.bot import Bot, BotError, read_bot

_NOT_WRITTEN = ("facts", "identity_generation")


def read_bots_file(file: Path) -> list[Bot]:
    """The bots of a file. Raises `BotError`, which names file and field."""
    try:
        document = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BotError(f"{file}: {error}") from None
    unknown = set(document) - {"bot"}
    tables = document.get("bot")
    if unknown or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise BotError(f"{file}: expected [[bot]] tables and nothing else.")
    bots = [_read(file, table) for table in tables]
    ids = [bot.id for bot in bots]
    if len(set(ids)) < len(ids):
        raise BotError(f"{file}: two bots have the same id.")
    return bots


def _read(file: Path, table: dict[str, Any]) -> Bot:
    if "identity_generation" in table:
        raise BotError(f"{file}: identity_generation is set by `bots signing-key --new`.")
    try:
        return read_bot({**table, "facts": _facts(file.parent, table)})
    except BotError as error:
        raise BotError(f"{file}: {error}") from None


def _facts(folder: Path, table: dict[str, Any]) -> list[dict[str, str]]:
    names, here = table.get("facts", []), f"bot {table.get('id', '?')!r}: facts"
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BotError(f'{here}: expected names of files such as ["shipping.md"]')
    facts = []
    for name in names:
        try:
            facts.append({"name": name, "text": (folder / name).read_text("utf-8-sig")})
        except (OSError, ValueError) as error:
            raise BotError(f"{here}: {name!r}: {type(error).__name__}") from None
    return facts


def as_toml(bot: Bot) -> str:
    """A bot as `read_bots_file` reads it; fields with their default values are left out."""
    default, lines = Bot(bot.id, name=bot.id).as_dict(), ["[[bot]]", f"id = {_toml(bot.id)}"]
    for name, value in bot.as_dict().items():
        if name not in _NOT_WRITTEN and value != default[name]:
            lines.append(f"{name} = {_toml(value)}")
    if bot.facts:
        lines.append(f"facts = {_toml([fact.name for fact in bot.facts])}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(
        value, str
    ):  # TOML's basic strings take JSON's escapes; DEL alone is theirs to escape
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)

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
        document = tomllib.loads(file.read_text("utf-8"))
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
        facts = [_fact(file.parent, name) for name in table.get("facts", [])]
        return read_bot({**table, "facts": facts})
    except BotError as error:
        raise BotError(f"{file}: {error}") from None


def _fact(folder: Path, name: object) -> dict[str, str]:
    if not isinstance(name, str):
        raise BotError('facts: expected names of files such as "shipping.md"')
    try:
        return {"name": name, "text": (folder / name).read_text("utf-8")}
    except (OSError, ValueError) as error:
        raise BotError(f"facts: {name}: {type(error).__name__}") from None


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

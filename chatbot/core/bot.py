"""What a bot is: a shop's chat, described by its owner. A plain value, checked when it is read.

The same table of fields reads `bots.toml`, the command line and the database, so that a bot that was accepted
once can't be met in another form later. Facts are Markdown texts that go into the prompt: a bot knows its
shop from the first hour, before any document is searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from chatbot.core.origin import check_pattern
from chatbot.core.settings_table import nearest

_FACTS_CHARS = 500_000
"""What goes into a prompt is far less; all of it is looked at when a bot has changed."""
IDENTIFY = ("off", "optional", "required")


BUDGETS = ("tokens_per_day", "tokens_per_month")
"""Limits that every bot has."""


class BotError(ValueError):
    """A bot that can't be used as it is described. Its text is one line that says which field and why."""


@dataclass(frozen=True)
class Fact:
    """One Markdown text of the owner's, by the name of its file."""

    name: str
    text: str


@dataclass(frozen=True)
class Limits:
    """Tokens of history and of facts that go into a prompt; characters of a question; and what may be taken.

    Of one visitor, of one address (an IPv4 address, or the first 64 bits of an IPv6 one; a carrier's
    customers share one), and of the bot in all: requests, tokens, and `streams`: answers under way at a time.
    `tokens_per_day` and `tokens_per_month` are the bot's budget, by the calendar in UTC; a budget is finite,
    of the others 0 is no limit.
    """

    history_tokens: int = 2000
    facts_tokens: int = 8000
    question_chars: int = 8000
    visitor_requests_per_minute: int = 20
    visitor_requests_per_day: int = 0
    visitor_tokens_per_day: int = 500_000
    visitor_streams: int = 5
    address_requests_per_minute: int = 200
    address_requests_per_day: int = 0
    address_tokens_per_day: int = 2_000_000
    address_streams: int = 100
    requests_per_minute: int = 1000
    requests_per_day: int = 0
    tokens_per_minute: int = 0
    streams: int = 500
    tokens_per_day: int = 5_000_000
    tokens_per_month: int = 50_000_000


@dataclass(frozen=True)
class Bot:
    """One bot. `model` empty: the server's default; `temperature` None: the model's.

    `max_tokens` caps an answer. `contact` is shown where the bot can't help. `identify` says whether visitors
    prove who they are by a token that the site signs; with `identity_generation` raised, older keys for
    signing end.
    """

    id: str
    name: str = ""
    model: str = ""
    prompt: str = ""
    temperature: float | None = None
    max_tokens: int = 1000
    greeting: str = ""
    suggestions: tuple[str, ...] = ()
    theme: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ("en",)
    contact: str = ""
    privacy_url: str = ""
    origins: tuple[str, ...] = ()
    limits: Limits = Limits()
    retention_days: int = 30
    identify: str = "off"
    identity_generation: int = 1
    facts: tuple[Fact, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The bot as JSON holds it; `read_bot` reads it back. Limits at their defaults follow these when they change."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["theme"] = dict(self.theme)
        usual = vars(Limits())
        values["limits"] = {n: v for n, v in vars(self.limits).items() if v != usual[n]}
        values["facts"] = [dict(vars(fact)) for fact in self.facts]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def text(most: int) -> Callable[[object], str]:
    """A text of at most so many characters, without control characters but line ends and tabs."""

    def read(value: object) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"expected a text of at most {most} characters")
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", value):
            raise ValueError("expected a text without control characters")
        return value

    return read


def matching(pattern: str, expected: str) -> Callable[[object], str]:
    """A text that fits a pattern as a whole."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return read


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def read(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return read


def several(read: Callable[[object], Any], most: int) -> Callable[[object], tuple[Any, ...]]:
    """A list of at most so many values."""

    def read_all(value: object) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > most:
            raise ValueError(f"expected a list of at most {most}")
        return tuple(read(item) for item in value)

    return read_all


def one_of(*names: str) -> Callable[[object], str]:
    """One of these words."""

    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return str(value)

    return read


def _temperature(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 2:
        raise ValueError("expected a number from 0 to 2")
    return float(value)


def _link(value: object) -> str:
    link = text(500)(value)
    if link and (urlsplit(link).scheme not in ("http", "https") or not urlsplit(link).hostname):
        raise ValueError("expected an address such as https://shop.example/privacy")
    return link


def _theme(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > 40:
        raise ValueError('expected a table such as { accent = "#0b5fff", mode = "auto" }')
    name, look = matching(r"[a-z][a-z0-9-]{0,30}", "lower-case names"), _theme_value
    return {name(k): look(v) for k, v in value.items()}


_theme_value = matching(
    r"[^;{}<>\\\x00-\x1f\x7f\ud800-\udfff]{0,100}", "a short value without ; { } < > in it"
)


def _limits(value: object) -> Limits:
    if not isinstance(value, Mapping):
        raise ValueError("expected a table such as { history_tokens = 2000 }")
    known = {f.name for f in fields(Limits)}
    for name, number in value.items():
        if name not in known:
            raise ValueError(f"{name!r} is no limit.{nearest(str(name), known)}")
        try:
            _limit(name)(number)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return Limits(**value)


def _limit(name: str) -> Callable[[object], int]:
    if name in ("history_tokens", "facts_tokens", "question_chars"):
        return whole_number(0, 1_000_000)
    return whole_number(1 if name in BUDGETS else 0, 10**12)


def _fact(value: object) -> Fact:
    if not isinstance(value, Mapping) or set(value) != {"name", "text"}:
        raise ValueError("expected facts with name and text")
    return Fact(text(200)(value["name"]), text(500_000)(value["text"]))


def _facts(value: object) -> tuple[Fact, ...]:
    facts = several(_fact, 100)(value)
    if len({fact.name for fact in facts}) < len(facts):
        raise ValueError("expected facts of different names")
    if sum(len(fact.text) for fact in facts) > _FACTS_CHARS:
        raise ValueError(f"expected at most {_FACTS_CHARS} characters of facts in all")
    return facts


BOT_ID = matching(r"[a-z0-9][a-z0-9-]{0,39}", "lower-case letters, digits and hyphens, 40 at most")
READERS: Mapping[str, Callable[[object], Any]] = {
    "id": BOT_ID,
    "name": text(100),
    "model": text(200),
    "prompt": text(100_000),
    "temperature": _temperature,
    "max_tokens": whole_number(1, 1_000_000),
    "greeting": text(2000),
    "suggestions": several(text(200), 8),
    "theme": _theme,
    "languages": several(matching(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "tags such as en or pt-BR"), 40),
    "contact": text(500),
    "privacy_url": _link,
    "origins": several(check_pattern, 100),
    "limits": _limits,
    "retention_days": whole_number(1, 3650),
    "identify": one_of(*IDENTIFY),
    "identity_generation": whole_number(1, 2**31 - 1),
    "facts": _facts,
}  # fmt: skip


def read_bot(values: Mapping[str, object]) -> Bot:
    """A bot from the values of its fields; those that are missing have their defaults. Raises `BotError`."""
    shown = values.get("id", "?")
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name not in READERS:
            raise BotError(f"bot {shown!r}: {name!r} is no field.{nearest(name, READERS)}")
        try:
            read[name] = READERS[name](value)
        except ValueError as error:
            raise BotError(f"bot {shown!r}: {name}: {error}") from None
    if "id" not in read:
        raise BotError('a bot without id: give each one, such as id = "shop"')
    return Bot(**{"name": read["id"], **read})

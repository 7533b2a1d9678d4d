"""Which limits a question has to pass: the one place for that decision.

A visitor's question counts for the visitor, for the address, for the bot and for the key; a secret key's for
the key, where that has limits, and for the bot that it is bound to. Budgets are totals of a calendar day and month, in UTC; the others are rates, and slots
for answers under way. No limit is named by anything that a caller can choose freely: a visitor's session
is signed, an address is the connection's or that of trusted proxies.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from chatbot.core.api_key import ApiKey
from chatbot.core.bot import BUDGETS, Bot, Limits
from chatbot.core.meter import LIVE, RATE, TOTAL, Take

KEY_LIMITS = (
    "requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day", "tokens_per_month",
    "streams",
)  # fmt: skip
"""What a key of its own can be limited by."""
_SECONDS = {"per_minute": 60.0, "per_day": 86400.0}
_FOUND_CAP = 256
_READS = 10
"""Of other requests (conversations, feedback) a visitor has so many times the limit of questions."""


class Asker(NamedTuple):
    """Who asks. `visitor` is the owner of conversations, empty for a secret key; `address` as the server sees it."""

    key: ApiKey
    bot: Bot | None
    visitor: str = ""
    address: str = ""


class Part(NamedTuple):
    """One limit. `subject` is whose it is; `name` is what it is called in a bot's or a key's limits."""

    subject: str
    name: str
    kind: str
    limit: int
    seconds: float
    in_tokens: bool


class Asked(NamedTuple):
    """Limits to pass, and what to take of each: two lists of one length. First requests, then slots, rates of tokens, budgets.

    `slots`, `tokens` and `totals` are the places where the others begin.
    """

    parts: tuple[Part, ...]
    takes: Sequence[Take]
    slots: int
    tokens: int
    totals: int


def asked_of(asker: Asker, tokens: int) -> Asked:
    """What a question takes that may cost so many tokens."""
    return _asked(_parts_of(asker), _names(asker), tokens)


def asked_of_a_read(asker: Asker) -> Asked:
    """What a visitor's other request takes."""
    names = {subject: f"{name}:reads" for subject, name in _names(asker).items()}
    return _asked(_parts_of_reads(_parts_of(asker)), names, 0)


def has_token_limits(asker: Asker) -> bool:
    """Whether it matters how many tokens a question may cost."""
    return any(part.in_tokens for part in _parts_of(asker).all)


def budgets_of(subject: str, name: str, limits: Iterable[tuple[str, int]]) -> Asked:
    """The budgets of a bot (`subject` "bot") or of a key, with nothing taken."""
    return _asked(_budgets(subject, tuple(limits)), {subject: f"{subject}:{name}"}, 0)


def limits_of_bot(bot: Bot) -> tuple[tuple[str, int], ...]:
    """A bot's own limits, of all visitors together."""
    return tuple((name, getattr(bot.limits, name)) for name in KEY_LIMITS)


class Parts:
    """Limits in the order of `Asked`, and those of each subject. Equal to itself alone, so that it is quickly found again."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.all = tuple(sorted(parts, key=_class))
        self.begins = tuple(sum(_class(p) < which for p in parts) for which in (1, 2, 3))
        self.of = {part.subject: [p for p in parts if p.subject == part.subject] for part in parts}


def _class(part: Part) -> int:
    """Its place in the order of `Asked`."""
    if part.in_tokens:
        return 3 if part.kind == TOTAL else 2
    return 1 if part.kind == LIVE else 0


_found: dict[tuple[int, bool, tuple[tuple[str, int], ...]], tuple[Limits | None, Parts]] = {}
"""By the identity of a bot's limits, which is kept with what is found: to hash all of them was a fifth of `asked_of`."""


def _parts_of(asker: Asker) -> Parts:
    limits, own = asker.bot.limits if asker.bot else None, asker.key.limits
    known = id(limits), bool(asker.visitor), own
    found = _found.get(known)
    if found is None:
        if len(_found) >= _FOUND_CAP:
            _found.clear()
        found = _found[known] = limits, _parts(limits, bool(asker.visitor), own)
    return found[1]


@lru_cache(maxsize=256)
def _parts(limits: Limits | None, is_visitor: bool, own: tuple[tuple[str, int], ...]) -> Parts:
    of_bot = _bot_parts(limits) if limits is not None else ()
    return Parts(
        (*(p for p in of_bot if is_visitor or p.subject == "bot"), *_key_parts("key", own))
    )


@lru_cache(maxsize=256)
def _parts_of_reads(parts: Parts) -> Parts:
    return Parts(
        tuple(
            p._replace(limit=p.limit * _READS)
            for p in parts.all
            if p.name.endswith("requests_per_minute") and p.subject != "bot"
        )
    )


@lru_cache(maxsize=256)
def _budgets(subject: str, limits: tuple[tuple[str, int], ...]) -> Parts:
    return Parts(tuple(p for p in _key_parts(subject, limits) if p.kind == TOTAL))


def _bot_parts(limits: Limits) -> tuple[Part, ...]:
    found = []
    for name, limit in vars(limits).items():
        subject, _, rest = name.partition("_")
        if subject not in ("visitor", "address"):
            subject, rest = "bot", name
        if limit and rest in KEY_LIMITS:
            found.append(_part(subject, name, rest, limit, budget=subject == "bot"))
    return tuple(found)


@lru_cache(maxsize=256)
def _key_parts(subject: str, limits: tuple[tuple[str, int], ...]) -> tuple[Part, ...]:
    return tuple(_part(subject, name, name, limit, budget=True) for name, limit in limits)


def _part(subject: str, name: str, what: str, limit: int, *, budget: bool) -> Part:
    if what == "streams":
        return Part(subject, name, LIVE, limit, 0.0, False)
    in_tokens = what.startswith("tokens")
    if budget and what in BUDGETS:
        return Part(subject, name, TOTAL, limit, 0.0, in_tokens)
    return Part(subject, name, RATE, limit, _SECONDS[what.partition("_")[2]], in_tokens)


def _names(asker: Asker) -> Mapping[str, str]:
    bot = asker.bot.id if asker.bot else ""
    return {
        "visitor": f"visitor:{bot}:{asker.visitor}",
        "address": f"address:{bot}:{network_of(asker.address)}",
        "bot": f"bot:{bot}",
        "key": f"key:{asker.key.id}",
    }


def _asked(parts: Parts, names: Mapping[str, str], tokens: int) -> Asked:
    day, cost = int(time.time() // 86400), float(tokens)
    requests: list[Take] = []
    slots: list[Take] = []
    rates: list[Take] = []
    totals: list[Take] = []
    for subject in parts.of:
        of = _takes(parts, subject, names[subject], day)
        requests += of[0]
        slots += of[1]
        rates += of[2]
        totals += of[3]
    takes = requests + slots
    for kind, key, _, limit, period in rates:
        # What is larger than a whole rate passes where nothing of it is used.
        takes.append(_new(Take, (kind, key, cost if cost < limit else limit, limit, period)))
    for kind, key, _, limit, period in totals:
        takes.append(_new(Take, (kind, key, cost, limit, period)))
    return Asked(parts.all, takes, *parts.begins)


_new = tuple.__new__
"""A `Take` for a third of what its own constructor costs."""


@lru_cache(maxsize=2048)
def _takes(parts: Parts, subject: str, name: str, day: int) -> tuple[list[Take], ...]:
    """What one subject is asked for, by `_class`. The costs of what is in tokens are to be filled in."""
    found: tuple[list[Take], ...] = ([], [], [], [])
    for part in parts.of[subject]:
        label, end = part.name, part.seconds
        if part.kind == TOTAL:
            label, end = _month(day) if part.name == BUDGETS[1] else _day(day)
        take = Take(part.kind, f"{name}:{label}", 1.0, float(part.limit), end)
        found[_class(part)].append(take)
    return found


@lru_cache(maxsize=8)
def _day(number: int) -> tuple[str, float]:
    begin = datetime.fromtimestamp(number * 86400, UTC)
    return begin.strftime("%Y-%m-%d"), (number + 1) * 86400.0


@lru_cache(maxsize=8)
def _month(number: int) -> tuple[str, float]:
    begin = datetime.fromtimestamp(number * 86400, UTC)
    year, month = (begin.year + 1, 1) if begin.month == 12 else (begin.year, begin.month + 1)
    return begin.strftime("%Y-%m"), datetime(year, month, 1, tzinfo=UTC).timestamp()


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Who is behind an address, as a digest: one IPv4 address, or the 64 bits that a household of IPv6 has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        who = address
    else:
        ip = getattr(ip, "ipv4_mapped", None) or ip
        who = str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
    return blake2b(who.encode("utf-8", "replace"), digest_size=8).hexdigest()

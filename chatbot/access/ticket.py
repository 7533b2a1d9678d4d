"""A question's ticket: taken before anything is asked of a provider, settled by what it has really cost.

What it may cost is reserved: its prompt, estimated, and the longest answer. So however many ask at once, a budget
is never passed by more than what estimates are wrong by. A process that is killed leaves its reservations
spent: what the provider charges for them nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.access.limits import Asked, Asker, Part, asked_of, asked_of_a_read
from chatbot.access.rate_headers import headers_of_refusal, rate_headers
from chatbot.core.errors import BudgetExceeded, ChatbotError, RateLimitExceeded
from chatbot.core.meter import LIVE, TOTAL, Changes, Meter, Take, Taken

OnUsed = Callable[[Part, Take, float, bool], None]
"""Told of a budget that seems to be used to a part: the limit, the take, what is used as far as is known here (other workers'
reservations among it), and whether it was too little."""
_LEFT_AT = 0.2
"""What is left of a budget when it is said for the first time."""
_SHORTLY = 5
"""Seconds after which reservations of others may have come back."""

_WHO = {
    "visitor": "You have asked a lot",
    "address": "Your network has asked a lot",
    "bot": "This chat is asked a lot at the moment",
    "key": "This key has asked a lot",
}


class _Hold(NamedTuple):
    """What was taken at one time that is settled, and who counts: slots, rates of tokens, totals."""

    by: Meter
    slots: Sequence[Take]
    rates: Sequence[Take]
    totals: Sequence[Take]

    def settled_by(self, tokens: float) -> Changes:
        """What is to be changed where so many tokens were spent."""
        changes = [(take, -1.0) for take in self.slots]
        changes += [(take, tokens - take.cost) for take in self.rates]
        changes += [(take, tokens - take.cost) for take in self.totals]
        return changes


class NeverFits(Exception):
    """A question that may take more of a budget than there is of it in all, so that no wait helps."""

    def __init__(self, part: Part, take: Take, headers: dict[str, str]) -> None:
        super().__init__(f"{part.subject}: {part.name}")
        self.part = part
        self.take = take
        self.headers = headers


class Ticket:
    """What one question has taken. `settle` once, in any case.

    `headers` say how near the limits are that refuse first, by the names that OpenAI gave them. Of what was taken it keeps
    what is to be settled: a ticket lives as long as its answer.
    """

    __slots__ = ("_holds", "_meter", "_reserved", "headers")

    def __init__(
        self, meter: Meter, asked: Asked, taken: Taken, reserved: dict[str, float]
    ) -> None:
        self.headers = rate_headers(asked, taken.left)
        self._meter = meter
        self._reserved = reserved
        self._holds: list[_Hold] = []
        takes, slots, tokens, totals = asked.takes, asked.slots, asked.tokens, asked.totals
        self._hold(_Hold(taken.by, takes[slots:tokens], takes[tokens:totals], takes[totals:]))

    def _hold(self, hold: _Hold) -> None:
        self._holds.append(hold)
        reserved = self._reserved
        for _, key, cost, _, _ in hold.totals:
            reserved[key] = reserved.get(key, 0.0) + cost

    def again(self) -> bool:
        """Reserve as much again, for another attempt; False where a budget does not allow it."""
        totals = self._holds[0].totals if self._holds else ()
        if not totals:
            return True
        taken = self._meter.take(totals)
        if taken.refused is None:
            self._hold(_Hold(taken.by, (), (), totals))
        return taken.refused is None

    def settle(self, tokens: int) -> None:
        """The question is over and has cost so many tokens. Safe to call again."""
        holds, self._holds = self._holds, []
        cost = tokens
        for hold in holds:
            if changes := hold.settled_by(cost):
                hold.by.change(changes)
            self._free(hold.totals)
            cost = 0  # the first one has paid for all

    def _free(self, totals: Sequence[Take]) -> None:
        """No longer reserved. What is at 0 goes: each day has keys of its own."""
        for _, key, cost, _, _ in totals:
            left = self._reserved.pop(key, 0.0) - cost
            if left > 0.0:
                self._reserved[key] = left


class Gate:
    """Lets questions in, or refuses them. `on_used` is told of budgets that are nearly or wholly used."""

    def __init__(self, meter: Meter, on_used: OnUsed) -> None:
        self._meter = meter
        self._on_used = on_used
        self._reserved: dict[str, float] = {}
        """Of totals, by their keys: what tickets that are not settled have taken."""

    def admit(self, asker: Asker, tokens: int) -> Ticket:
        """A ticket for a question that may cost so many tokens. Raises `RateLimitExceeded`, `BudgetExceeded`, `NeverFits`."""
        asked = asked_of(asker, tokens)
        return Ticket(self._meter, asked, self._admit(asker, asked), self._reserved)

    def admit_read(self, asker: Asker) -> None:
        """Let another request of a visitor pass. Raises `RateLimitExceeded`."""
        self._admit(asker, asked_of_a_read(asker))

    def _admit(self, asker: Asker, asked: Asked) -> Taken:
        if not asked.takes:
            return Taken(None, 0.0, (), self._meter)
        taken = self._meter.take(asked.takes)
        if taken.by is self._meter:  # who counts alone knows of a part of what is used
            self._look(asked, taken.left)
        if taken.refused is not None:
            headers = headers_of_refusal(asked, taken, taken.refused)
            if never := _smaller_than_asked(asked):
                raise NeverFits(*never, headers)
            error = self._refusal(asker, asked, taken, taken.refused)
            error.headers = headers
            raise error
        return taken

    def _look(self, asked: Asked, left: Sequence[float]) -> None:
        """See which budgets are nearly used."""
        for number in range(asked.totals, len(left)):
            take = asked.takes[number]
            if left[number] <= _LEFT_AT * take.limit:
                self._warn(asked.parts[number], take, left[number])

    def _warn(self, part: Part, take: Take, left: float) -> None:
        """Say that a budget is nearly used, if it is: what is only reserved may come back."""
        left += self._reserved.get(take.key, 0.0)
        if left <= _LEFT_AT * take.limit:
            self._on_used(part, take, take.limit - left, False)

    def _refusal(self, asker: Asker, asked: Asked, taken: Taken, number: int) -> ChatbotError:
        part, take, wait = asked.parts[number], asked.takes[number], max(1, math.ceil(taken.wait))
        left = taken.left[number] + self._reserved.get(take.key, 0.0)
        if part.kind == TOTAL and (taken.by is not self._meter or left >= take.cost > 0):
            return RateLimitExceeded(
                "Too many answers are under way. Try again shortly.",
                retry_after=_SHORTLY, detail=f"{part.subject}: {part.name}, reserved",
            )  # fmt: skip
        if part.kind == TOTAL:
            self._on_used(part, take, take.limit - left, True)
            return BudgetExceeded(
                _spent(asker, part), retry_after=wait, detail=f"{part.subject}: {part.name}"
            )
        told = f"{_WHO[part.subject]}. Try again in {wait} s."
        if part.kind == LIVE:
            told = "Too many answers are under way. Wait for one of them to end."
        return RateLimitExceeded(told, retry_after=wait, detail=f"{part.subject}: {part.name}")


def _smaller_than_asked(asked: Asked) -> tuple[Part, Take] | None:
    """The smallest budget that has not room for this even where nothing is used."""
    pairs = zip(asked.parts, asked.takes, strict=True)
    found = [(p, t) for p, t in pairs if p.kind == TOTAL and t.cost > t.limit]
    return min(found, key=lambda pair: pair[1].limit, default=None)


def _spent(asker: Asker, part: Part) -> str:
    when = "month" if part.name.endswith("month") else "day"
    if not asker.visitor or asker.bot is None:
        return f"The tokens of this {when} are used up, or too few are left for this request."
    told = f"This chat has answered all that it may this {when}."
    return f"{told} {asker.bot.contact}".strip()

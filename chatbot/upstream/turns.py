"""The order in which a question's targets are asked: as configured, those with an open breaker last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chatbot.core.errors import ChatbotError
from chatbot.upstream.breaker import Breakers, GiveBack
from chatbot.upstream.route import Target


class Turn(NamedTuple):
    """One target's turn. `last`: no other is left whose breaker is not open."""

    target: Target
    last: bool
    retries: int
    probes: bool = False


class Turns:
    """Hands out the targets of one question, each once. `end` ends a turn, and is called for the last too."""

    def __init__(self, targets: Sequence[Target], breakers: Breakers) -> None:
        self._waiting = list(targets)
        self._open: list[Target] = []
        self._breakers = breakers
        self._give_back: GiveBack | None = None
        self._spotless = False

    def next(self, *, well: bool = False) -> Turn | None:
        """The next turn, or None where no target is left; `well`: none whose breaker is open either."""
        self.end()
        while self._waiting:
            target = self._waiting.pop(0)
            admitted = self._breakers.admit(target.name)
            if admitted is None:
                self._open.append(target)
                continue
            probes, self._give_back, self._spotless = admitted
            last = not any(self._may_answer(t) for t in self._waiting)
            return Turn(target, last, 0 if probes and not last else target.provider.retries, probes)
        if self._open and not well:
            target = self._open.pop(0)
            return Turn(target, not self._open, target.provider.retries)
        return None

    def note(self, target: Target, error: ChatbotError | None, took: float) -> None:
        """How an attempt ended that began `took` seconds ago: with this error, or without one.

        Where nothing was held against the target when its turn came, whatever is by now has come behind the attempt's
        begin, and a success has nothing to say to that: nobody looks.
        """
        if error is not None or not self._spotless:
            self._spotless = False
            self._breakers.note(target.name, error, took)

    def gave_up(self, turn: Turn) -> bool:
        """Whether the target's breaker has opened meanwhile, and another target is well."""
        return not turn.last and self._breakers.standing(turn.target.name) != "closed"

    def end(self) -> None:
        """The turn is over."""
        give_back, self._give_back, self._spotless = self._give_back, None, False
        if give_back is not None:
            give_back()

    def _may_answer(self, target: Target) -> bool:
        return self._breakers.standing(target.name) != "open"

"""A trial of the test page: a visitor's question for which model and profile may be chosen.

What a key in a page sends chooses nothing, for whoever reads the page's source has it. So the test page carries a pass where
it is shown to somebody who may choose: the operator; and on this machine everybody, while the mock answers and nothing is
spent. It goes with the question in a field that only this server reads, and ends within the hour:

    {"messages": […], "test": {"pass": "trial_…", "model": "mock", "profile": "origin", "seed": 1}}

All else is as with any visitor: the same address, key, prompt, limits and saving, so that what is measured is what they get.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from chatbot.access.sessions import Signer
from chatbot.upstream.mock_script import PROFILES

PASS_SECONDS = 3600
_KIND = "trial"
_OPERATOR, _MOCK = "operator", "mock"
_NAME_CAP = 100


@dataclass(frozen=True)
class Choice:
    """What a pass lets its holder choose: a model (empty: the bot's), and fields for the provider."""

    model: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


class Trials:
    """Passes, and what is chosen with them. `uses_mock`: it is the mock that answers here."""

    def __init__(self, signer: Signer, *, uses_mock: bool) -> None:
        self._signer = signer
        self._uses_mock = uses_mock

    def admit(self, *, is_operator: bool) -> str:
        """A pass for the operator; for somebody else on this machine one that holds as long as the mock answers, else none (empty)."""
        if not is_operator and not self._uses_mock:
            return ""
        until = time.time() + PASS_SECONDS
        return self._signer.issue(_KIND, until, _OPERATOR if is_operator else _MOCK).text

    def choice(self, asked: object) -> Choice | None:
        """What the field `test` of a request chooses; None without a pass that is good."""
        if not isinstance(asked, dict) or not self._is_good(asked.get("pass")):
            return None
        model, profile, seed = asked.get("model"), asked.get("profile"), asked.get("seed")
        named = model if isinstance(model, str) and len(model) <= _NAME_CAP else ""
        if not self._uses_mock or profile not in PROFILES:
            return Choice(named)
        return Choice(
            named, {"mock": {"profile": profile, "seed": seed if type(seed) is int else 0}}
        )

    def _is_good(self, text: object) -> bool:
        if not isinstance(text, str):
            return False
        bound = (_OPERATOR, _MOCK) if self._uses_mock else (_OPERATOR,)
        return any(self._signer.read(_KIND, text, who) for who in bound)

"""Budgets that are nearly or wholly used: said once each, to the log and to the owner's webhook.

What is to be said is put down in the state that workers share, under the budget's day or month, so that one of all
workers says it, and another goes on where that one ends. And the counts themselves: where they were lost (a new Redis, a
new disk), they are made again from the ledger.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from chatbot.access.directory import Directory
from chatbot.access.limits import Asked, Part, budgets_of, limits_of_bot
from chatbot.core.background import Background
from chatbot.core.logging import log, log_fields
from chatbot.core.meter import Meter, Take
from chatbot.core.shared_state import Record, SharedState, StateAway
from chatbot.core.waiting import spawn
from chatbot.store.database import StoreAway
from chatbot.store.usage import UsageStore

Send = Callable[[str, bytes], bool]
"""Posts a message of an id; whether it has arrived."""
EVERY_SECONDS = 5.0
_AGAIN_SECONDS = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
_LEDGER_SECONDS = 60.0
_ROLL_UP_SECONDS = 3600.0
_SAID = "budgets-said"
_KEPT_SECONDS = 40 * 86400.0
_LEASE = "budgets"


class Budgets:
    """Watches the budgets of all bots and keys. Without `send` the log alone is told."""

    def __init__(
        self,
        directory: Directory,
        meter: Meter,
        usage: UsageStore,
        state: SharedState,
        send: Send | None,
    ) -> None:
        self._directory = directory
        self._meter = meter
        self._usage = usage
        self._state = state
        self._send = send
        self._told: set[str] = set()
        self._counted = 0.0
        self._rolled_up = time.monotonic()
        self._background = Background(self.look, lambda: EVERY_SECONDS)

    def start(self) -> None:
        """Go on beside the caller. Safe to call again."""
        self.count_anew()
        self._background.start()

    def close(self) -> None:
        """No more."""
        self._background.stop()

    def on_used(self, part: Part, take: Take, used: float, refused: bool) -> None:
        """A budget is used to 80 % or more, or has `refused`. Costs nothing where that has been said."""
        level = 100 if refused or used >= take.limit else 80
        # With its limit: a budget that was raised is said again.
        message_id = f"{take.key}:{part.name}:{take.limit:.0f}:{level}"
        if message_id not in self._told:
            self._told.add(message_id)
            spawn(lambda: self._say(message_id, _message(part, take, used, level)))

    def look(self) -> None:
        """Send what is due, and see that no count was lost."""
        if time.monotonic() - self._counted > _LEDGER_SECONDS:
            self.count_anew()
        if self._send is None or not self._due():
            return
        self._alone(self._send_due)

    def count_anew(self) -> None:
        """Raise each count to what the ledger has, where it is less."""
        self._counted = time.monotonic()
        self._alone(self._count_anew)

    def _alone(self, work: Callable[[], None]) -> None:
        leave = None
        with suppress(StateAway):
            leave = self._state.lease(_LEASE)
        if leave is None:
            return
        try:
            work()
        except (StateAway, StoreAway) as away:
            log("budgets_unread", level=logging.WARNING, reason=str(away))
        finally:
            leave()

    def _count_anew(self) -> None:
        if time.monotonic() - self._rolled_up > _ROLL_UP_SECONDS:
            self._rolled_up = time.monotonic()
            self._usage.roll_up()
        months = self._usage.used(time.strftime("%Y-%m", time.gmtime()))
        days = self._usage.used(time.strftime("%Y-%m-%d", time.gmtime()))
        for subject, name, budgets in self._all():
            for part, take in zip(*budgets, strict=True):
                rows = months if part.name.endswith("month") else days
                spent = sum(r.tokens for r in rows if getattr(r, f"{subject}_id") == name)
                if spent and self._meter.at_least(take, spent):
                    log("budget_counted_anew", level=logging.WARNING, budget=take.key, used=spent)

    def _all(self) -> list[tuple[str, str, Asked]]:
        bots = [("bot", b.id, limits_of_bot(b)) for b in self._directory.bots]
        keys = [("key", k.id, k.limits) for k in self._directory.keys if k.limits]
        return [(subject, name, budgets_of(subject, name, of)) for subject, name, of in bots + keys]

    def _say(self, message_id: str, message: dict[str, Any]) -> None:
        is_first = False

        def add(record: Record | None) -> Record:
            nonlocal is_first
            kept = {
                k: v for k, v in (record or {}).items() if v["at"] > message["at"] - _KEPT_SECONDS
            }
            is_first = message_id not in kept
            waits = {"due": message["at"], "tries": 0} if self._send else {}
            return {message_id: {**message, **waits}, **kept}

        try:
            self._state.change(_SAID, add, _KEPT_SECONDS)
        except StateAway:
            self._told.discard(message_id)
            return
        if is_first:
            fields = {k: v for k, v in message.items() if k != "at"}
            log_fields("budget", fields, level=logging.WARNING)

    def _due(self) -> dict[str, Any]:
        try:
            record = self._state.read(_SAID) or {}
        except StateAway:
            return {}
        at = time.time()
        return {k: m for k, m in record.items() if "due" in m and m["due"] <= at}

    def _send_due(self) -> None:
        for message_id, message in self._due().items():
            arrived = self._send is not None and self._send(message_id, _body(message))
            self._state.change(_SAID, _after_a_try(message_id, arrived), _KEPT_SECONDS)
            if not arrived and message["tries"] >= len(_AGAIN_SECONDS):
                log("webhook_given_up", level=logging.ERROR, message=message_id)


def _after_a_try(message_id: str, arrived: bool) -> Callable[[Record | None], Record | None]:
    def change(record: Record | None) -> Record | None:
        message = dict((record or {}).get(message_id, {}))
        if record is None or not message:
            return record
        tries = message.pop("tries", 0)
        message.pop("due", None)
        if not arrived and tries < len(_AGAIN_SECONDS):
            # From now: after a pause of this server what is late does not all come at once.
            message |= {"tries": tries + 1, "due": time.time() + _AGAIN_SECONDS[tries]}
        return {**record, message_id: message}

    return change


def _message(part: Part, take: Take, used: float, level: int) -> dict[str, Any]:
    _, name, period = take.key.split(":")
    return {
        "at": time.time(), part.subject: name, "budget": part.name, "period": period, "percent": level,
        "limit": int(take.limit), "used": int(used),
    }  # fmt: skip


def _body(message: dict[str, Any]) -> bytes:
    """What the webhook gets: a type, a time, and the data."""
    data = {k: v for k, v in message.items() if k not in ("at", "due", "tries")}
    at = datetime.fromtimestamp(message["at"], UTC).isoformat(timespec="seconds")
    kind = "budget.exceeded" if message["percent"] == 100 else "budget.warning"
    return json.dumps({"type": kind, "timestamp": at, "data": data}).encode()

"""Budgets that are nearly or wholly used: said once each, to the log and to the owner's webhook.

What is to be said is put down in the state that workers share, under the budget's day or month, so that one of all
workers says it, and another goes on where that one ends. A budget that is nearly used is said by the ledger alone: what is counted
has reservations of all workers in it, most of which come back. And the counts themselves: where they were lost (a new Redis, a
new disk), they are made again from the ledger.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
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

Send = Callable[[str, bytes, Mapping[str, object]], bool]
"""Posts a message of an id; whether it has arrived. The third is for the log line where it has not."""
EVERY_SECONDS = 5.0
_AGAIN_SECONDS = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
_LEDGER_SECONDS = 60.0
_ROLL_UP_SECONDS = 3600.0
_SAID = "budgets-said"
_KEPT_SECONDS = 40 * 86400.0
_LEASE = "budgets"
_WARN_AT = 0.8
_TOLD_CAP = 1000
"""Messages that a worker remembers; those that it has forgotten are in the state."""


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
        self._near: dict[str, tuple[Part, Take]] = {}
        self._near_pause, self._near_due = EVERY_SECONDS, 0.0
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
        """A budget has `refused`, or may be used to 80 % or more. Costs nothing where that has been said."""
        if refused:
            self._tell(_id(part, take, "100"), {**_message(part, take), "percent": 100, "used": int(used)})  # fmt: skip
            return
        message_id = _id(part, take, "80")
        if message_id not in self._told and _used_up(message_id) not in self._told:
            self._near[message_id] = (part, take)

    def on_too_small(self, part: Part, take: Take, needed: int) -> None:
        """No question of a visitor fits into a budget: each needs so many tokens."""
        self._tell(_id(part, take, "small"), {**_message(part, take), "needed": needed})

    def _tell(self, message_id: str, message: dict[str, Any]) -> None:
        if message_id in self._told:
            return
        if len(self._told) >= _TOLD_CAP:
            self._told.clear()
        self._told.add(message_id)
        spawn(lambda: self._say(message_id, message))

    def look(self) -> None:
        """Send what is due, and see what was spent, and that no count was lost."""
        if time.monotonic() - self._counted > _LEDGER_SECONDS:
            self.count_anew()
        if self._near and time.monotonic() >= self._near_due:
            with suppress(StateAway, StoreAway):  # later, then
                self._look_at_near()
        if self._send is None or not self._due():
            return
        self._alone(self._send_due)

    def _look_at_near(self) -> None:
        """Say what the ledger has as nearly used. What is only reserved is looked at again, less and less often."""
        spent = self._ledger()
        for message_id, (part, take) in list(self._near.items()):
            used = spent(part, take)
            if used >= _WARN_AT * take.limit:
                level = 100 if used >= take.limit else 80
                message = {**_message(part, take), "percent": level, "used": used}
                self._tell(_id(part, take, str(level)), message)
                self._told.add(message_id)
            elif time.time() < take.period and self._meter.used(take) >= _WARN_AT * take.limit:
                continue
            del self._near[message_id]
        if self._near:
            self._near_due = time.monotonic() + self._near_pause
            self._near_pause = min(_LEDGER_SECONDS, 2 * self._near_pause)
        else:
            self._near_pause = EVERY_SECONDS

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
        spent = self._ledger()
        for budgets in self._all():
            for part, take in zip(budgets.parts, budgets.takes, strict=True):
                used = spent(part, take)
                if used and self._meter.at_least(take, used):
                    log("budget_counted_anew", level=logging.WARNING, budget=take.key, used=used)

    def _ledger(self) -> Callable[[Part, Take], int]:
        """What was spent of each budget, of the present day and month, by the ledger. Raises `StoreAway`."""
        at = time.gmtime()
        periods = [time.strftime(form, at) for form in ("%Y-%m-%d", "%Y-%m")]
        rows = {period: self._usage.used(period) for period in periods}

        def spent(part: Part, take: Take) -> int:
            subject, name, period = take.key.split(":")
            return sum(
                r.tokens for r in rows.get(period, ()) if getattr(r, f"{subject}_id") == name
            )

        return spent

    def _all(self) -> list[Asked]:
        bots = [("bot", b.id, limits_of_bot(b)) for b in self._directory.bots]
        keys = [("key", k.id, k.limits) for k in self._directory.keys if k.limits]
        return [budgets_of(subject, name, of) for subject, name, of in bots + keys]

    def _say(self, message_id: str, message: dict[str, Any]) -> None:
        is_first = False

        def add(record: Record | None) -> Record:
            nonlocal is_first
            kept = {
                k: v for k, v in (record or {}).items() if v["at"] > message["at"] - _KEPT_SECONDS
            }
            is_first = message_id not in kept and _used_up(message_id) not in kept
            if not is_first:
                return kept
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
            again = dict(enumerate(_AGAIN_SECONDS)).get(message["tries"])
            note = {"type": _type(message), "next_try_in": again}
            arrived = self._send is not None and self._send(message_id, _body(message), note)
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


def _id(part: Part, take: Take, what: str) -> str:
    """The id of a message. With its limit: a budget that was raised is said again."""
    return f"{take.key}:{part.name}:{take.limit:.0f}:{what}"


def _used_up(message_id: str) -> str:
    """The message after which a warning is said no more."""
    return message_id.removesuffix(":80") + ":100" if message_id.endswith(":80") else message_id


def _message(part: Part, take: Take) -> dict[str, Any]:
    _, name, period = take.key.split(":")
    return {
        "at": time.time(), part.subject: name, "budget": part.name, "period": period, "limit": int(take.limit),
    }  # fmt: skip


def _type(message: Mapping[str, Any]) -> str:
    if "needed" in message:
        return "budget.too_small"
    return "budget.exceeded" if message["percent"] == 100 else "budget.warning"


def _body(message: dict[str, Any]) -> bytes:
    """What the webhook gets: a type, a time, and the data."""
    data = {k: v for k, v in message.items() if k not in ("at", "due", "tries")}
    at = datetime.fromtimestamp(message["at"], UTC).isoformat(timespec="seconds")
    return json.dumps({"type": _type(message), "timestamp": at, "data": data}).encode()

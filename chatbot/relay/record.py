"""What happened to one request, for its line in the log. Ids, times, counts: never a text or a key."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatbot.core.waiting import now

if TYPE_CHECKING:
    from chatbot.upstream.asking import Asking

_NAME_CAP = 100
"""Characters of what a caller names in a log line: a name, not a text."""


@dataclass(slots=True)
class Record:
    """Times are `waiting.now()`, 0.0 while they have not come; `waited` (for the body) and `limits` are seconds.

    `known_at`: who calls. `asked_at`, `tried_at`: the first attempt began, and the last. `sent_at`, `came_at`, `handed_at`: the
    provider has the question, its first word has come, and has been handed on. `left_at`, `let_go_at`: the client, and the provider.
    `failed`: the provider of each attempt but the last, and whether the same target was asked again.
    """

    request_id: str = ""
    key_id: str = ""
    bot_id: str = ""
    path: str = ""
    started: float = field(default_factory=now)
    first_byte: float = 0.0
    first_token: float = 0.0
    asked: str = ""
    model: str = ""
    attempts: int = 0
    provider: str = ""
    status: int = 0
    stream: bool = False
    events: int = 0
    usage: dict[str, Any] | None = None
    code: str = ""
    detail: str = ""
    ended_by: str = "server"
    known_at: float = 0.0
    waited: float = 0.0
    limits: float = 0.0
    asked_at: float = 0.0
    tried_at: float = 0.0
    sent_at: float = 0.0
    came_at: float = 0.0
    handed_at: float = 0.0
    left_at: float = 0.0
    let_go_at: float = 0.0
    heartbeats: int = 0
    failed: tuple[tuple[str, bool], ...] = ()

    def take(self, asking: Asking) -> None:
        """What is known of a question under way, as it stands."""
        made = asking.made
        if made:
            first, last = made[0], made[-1]
            self.asked_at, self.tried_at = first.began, last.began
            self.sent_at, self.came_at = last.sent_at, last.came_at
            if first is not last:
                pairs = itertools.pairwise(made)
                self.failed = tuple(
                    (a.target.provider.name, a.target.name == b.target.name) for a, b in pairs
                )

    def timing(self, at: float) -> str:
        """The answer's `Server-Timing`, in milliseconds, as far as it is known at a time: when its head goes."""
        known = "first-byte;dur=%.1f" % ((at - self.started) * 1000)
        if self.came_at:
            known = f"upstream;dur={(self.came_at - self.sent_at) * 1000:.1f}, {known}"
        if self.sent_at:
            known = f"connect;dur={(self.sent_at - self.tried_at) * 1000:.1f}, {known}"
        if self.tried_at > self.asked_at:
            known = f"retries;dur={(self.tried_at - self.asked_at) * 1000:.1f}, {known}"
        if self.limits:
            known = f"limits;dur={self.limits * 1000:.1f}, {known}"
        if self.known_at:
            known = f"auth;dur={(self.known_at - self.started) * 1000:.1f}, {known}"
        return known

    def fields(self) -> dict[str, object]:
        """The fields of the log line; times in seconds since the start."""
        usage = self.usage or {}
        return {
            "request_id": self.request_id,
            "key_id": self.key_id,
            "bot_id": self.bot_id,
            "path": self.path[:_NAME_CAP],
            "asked": self.asked[:_NAME_CAP],
            "model": self.model[:_NAME_CAP],
            "provider": self.provider,
            "attempts": self.attempts,
            "stream": self.stream,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "time_to_first_byte": self.since_start(self.first_byte),
            "time_to_first_token": self.since_start(self.first_token),
            "total": self.since_start(now()),
            "events": self.events,
            "input_tokens": usage.get("prompt_tokens"),
            "output_tokens": usage.get("completion_tokens"),
            "ended_by": self.ended_by,
        }

    def since_start(self, time: float) -> float | None:
        """Seconds from the request's start to a time; None where it has not come."""
        return round(time - self.started, 4) if time else None

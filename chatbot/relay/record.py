"""What happened to one request, for its line in the log. Ids, times, counts: never a text or a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chatbot.core.waiting import now

_NAME_CAP = 100
"""Characters of what a caller names in a log line: a name, not a text."""


@dataclass
class Record:
    """Times are `waiting.now()`, 0.0 while they have not come."""

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

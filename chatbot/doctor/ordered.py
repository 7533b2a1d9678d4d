"""An examination that a page has ordered: plain values in and out, and each part told as it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from chatbot.doctor.examine import CannotAsk, as_json, examine
from chatbot.doctor.front import Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import OTHER, Finding

Tell = Callable[[str, list[dict[str, str]]], None]
_NAMES = {
    "check_trust": "The certificate", "check_tls": "TLS", "check_request": "What arrives of a request",
    "check_errors": "Errors", "check_streaming": "A stream", "check_compressed": "A compressed stream",
    "check_departure": "A visitor who leaves", "check_idle": "Silences of 30, 60 and 100 s",
    "check_connections": "Many streams at once",
}  # fmt: skip


def examine_for_page(url: str, key: str, silences: bool, tell: Tell) -> dict[str, Any]:
    """Examine the front at `url`: `front`, `findings` as `doctor --json` has them, and `trouble` where it could not be asked."""
    front = Front(urlsplit(url), key)
    tls = () if front.is_tls else ("check_tls", "check_trust")
    left_out = tls if silences else (*tls, "check_idle")

    def told(check: str, found: Sequence[Finding]) -> None:
        if found or check not in left_out:
            tell(_NAMES[check], [as_json(finding, front.name) for finding in found])

    try:
        came = examine(front, Pace() if silences else Pace().quick(), told=told)
    except CannotAsk as error:
        return {"front": front.name, "findings": [], "trouble": str(error)}
    named = "" if came.front == OTHER else came.front
    return {
        "front": named,
        "findings": [as_json(f, came.front) for f in came.findings],
        "trouble": "",
    }

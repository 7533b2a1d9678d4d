"""What of a request arrives at the application: its protocol, its address, its headers, its host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from chatbot.doctor.front import API, Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import OTHER, Finding

FORGED = "192.0.2.66"
"""An address of documentation's: nobody's. Source: RFC 5737."""
SENT = {
    "X-Session-ID": "doctor", "X-Conversation-ID": "doctor", "X-Visitor-Token": "doctor",
    "X-Requested-With": "ChatbotWidget",
}  # fmt: skip


def check_request(front: Front, pace: Pace) -> Iterator[Finding]:
    """What the server says of a request of ours."""
    before = time.time()
    told = front.diagnosis(SENT).json
    after = time.time()
    if not told.get("request"):
        yield Finding("not-asked", "What the server saw of a request could not be read.")
        return
    seen = told["request"]
    if seen["protocol"] != "HTTP/1.1":
        yield Finding("http-1.0", f"The application was asked by {seen['protocol']}.")
    if told["worker"]["kind"] != "gevent":
        one = ": one answer at a time" if told["worker"]["kind"] == "sync" else ""
        yield Finding(
            "worker-class", f"It is {told['worker']['software'] or 'another server'}{one}."
        )
    dropped = [name for name in SENT if name not in seen["headers"]]
    if dropped:
        yield Finding("request-headers-dropped", ", ".join(dropped) + ".")
    off = max(before - pace.clock - told["time"], told["time"] - after - pace.clock)
    if off > 0:
        yield Finding("clock", f"They differ by {off + pace.clock:.0f} s.")
    yield from _own_address(front, told)
    yield from _callers_address(front, told)


def _own_address(front: Front, told: dict[str, Any]) -> Iterator[Finding]:
    """Host and scheme as the application sees them; CHATBOT_PUBLIC_URL stands for both."""
    seen, public = told["request"], told["settings"]["public_url"]
    if public:
        return
    if front.is_tls and seen["scheme"] != "https":
        yield Finding("scheme-lost", "It sees http.")
    host = urlsplit(f"//{seen['host']}").hostname or ""
    if host.lower() != front.host.lower():
        yield Finding("host-lost", f"It sees {host!r}.")


def _callers_address(front: Front, told: dict[str, Any]) -> Iterator[Finding]:
    """Whether limits go by the visitor's address: neither by the proxy's, nor by one that a visitor makes up."""
    hops, came = told["settings"]["trusted_proxies"], told["request"]["forwarded_for"]
    forged = front.diagnosis({"X-Forwarded-For": FORGED}).json.get("request", {})
    if forged.get("address") == FORGED:
        yield Finding("forwarded-forged", f"It was taken for {FORGED}, which it is not.")
    if hops == 0 and came:
        yield Finding("proxy-not-trusted", "It arrives, and CHATBOT_TRUSTED_PROXIES is 0.")
    expected = max(hops, 1 if front.name != OTHER and not _is_inside(told) else 0)
    if len([part for part in came.split(",") if part.strip()]) < expected:
        yield Finding("forwarded-missing", f"X-Forwarded-For is {came!r} behind {expected}.")


def _is_inside(told: dict[str, Any]) -> bool:
    """Whether the front itself runs the application (mod_wsgi), so that there is nothing to pass on."""
    return str(told["worker"]["software"]).startswith("Apache")


def check_errors(front: Front, pace: Pace) -> Iterator[Finding]:
    """Whether an error of the application reaches the caller as it is."""
    del pace
    answer = front.ask("GET", f"{API}/diagnosis/nothing")
    if answer.code != "not_found":
        kind = answer.headers.get("Content-Type", "nothing")
        yield Finding("errors-replaced", f"An error came as {answer.status} with {kind}.")

"""What shows only after a while: silences that are cut, departures that are not passed on, places that run out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from typing import Any

from chatbot.core.waiting import now
from chatbot.doctor.front import Front, Trouble
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import NGINX, Finding

_PROMPT_SHARE = 0.8
"""Of the silence: a departure that arrives later has been noticed at the next event only."""
_MARGIN = 5.0


def check_idle(front: Front, pace: Pace) -> Iterator[Finding]:
    """Silences of different lengths, side by side; the shortest that is cut is told."""
    if not pace.idle:
        return
    with ThreadPoolExecutor(len(pace.idle)) as pool:
        lasted = list(pool.map(lambda wait: _silence(front, wait), pace.idle))
    for wait, cut in zip(pace.idle, lasted, strict=True):
        if cut is not None:
            yield Finding("idle-timeout", f"A silence of {wait:g} s was cut after {cut:.1f} s.")
            return


def _silence(front: Front, wait: float) -> float | None:
    """The seconds after which a silence was cut; None where it was not."""
    query = {"events": 2, "every": 0, "silence": wait}
    with front.pattern(query, patience=wait + 10) as stream:
        began = now()
        stream.begun().read()
        return None if stream.done else now() - began


def check_departure(front: Front, pace: Pace) -> Iterator[Finding]:
    """Leave after the first event, in the silence, and ask the server when it noticed."""
    run, tail = secrets.token_hex(12), 8
    query = {"events": tail, "every": pace.goodbye, "silence": pace.silence, "run": run}
    with suppress(TimeoutError), front.pattern(query, patience=pace.silence / 2) as stream:
        next(
            stream.begun().events(), None
        )  # where it is held back, nothing comes: leave all the same
    ended = _end_of(front, run, pace.silence + tail * pace.goodbye + _MARGIN)
    if ended is None:
        yield Finding("departure-not-passed", "The server has not noticed at all.")
    elif ended["ended"] != "left":
        yield Finding("departure-not-passed", "The answer was sent to its end.")
    elif ended["after"] > pace.silence * _PROMPT_SHARE and front.name == NGINX:
        # Apache looks at its client only when it has something to send it, so there it is no fault.
        yield Finding("departure-not-passed", f"It was noticed after {ended['after']:.1f} s, by the next event.")  # fmt: skip


def _end_of(front: Front, run: str, seconds: float) -> dict[str, Any] | None:
    """How a pattern has ended, as soon as that is known."""
    until = now() + seconds
    while now() < until:
        found = front.diagnosis(run=run).json.get("run")
        if isinstance(found, dict):
            return found
        time.sleep(0.25)
    return None


def check_connections(front: Front, pace: Pace) -> Iterator[Finding]:
    """Many streams at once: each must begin before the first of them ends."""
    query = {"events": 2, "every": 0, "silence": pace.hold}
    begun, refused = 0, ""
    with ExitStack() as stack:
        began = now()
        opened = []
        for _ in range(pace.streams):
            connection = front.connection(pace.hold)
            stack.callback(connection.close)
            front.send_for_pattern(connection, query)
            opened.append(connection)
        for connection in opened:
            status, first = _begins(front, connection, began + pace.hold)
            begun += first
            if status not in (0, 200):
                refused = f" Others were answered with {status}."
    if begun < pace.streams:
        yield Finding("connection-limit", f"{begun} of {pace.streams} began.{refused}")


def _begins(front: Front, connection: HTTPConnection, until: float) -> tuple[int, bool]:
    """The status of a stream that was asked for, and whether its first event comes in time; 0 for no answer.

    Raises `HTTPException` where the application has refused it.
    """
    try:
        if connection.sock is not None:
            connection.sock.settimeout(max(0.05, until - now()))
        stream = front.begun(connection)
    except Trouble:
        return 0, False
    stream.check()
    with suppress(*Trouble):
        return stream.status, stream.status == 200 and next(stream.events(), None) is not None
    return stream.status, False

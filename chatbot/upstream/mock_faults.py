"""Every way in which a provider misbehaves, by name: `{"mock": {"fault": "stall"}}`.

Each takes the script of a good answer and spoils it. The names are those of the tests' fault matrix.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatbot.protocol.error_body import error_body
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.upstream.mock_script import (
    EVENT_STREAM,
    End,
    Framing,
    Pace,
    Script,
    Step,
    body_script,
    error_script,
    json_script,
    stream_script,
)

Fault = Callable[[Script, dict[str, Any], Pace], Script]
AFTER = 6
"""Events that go out before a fault that comes in mid-stream: a role and five tokens."""
CANARY = "sk-canary0123456789"
"""A key in a provider's message, which must never reach anybody."""


def _steps(script: Script) -> list[Step]:
    return list(script.steps)


def _cut(end: End, framing: Framing = "chunked", torn: bytes = b"") -> Fault:
    def fault(script: Script, _: dict[str, Any], pace: Pace) -> Script:
        steps = [*_steps(script)[:AFTER], *([(pace.pace, torn)] if torn else [])]
        return replace(script, steps=steps, end=end, framing=framing)

    return fault


def _status(status: int, code: str, message: str = f"No, {CANARY}", retry: str = "") -> Fault:
    headers = {"Retry-After": retry} if retry else None
    return lambda *_: error_script(status, message, code, headers)


def _insert(*frames: bytes, at: int = AFTER) -> Fault:
    def fault(script: Script, _: dict[str, Any], pace: Pace) -> Script:
        steps = _steps(script)
        return replace(script, steps=[*steps[:at], *((0.0, f) for f in frames), *steps[at:]])

    return fault


def _rewrite(change: Callable[[bytes], bytes], prefix: bytes = b"") -> Fault:
    def fault(script: Script, *_: object) -> Script:
        steps = [(delay, change(data)) for delay, data in script.steps]
        return replace(script, steps=[(0.0, prefix), *steps] if prefix else steps)

    return fault


def _without(count: int) -> Fault:
    """Without the last `count` events."""
    return lambda script, *_: replace(script, steps=_steps(script)[:-count])


def _endless(script: Script, _: dict[str, Any], pace: Pace) -> Script:
    steps = _steps(script)
    return replace(
        script, steps=itertools.chain(steps[:2], itertools.repeat((pace.pace, steps[2][1])))
    )


def _only_comments(script: Script, _: dict[str, Any], pace: Pace) -> Script:
    comments = itertools.repeat((max(pace.pace, 0.02), b": still here\n\n"))
    return replace(script, steps=itertools.chain(_steps(script)[:AFTER], comments))


def _stream_options_refused(script: Script, payload: dict[str, Any], _: Pace) -> Script:
    if "stream_options" in payload:
        return error_script(
            400, "Unrecognized request argument: stream_options", "unknown_parameter"
        )
    return script


def _gzipped(script: Script, *_: object) -> Script:
    body = gzip.compress(b"".join(data for _, data in script.steps))
    return Script([(0.0, body)], 200, {"Content-Type": EVENT_STREAM, "Content-Encoding": "gzip"})


def _duplicated(script: Script, *_: object) -> Script:
    steps = _steps(script)
    return replace(script, steps=[*steps[:4], steps[3], *steps[4:]])


_ERROR = encode_event(error_body(f"Overheated, {CANARY}", "server_error", "500"))
_HTML = f"<html><body>Bad gateway {CANARY}</body></html>".encode()

FAULTS: dict[str, Fault] = {
    "reset_before_headers": lambda s, *_: replace(s, head_reset=True),
    "reset_after_headers": lambda s, *_: replace(s, steps=[], end="reset"),
    "no_headers": lambda s, *_: replace(s, head_delay=None),
    "slow_headers": lambda s, _, pace: replace(s, head_delay=pace.first_token),
    "drip_headers": lambda s, *_: replace(s, head_drip=0.2),
    "reset_mid_event": _cut("reset", torn=b'data: {"choices"'),
    "fin_mid_event": _cut("cut", torn=b'data: {"choices"'),
    "fin_mid_event_unframed": _cut("close", "none", b'data: {"choices"'),
    "cut": _cut("cut"),
    "cut_unframed": _cut("close", "none"),
    "ends_early": _cut("close"),
    "length_too_long": _cut("close", "long"),
    "stall": _cut("open"),
    "only_comments": _only_comments,
    "endless": _endless,
    "no_done": _without(1),
    "no_done_reset": lambda s, p, pace: replace(_without(1)(s, p, pace), end="reset"),
    "no_finish": lambda s, *_: replace(s, steps=[*_steps(s)[:AFTER], (0.0, DONE)]),
    "done_open": lambda s, *_: replace(s, end="open"),
    "after_done": lambda s, *_: replace(s, steps=[*_steps(s), (0.0, b"data: {}\n\n")]),
    "duplicate": _duplicated,
    "garbage": _insert(b"\x00\x01garbage\n\n", b"data: not json\n\n"),
    "invalid_utf8": _insert(b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n'),
    "huge_event": _insert(b"data: " + b"x" * (10 * 1024 * 1024) + b"\n\n"),
    "error_first": _insert(_ERROR, at=1),
    "error_mid": _insert(_ERROR),
    "empty": lambda s, *_: replace(s, steps=[]),
    "only_done": lambda s, *_: replace(s, steps=[(0.0, DONE)]),
    "crlf": _rewrite(lambda b: b.replace(b"\n", b"\r\n")),
    "cr": _rewrite(lambda b: b.replace(b"\n", b"\r")),
    "bom": _rewrite(lambda b: b, b"\xef\xbb\xbf"),
    "comments": _rewrite(lambda b: b": ping\n\n" + b),
    "ids": _rewrite(lambda b: b"id: 1\n" + b),
    "html": lambda *_: body_script(_HTML, 200, "text/html"),
    "html_500": lambda *_: body_script(_HTML, 500, "text/html"),
    "json": lambda _, payload, pace: json_script(payload, pace),
    "sse": lambda _, payload, pace: stream_script(payload, pace),
    "wrong_type": lambda s, *_: replace(s, headers={"Content-Type": "text/plain"}),
    "gzip": _gzipped,
    "redirect": lambda *_: body_script(b"", 307, headers={"Location": "/elsewhere"}),
    "400": _status(400, "invalid_request"),
    "401": _status(401, "invalid_api_key"),
    "402": _status(402, "payment_required"),
    "403": _status(403, "forbidden"),
    "404": _status(404, "model_not_found"),
    "413": _status(413, "request_too_large"),
    "422": _status(422, "unprocessable"),
    "429": _status(429, "rate_limit_exceeded", retry="7"),
    "quota": _status(429, "insufficient_quota"),
    "500": _status(500, "server_error"),
    "503": _status(503, "overloaded"),
    "context_length": _status(400, "context_length_exceeded"),
    "content_policy": _status(400, "content_policy_violation"),
    "stream_options_refused": _stream_options_refused,
    "json_error": lambda *_: body_script(
        json.dumps(error_body(f"No, {CANARY}", "server_error", "server_error")).encode()
    ),
}

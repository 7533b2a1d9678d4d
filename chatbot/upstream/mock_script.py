"""A provider's answer as a timeline: what is sent when, and how it ends.

The same script is played inside the process (`mock.py`) and over a real socket (`mock_server.py`). It is
written from the request: a field `mock` that only the mock reads sets pace, length, profile and fault.

    {"mock": {"profile": "demo" | "instant" | "origin", "fault": "…", "first_token": 0.5,
              "pace": 0.02, "tokens": 100, "seed": 1}}        times in seconds

The profile `origin` has the latencies that started this project: 7.4 s at the least, 11.7 s on average,
18.8 s at P95, with a first token between 0.5 and 0.9 s.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from chatbot.protocol.error_body import error_body
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.upstream.mock_text import (
    answer_text,
    citations,
    question_of,
    tokens_of,
    tool_call,
)

Step = tuple[float, bytes]
"""Seconds to wait, then bytes to send."""
End = Literal["close", "reset", "cut", "open"]
"""A clean end; a reset; an end without the framing's own; none."""
Framing = Literal["chunked", "raw", "none", "long"]

EVENT_STREAM = "text/event-stream; charset=utf-8"
MODELS = ("mock", "mock-instant", "mock-origin")
PROFILES = ("demo", "instant", "origin")


@dataclass
class Script:
    """One answer. `head_delay` None: the head never comes."""

    steps: Iterable[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": EVENT_STREAM})
    end: End = "close"
    framing: Framing = "chunked"
    head_delay: float | None = 0.0
    head_reset: bool = False
    head_drip: float = 0.0


@dataclass
class Pace:
    """Seconds before the first token and between tokens; how many tokens (None: the whole answer)."""

    first_token: float
    pace: float
    tokens: int | None = None


def pace_of(payload: dict[str, Any], options: dict[str, Any]) -> Pace:
    """The pace of a request: its profile, then single values."""
    profile = options.get("profile") or str(payload.get("model", "")).removeprefix("mock-")
    rng = random.Random(options.get("seed"))
    if profile == "instant":
        pace = Pace(0.0, 0.0)
    elif profile == "origin":
        first, count = rng.uniform(0.5, 0.9), len(tokens_of(answer_text(payload)))
        pace = Pace(first, (origin_total(rng) - first) / count)
    else:
        pace = Pace(0.25, 0.02)
    return Pace(
        float(options.get("first_token", pace.first_token)),
        float(options.get("pace", pace.pace)),
        options.get("tokens", pace.tokens),
    )


def origin_total(rng: random.Random) -> float:
    """Seconds of one whole answer as it was: at least 7.4, 11.7 on average, 18.8 at P95."""
    return 7.4 + rng.gammavariate(1.4, 4.3 / 1.4)


def usage_of(payload: dict[str, Any], tokens: int) -> dict[str, int]:
    """A usage that depends on the request alone: four characters are a token."""
    prompt = len(json.dumps(payload.get("messages"))) // 4
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens,
        "total_tokens": prompt + tokens,
    }


def events_of(payload: dict[str, Any], tokens: int | None) -> list[dict[str, Any]]:
    """The chunks of a whole answer, the usage among them where it was asked for."""
    top = _top(payload, "chat.completion.chunk")
    choices = [_choice_deltas(payload, tokens) for _ in range(payload.get("n") or 1)]
    chunks = [
        {**top, "choices": [{"index": i, "delta": d, "logprobs": None, "finish_reason": finish}]}
        for row in itertools.zip_longest(*choices)
        for i, cell in enumerate(row)
        if cell is not None
        for d, finish in [cell]
    ]
    if found := citations(payload):
        chunks[0]["citations"] = found
    if (payload.get("stream_options") or {}).get("include_usage"):
        usage = usage_of(payload, len(chunks) - 2)
        chunks.append({**top, "choices": [], "usage": usage})
    return chunks


def _choice_deltas(
    payload: dict[str, Any], tokens: int | None
) -> list[tuple[dict[str, Any], str | None]]:
    call = tool_call(payload)
    if call is None:
        texts: list[dict[str, Any]] = [
            {"content": t} for t in tokens_of(answer_text(payload), tokens)
        ]
        return [({"role": "assistant", "content": ""}, None), *((d, None) for d in texts),
                ({}, "stop")]  # fmt: skip
    first = {
        "index": 0,
        "id": "call_mock",
        "type": "function",
        "function": {"name": call["name"], "arguments": ""},
    }
    pieces = tokens_of(call["arguments"])
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": p}}]} for p in pieces]
    return [({"role": "assistant", "content": None, "tool_calls": [first]}, None),
            *((d, None) for d in deltas), ({}, "tool_calls")]  # fmt: skip


def completion_of(payload: dict[str, Any], tokens: int | None) -> dict[str, Any]:
    """The whole answer as one object."""
    call, texts = tool_call(payload), tokens_of(answer_text(payload), tokens)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts), "refusal": None}
    if call is not None:
        message["content"] = None
        message["tool_calls"] = [{"id": "call_mock", "type": "function", "function": call}]
    finish = "stop" if call is None else "tool_calls"
    choices = [
        {"index": i, "message": message, "logprobs": None, "finish_reason": finish}
        for i in range(payload.get("n") or 1)
    ]
    top = _top(payload, "chat.completion")
    found = citations(payload)
    more = {"citations": found} if found else {}
    return {**top, "choices": choices, "usage": usage_of(payload, len(texts)), **more}


def _top(payload: dict[str, Any], kind: str) -> dict[str, Any]:
    number = random.Random(question_of(payload)).getrandbits(64)
    return {
        "id": f"chatcmpl-mock{number:016x}",
        "object": kind,
        "created": 1_700_000_000,
        "model": payload.get("model") or "mock",
        "system_fingerprint": "mock",
    }


def write_script(payload: dict[str, Any]) -> Script:
    """The script for a chat completion request."""
    from chatbot.upstream.mock_faults import FAULTS

    options = payload.get("mock")
    options = options if isinstance(options, dict) else {}
    fault = FAULTS.get(str(options.get("fault", "")))
    if options.get("fault") and fault is None:
        return error_script(
            400, f"The mock knows no fault {options['fault']!r}.", "invalid_request"
        )
    pace = pace_of(payload, options)
    script = stream_script(payload, pace) if payload.get("stream") else json_script(payload, pace)
    return fault(script, payload, pace) if fault else script


def stream_script(payload: dict[str, Any], pace: Pace) -> Script:
    """A plain stream: a role at once, then token by token, then `[DONE]`."""
    return Script(list(_paced(payload, pace)))


def _paced(payload: dict[str, Any], pace: Pace) -> Iterator[Step]:
    events = events_of(payload, pace.tokens)
    yield 0.0, encode_event(events[0])
    for number, event in enumerate(events[1:]):
        yield pace.first_token if number == 0 else pace.pace, encode_event(event)
    yield 0.0, DONE


def json_script(payload: dict[str, Any], pace: Pace) -> Script:
    """A plain answer, after the time that the stream would have taken."""
    completion = completion_of(payload, pace.tokens)
    seconds = pace.first_token + pace.pace * completion["usage"]["completion_tokens"]
    return body_script(json.dumps(completion).encode(), delay=seconds)


def body_script(
    body: bytes,
    status: int = 200,
    kind: str = "application/json",
    delay: float = 0.0,
    headers: dict[str, str] | None = None,
) -> Script:
    """One body at once."""
    return Script([(delay, body)], status, {"Content-Type": kind, **(headers or {})})


def error_script(
    status: int, message: str, code: str, headers: dict[str, str] | None = None
) -> Script:
    """An error as OpenAI words one."""
    body = error_body(message, "invalid_request_error" if status == 400 else code, code)
    return body_script(json.dumps(body).encode(), status, headers=headers)

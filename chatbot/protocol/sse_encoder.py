"""The only place that writes an event stream.

Everything that we add to a provider's stream (an error, the end, a heartbeat) is made here, so that
framing is decided once. JSON is written in ASCII: no byte of it can be a line end, or be cut in half.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

DATA = b"data: "
"""How a line of data begins, as nearly everybody writes it."""
DONE = b"data: [DONE]\n\n"
"""Means complete, always and only."""


def encode_event(value: Mapping[str, object]) -> bytes:
    """One event whose data is `value` as JSON on a single line."""
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def encode_event_in_utf8(value: Mapping[str, object]) -> bytes:
    """As `encode_event`, with letters as they are: for what is sent to see whether they arrive."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return b"data: " + text.encode() + b"\n\n"


def heartbeat(after_id: bool) -> bytes:
    """Bytes that keep a connection alive and that no reader sees as an event.

    A comment with an empty line wakes readers that act on empty lines. Once a stream has sent an `id:`
    some SDKs would take that empty line for an event of its own (httpx-sse and what copies it), so from
    then on it is a comment alone.
    """
    return b":\n" if after_id else b":\n\n"

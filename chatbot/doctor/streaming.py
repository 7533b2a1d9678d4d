"""Whether a stream arrives as it was sent: live, uncompressed, whole, and in its own letters."""

from __future__ import annotations

from collections.abc import Iterator

from chatbot.doctor.front import Front, Stream
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import Finding
from chatbot.protocol.pattern_text import TEXT

LIVE_SHARE = 0.25
"""Of the time in which events were sent: those that arrive within less of it have been held back together."""
_KEPT = ("X-Request-ID", "Server-Timing", "X-Content-Type-Options")


def check_streaming(front: Front, pace: Pace) -> Iterator[Finding]:
    """A pattern as programs ask for it."""
    stream = _read(front, pace, "identity")
    if is_held_back(stream):
        yield Finding("buffered", _shown(stream))
    if any(event.get("text") != TEXT for event, _ in stream.came) or _is_torn(stream, pace):
        yield Finding("changed", f"{len(stream.came)} of {pace.events} events arrived.")
    yield from _headers(stream)


def check_compressed(front: Front, pace: Pace) -> Iterator[Finding]:
    """A pattern as browsers ask for it: they accept gzip."""
    stream = _read(front, pace, "gzip")
    if is_held_back(stream):
        yield Finding("buffered-gzip", _shown(stream))
    encoding = stream.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        yield Finding("compressed", f"Content-Encoding is {encoding}.")


def is_held_back(stream: Stream) -> bool:
    """Whether events that were sent one after the other came together."""
    if len(stream.came) < 2:
        return False
    return _came_within(stream) < LIVE_SHARE * _sent_within(stream)


def _read(front: Front, pace: Pace, encoding: str) -> Stream:
    query = {"events": pace.events, "every": pace.every}
    patience = 10 + pace.events * pace.every
    with front.pattern(query, {"Accept-Encoding": encoding}, patience=patience) as stream:
        return stream.begun().read()


def _came_within(stream: Stream) -> float:
    return stream.came[-1][1] - stream.came[0][1]


def _sent_within(stream: Stream) -> float:
    return float(stream.came[-1][0].get("at", 0)) - float(stream.came[0][0].get("at", 0))


def _shown(stream: Stream) -> str:
    return (
        f"{len(stream.came)} events that were sent within {_sent_within(stream):.2f} s "
        f"came within {_came_within(stream):.2f} s."
    )


def _is_torn(stream: Stream, pace: Pace) -> bool:
    numbers = [event["n"] for event, _ in stream.came]
    return numbers != list(range(pace.events)) or not stream.done


def _headers(stream: Stream) -> Iterator[Finding]:
    kind = stream.headers.get("Content-Type", "").lower().replace(" ", "")
    if kind != "text/event-stream;charset=utf-8":
        yield Finding("charset", f"Content-Type is {kind or 'missing'}.")
    missing = [name for name in _KEPT if name not in stream.headers]
    cache = stream.headers.get_all("Cache-Control") or []
    if cache != ["no-cache, no-transform"]:
        missing.append("Cache-Control")
    if missing:
        yield Finding("headers-missing", ", ".join(missing) + ".")

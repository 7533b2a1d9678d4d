"""What all events of one answer have alike: everything but the text.

A provider writes some 150 bytes of JSON around each few characters of an answer. One event is read whole; of those
behind it that begin and end with the same bytes only the text between is read, many at once: half a call of a function for each
instead of twenty (tests/test_cost.py).

It is exact. That the gap in the mould is the inside of the content's string is seen by putting another text into it and reading
that; and what is found in the gap later has to be the inside of a JSON string, whole and by itself. So an event of the mould
is an event with another text, and nothing else can be.
"""

from __future__ import annotations

from typing import Any

import orjson

from chatbot.protocol.sse_encoder import DATA

_PROBE = "?"
_END = b"\n\n"
_VEIL = "obfuscation"
"""The field in which OpenAI sends noise behind each text, so that the sizes of packets tell nothing."""


class Mould:
    """An event's bytes before its text, behind it, and between it and its noise, where it has some."""

    __slots__ = ("_before", "_behind", "_between")

    def __init__(self, before: bytes, between: bytes, behind: bytes) -> None:
        self._before, self._between, self._behind = DATA + before, between, behind + _END

    def read(self, events: bytes, at: int) -> tuple[int, str, int]:
        """How many of the events from `at` on are of this mould, one behind another, what they say, and where they end."""
        before, behind = self._before, self._behind
        start = at + len(before)
        end = events.rfind(behind, start) if events.startswith(before, at) else -1
        if end < 0:
            return 0, "", at
        found, end = events[start:end], end + len(behind)
        gaps = found.split(behind + before)
        if len(gaps) == 1:
            said = self._said(found)
            return (0, "", at) if said is None else (1, said, end)
        said = None if self._between or b"\\" in found else _joined(gaps)
        if said is not None:
            return len(gaps), said, end
        return self._one_by_one(gaps, at)

    def _one_by_one(self, gaps: list[bytes], at: int) -> tuple[int, str, int]:
        around, texts = len(self._before) + len(self._behind), []
        for gap in gaps:
            said = self._said(gap)
            if said is None:
                break
            texts.append(said)
            at += around + len(gap)
        return len(texts), "".join(texts), at

    def _said(self, gap: bytes) -> str | None:
        if not self._between:
            return _inside(gap)
        text, between, noise = gap.partition(self._between)
        return _inside(text) if between and _inside(noise) is not None else None


def _inside(text: bytes) -> str | None:
    """What stands in JSON between two quotes; None where that is no string."""
    try:
        said: str = orjson.loads(b'"%b"' % text)
        return said
    except ValueError:
        return None


def _joined(gaps: list[bytes]) -> str | None:
    """As `_inside`, of all of them: where none has a backslash nothing in them can be taken for what joins them."""
    said = _inside(b"\\n".join(gaps))
    return None if said is None else said.replace("\n", "")


def mould_of(event: bytes, chunk: dict[str, Any]) -> Mould | None:
    """The mould of an event with content, where it has one; `chunk` is what its data say."""
    choices = chunk["choices"]
    if len(choices) != 1 or "citations" in chunk:
        return None
    content, veil = choices[0]["delta"]["content"], chunk.get(_VEIL)
    if _PROBE in (content, veil):
        return None
    before, behind = _around(event, "content", content)
    between = b""
    if behind and isinstance(veil, str):
        between, behind = _around(behind, _VEIL, veil)
    filled = _PROBE.encode().join([before, between, behind] if between else [before, behind])
    is_it = behind and _with(content, veil, filled) == chunk
    return Mould(before, between, behind) if is_it else None


def _around(event: bytes, name: str, value: str) -> tuple[bytes, bytes]:
    """What is before and behind the text of a field, its quotes included; nothing where it is not found."""
    try:
        written = orjson.dumps(value)
    except TypeError:  # half a surrogate pair
        return b"", b""
    at = event.find(written, event.find(b'"%b"' % name.encode()))
    return (event[: at + 1], event[at + len(written) - 1 :]) if at >= 0 else (b"", b"")


def _with(content: str, veil: object, filled: bytes) -> Any:
    """An event that was filled with the probe, with these instead; None where the probe is not what it says."""
    try:
        chunk = orjson.loads(filled)
        delta = chunk["choices"][0]["delta"]
        if delta["content"] != _PROBE or (isinstance(veil, str) and chunk[_VEIL] != _PROBE):
            return None
    except (ValueError, LookupError, TypeError):
        return None
    delta["content"] = content
    if isinstance(veil, str):
        chunk[_VEIL] = veil
    return chunk

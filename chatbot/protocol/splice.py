"""Going on with an answer that broke off, from another telling of the same answer.

A provider that is asked again begins anew. While what it says begins with exactly what has been delivered,
that part is swallowed; from there on it is the rest of the answer, under the first one's id. At the first
difference there is no rest: two different answers must never be shown as one. It rescues deterministic
answers (temperature 0, a cache, the same seed), and says so of the others.
"""

from __future__ import annotations

from typing import Any

from chatbot.protocol.sse_decoder import SSEDecoder
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.protocol.strict_json import read_json


class AnswersDiffer(ValueError):
    """The second telling is not the first's, or can't be compared with it."""


class Splice:
    """The rest of an answer of which `delivered` has gone out, with the id `first_id`."""

    def __init__(self, delivered: str, first_id: str) -> None:
        self._missing = delivered
        self._id = first_id
        self._decoder = SSEDecoder()

    def feed(self, wire: bytes) -> bytes:
        """Whole events of the second telling in, those of the rest out. Raises `AnswersDiffer`."""
        out: list[bytes] = []
        for frame in self._decoder.feed(wire):
            if frame.data == b"[DONE]":
                self._check_swallowed()
                out.append(DONE)
            elif frame.data is not None:
                chunk = read_json(frame.data)
                if self._is_rest(chunk, _choice(chunk)):
                    out.append(encode_event({**chunk, "id": self._id}))
        return b"".join(out)

    def _is_rest(self, chunk: dict[str, Any], choice: dict[str, Any] | None) -> bool:
        """Whether a chunk says more than has been delivered; it is cut down to that."""
        if not self._missing or choice is None:
            return not self._missing
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict) or not isinstance(delta.get("content") or "", str):
            raise AnswersDiffer("the second answer is not plain text")
        if any(value for key, value in delta.items() if key not in ("role", "content")):
            raise AnswersDiffer("the second answer is not plain text")
        text = delta.get("content") or ""
        common = min(len(text), len(self._missing))
        if text[:common] != self._missing[:common]:
            raise AnswersDiffer("the second answer is another one")
        self._missing = self._missing[common:]
        if choice.get("finish_reason"):
            self._check_swallowed()
        delta["content"] = text[common:]
        return bool(delta["content"] or choice.get("finish_reason"))

    def _check_swallowed(self) -> None:
        if self._missing:
            raise AnswersDiffer("the second answer is shorter than what was delivered")


def _choice(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """The only choice of a chunk, or None where it has none (usage)."""
    choices = chunk.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or len(choices) > 1 or not isinstance(choices[0], dict):
        raise AnswersDiffer("the second answer is not plain text")
    return choices[0]

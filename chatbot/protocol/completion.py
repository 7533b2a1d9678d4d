"""An answer as a whole and the same answer in chunks, each made from the other.

Needed where the two sides want different forms: a library caller wants the final response of a stream, a
provider answers JSON to a stream or a stream to a plain call.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import Any

_SAID_ONCE = frozenset({"role", "id", "type", "name", "index"})
"""Fields of a delta that are set; other texts are pieces to be joined."""


class Accumulator:
    """Gathers chunks; `completion()` is what a non-streaming call would have returned."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one chunk, in order."""
        for key, value in chunk.items():
            if key not in ("choices", "usage", "object") and value is not None:
                self._top.setdefault(key, value)
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            if isinstance(choice, dict):
                self._add_choice(choice)

    def _add_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        whole = self._choices.setdefault(
            index, {"index": index, "message": {"role": "assistant", "content": None}}
        )
        for key, value in choice.items():
            if key == "delta" and isinstance(value, dict):
                merge_delta(whole["message"], value)
            elif key == "logprobs" and isinstance(value, dict):
                _merge_logprobs(whole.setdefault("logprobs", {}), value)
            elif value is not None or key not in whole:
                whole[key] = value

    def completion(self) -> dict[str, Any]:
        """The final response: object `chat.completion`."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        for choice in choices:
            choice.setdefault("finish_reason", None)
            choice.setdefault("logprobs", None)
            for call in choice["message"].get("tool_calls") or ():
                call.pop("index", None)
        result = {**self._top, "object": "chat.completion", "choices": choices}
        if self._usage is not None:
            result["usage"] = self._usage
        return result


def merge_delta(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta to what has been gathered: texts joined, tool calls by their index."""
    for key, value in delta.items():
        held = whole.get(key)
        if value is None:
            whole.setdefault(key, None)
        elif key in _SAID_ONCE:
            whole[key] = held or value
        elif isinstance(value, str) and isinstance(held, str):
            whole[key] = held + value
        elif isinstance(value, dict) and isinstance(held, dict):
            merge_delta(held, value)
        elif isinstance(value, list):
            whole[key] = _merge_list(held if isinstance(held, list) else [], value)
        else:
            whole[key] = _copy(value)


def _merge_list(held: list[Any], pieces: list[Any]) -> list[Any]:
    for piece in pieces:
        index = piece.get("index") if isinstance(piece, dict) else None
        match = next((h for h in held if index is not None and h.get("index") == index), None)
        if match is None:
            held.append(_copy(piece))
        else:
            merge_delta(match, piece)
    return held


def _merge_logprobs(whole: dict[str, Any], piece: dict[str, Any]) -> None:
    for key, value in piece.items():
        if isinstance(value, list):
            whole[key] = [*(whole.get(key) or []), *value]
        else:
            whole.setdefault(key, value)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list) else value


def chunks_of(completion: dict[str, Any], *, wants_usage: bool) -> list[dict[str, Any]]:
    """The chunks that would have streamed this completion: content, then ends, then the usage."""
    top = {k: v for k, v in completion.items() if k not in ("choices", "usage", "object")}
    top["object"] = "chat.completion.chunk"
    choices = [c for c in completion.get("choices") or () if isinstance(c, dict)]
    chunks = [{**top, "choices": [_content(choice)]} for choice in choices]
    chunks += [{**top, "choices": [_finish(choice)]} for choice in choices]
    if wants_usage and isinstance(completion.get("usage"), dict):
        chunks.append({**top, "choices": [], "usage": completion["usage"]})
    return chunks


def _content(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.get("message")
    delta = dict(message) if isinstance(message, dict) else {}
    if isinstance(delta.get("tool_calls"), list):
        calls = [c for c in delta["tool_calls"] if isinstance(c, dict)]
        delta["tool_calls"] = [{"index": n, **call} for n, call in enumerate(calls)]
    kept = {k: v for k, v in choice.items() if k not in ("message", "finish_reason")}
    return {"index": 0, **kept, "delta": delta, "finish_reason": None}


def _finish(choice: dict[str, Any]) -> dict[str, Any]:
    reason = choice.get("finish_reason") or "stop"
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": reason}

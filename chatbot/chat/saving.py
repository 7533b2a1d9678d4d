"""One turn on its way into the database: its begin, its answer as it grows, its end.

Nothing here waits: each step puts a value down for the writer. Steps are few, and none of them is made per
token: the writer looks each second how far the answer has come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chatbot.core.ids import ordered_id
from chatbot.core.text import storable
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import TEXT_CAP, AnswerReader
from chatbot.relay.record import Record
from chatbot.store.saved import Begin, Change, Replace, Saved
from chatbot.store.writer import Writer

_GROWN = 1.2
_QUIET_SECONDS = 5.0
"""A growing answer is saved when it is a fifth longer, or after so long; each time as a whole, so that one of a
minute is written some ten times."""
_TITLE_CHARS = 80


class Saving:
    """One turn, which comes behind turn `after`. `begin` is given what gives the reader of the answer that
    the visitor gets by now. Once something has been answered it takes the place of turn `replaces` and what
    followed it; a question that fails leaves them as they were."""

    def __init__(
        self,
        writer: Writer,
        conversation: dict[str, Any],
        *,
        new: bool,
        after: int = 0,
        replaces: int | None = None,
    ) -> None:
        self.answer_id = f"msg_{ordered_id()}"
        self._writer = writer
        self._conversation = conversation
        self._new = new
        self._after = after
        self._replaces = replaces
        self._turn = 0
        self._saved_length = 0
        self._saved_at = 0.0
        self._reader: Callable[[], AnswerReader] | None = None
        self._ended = False

    def begin(self, question: str, record: Record, reader: Callable[[], AnswerReader]) -> None:
        """The question is asked."""
        at = time.time()
        self._reader = reader
        self._turn = max(int(at * 1_000_000), self._after + 1)  # a clock may be set back
        row = {
            "conversation_id": self._conversation["id"], "turn": self._turn, "request_id": record.request_id,
            "created_at": at, "updated_at": at, "model": record.asked[:200], **_NOTHING,
        }  # fmt: skip
        asked = {**row, "id": f"msg_{ordered_id()}", "role": "user", "content": storable(question)}
        answer = {**row, "id": self.answer_id, "role": "assistant", "state": "running"}
        self._writer.put(Begin(self._conversation, asked, answer, self._new))
        self._saved_at = now()
        self._writer.follow(self.answer_id, self._progress)

    def _progress(self) -> Saved | None:
        """What there is to save of a growing answer; a silent one is touched, so that it counts as alive."""
        if self._reader is None or self._ended:
            return None
        reader, quiet = self._reader(), now() - self._saved_at
        length = reader.text_size
        if length < self._saved_length:  # a splice reads again what has been delivered
            return None
        if quiet < _QUIET_SECONDS and not (length > self._saved_length * _GROWN and quiet >= 1):
            return None
        self._saved_length, self._saved_at = length, now()
        return self._change(
            {"content": reader.text, "state": "running", "model": reader.model[:200]}
        )

    def end(
        self, record: Record, text: str | None = None, sources: list[dict[str, Any]] | None = None
    ) -> None:
        """The answer has ended, as `record` says; `text` and `sources` where it was not streamed. Safe to call
        twice."""
        if self._reader is None or self._ended:
            return
        self._ended = True
        self._writer.leave(self.answer_id)
        reader, usage = self._reader(), record.usage or {}
        said = reader.text if text is None else text
        self._writer.put(
            self._change(
                {
                    "content": said,
                    "state": _state(record, said),
                    "model": record.model[:200],
                    "provider": record.provider[:100],
                    "code": record.code[:40] or _cut(reader, text),
                    "input_tokens": _count(usage.get("prompt_tokens")),
                    "output_tokens": _count(usage.get("completion_tokens")),
                    "first_token_seconds": record.since_start(record.first_token),
                    "total_seconds": record.since_start(now()),
                    "sources": _storable(reader.citations if text is None else sources),
                }
            )
        )
        if said and self._replaces is not None:
            done = self._conversation["id"], self._replaces, self._turn
            self._writer.put(Replace(*done, at=time.time()))

    def _change(self, values: dict[str, Any]) -> Change:
        """All fields of the answer: what `values` do not say is nothing."""
        values = {**_NOTHING, **values, "updated_at": time.time()}
        values["content"], values["model"] = storable(values["content"]), storable(values["model"])
        return Change(self.answer_id, self._conversation["id"], values)


_NOTHING: dict[str, Any] = {
    "content": "", "state": "whole", "model": "", "provider": "", "code": "", "input_tokens": None,
    "output_tokens": None, "first_token_seconds": None, "total_seconds": None, "sources": None,
}  # fmt: skip


def _storable(sources: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    kept = [
        {k: storable(v) if isinstance(v, str) else v for k, v in source.items()}
        for source in sources or ()
    ]
    return kept or None


def _cut(reader: AnswerReader, text: str | None) -> str:
    """A word for an answer of which only the beginning is kept."""
    return "content_cut" if text is None and reader.text_size > TEXT_CAP else ""


def _state(record: Record, text: str) -> str:
    """How an answer ended: whole, stopped by its visitor, broken off, or not there at all."""
    if record.ended_by == "upstream":
        return "whole"
    if record.ended_by == "client":
        return "stopped"
    return "incomplete" if text else "failed"


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None


def title_of(question: str) -> str:
    """A conversation's first title: the beginning of its first question, on one line."""
    line = storable(" ".join(question.split()))
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1] + "…"

"""Reads a provider's answer as it passes, and never rebuilds it.

Bytes go in as they come from the network, and whole events come out, byte for byte. On the way each
event is looked at once: is it JSON, is it content, an error, the usage, the end? What may not reach the
client is dropped whole: a torn or malformed event, an error event (ours is sent instead), and the usage
that the client had not asked for.

Events that only start an answer (a role, metadata) are held until the first content, so that a provider
that fails right after them has said nothing yet.
"""

from __future__ import annotations

from typing import Any

from chatbot.protocol.citations import citations_of
from chatbot.protocol.error_body import ProviderError, is_error, provider_error
from chatbot.protocol.mould import Mould, mould_of
from chatbot.protocol.sse_decoder import EventTooLarge, Frame, SSEDecoder
from chatbot.protocol.sse_encoder import DATA
from chatbot.protocol.strict_json import NotJSON, read_json

TEXT_CAP = 256 * 1024
"""Characters of an answer that are remembered, for a splice and for saving; a longer one can't be spliced."""
_END = b"\n\n"
_NEXT = _END + DATA
_DATA_SIZE, _END_SIZE = len(DATA), len(_END)
_PLAIN_CAP = 1024 * 1024
"""Bytes that are looked at as plain events; the limit on an event's size is the decoder's to keep."""
_TAIL_CAP = 4096
"""Bytes of a begun event that are joined with the next piece; a longer one is the decoder's to gather."""
_LESSONS = 4
"""Moulds that are made in a row without an event of them coming, and runs of events that are looked for in one piece."""
HELD_EVENTS = 64
HELD_BYTES = 256 * 1024
"""What is held back at the most; a longer preamble is taken for an answer."""


class AnswerFault(ValueError):
    """The provider's stream can't be believed any further."""


class MalformedEvent(AnswerFault):
    """An event that is neither JSON nor `[DONE]`, or is over the size limit."""


class ErrorEvent(AnswerFault):
    """The provider reported an error inside its stream."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__("the provider reported an error in its stream")
        self.error = error


class AnswerReader:
    """State of one answer. After each `feed` look at `fault`, `done` and `has_content`.

    `events` counts those with data, `usage` is the last one seen, `model` and `id` those of the answer,
    `text_size` the characters of its content, `citations` what it rests on.
    """

    __slots__ = (
        "_choices", "_decoder", "_finished", "_has_passed", "_held", "_held_events", "_held_size", "_lessons", "_mould", "_plain",
        "_tail", "_texts", "_wants_usage", "citations", "done", "events", "fault", "has_content", "id", "model", "sent_id", "text_size", "usage",
    )  # fmt: skip

    def __init__(self, *, wants_usage: bool, choices: int = 1) -> None:
        self.fault: AnswerFault | None = None
        self.done = False
        self.has_content = False
        self.sent_id = False
        self.events = 0
        self.usage: dict[str, Any] | None = None
        self.citations: list[dict[str, Any]] = []
        self.model = ""
        self.id = ""
        self._texts: list[str] = []
        self.text_size = 0
        self._plain = choices == 1
        self._wants_usage = wants_usage
        self._choices = choices
        self._finished: dict[int, bool] = {}
        self._held: list[bytes] = []
        self._held_events = self._held_size = 0
        self._tail = b""
        self._decoder: SSEDecoder | None = None
        self._has_passed = False
        self._mould: Mould | None = None
        self._lessons = _LESSONS

    def feed(self, data: bytes) -> bytes:
        """What may go out now that `data` has come: whole events, or nothing."""
        if self._tail:
            data, self._tail = self._tail + data, b""
        is_between = self._decoder is None or self._decoder.is_between
        plain = _plain_end(data) if is_between else 0
        if plain:
            self._tail = data[plain:]
            return self._pass_plain(data[:plain] if self._tail else data)
        return self._decode(data)

    def _decode(self, data: bytes) -> bytes:
        try:
            frames = self._the_decoder().feed(data)
        except EventTooLarge:
            self.fault = MalformedEvent("an event is over the size limit")
            return b""
        return self._pass(frames)

    def _the_decoder(self) -> SSEDecoder:
        """Made for the first event that is no plain one: most answers have none."""
        if self._decoder is None:
            self._decoder = SSEDecoder()
            if self._has_passed:
                self._decoder.passed()
        return self._decoder

    def feed_own(self, wire: bytes) -> bytes:
        """As `feed`, for events that were written here: the limit on an event's size is not for them."""
        self._decoder = SSEDecoder(cap=len(wire))
        return self.feed(wire)

    def close(self) -> bytes:
        """What the end of the body completes."""
        tail, self._tail = self._tail, b""
        if not tail and self._decoder is None:
            return b""
        return self._decode(tail) + self._pass(self._the_decoder().close())

    @property
    def plain_text(self) -> str | None:
        """What has been said, where that is plain text of one choice and nothing else; else None."""
        return self.text if self._plain and self.text_size <= TEXT_CAP else None

    @property
    def text(self) -> str:
        """The content so far, whatever else there is; of an answer over the cap its beginning."""
        return "".join(self._texts)

    @property
    def complete(self) -> bool:
        """Whether the answer has ended truthfully: `[DONE]`, or a finish reason for every choice.

        What goes wrong behind the last finish reason takes nothing from the answer.
        """
        seen = self._finished
        if not seen:
            return False
        finished = len(seen) >= self._choices and all(seen.values())
        return finished or (self.done and self.fault is None)

    def _pass_plain(self, data: bytes) -> bytes:
        """As `_pass`, for events of one data line each, which nearly all are: the same bytes go out."""
        self._has_passed = True
        if self._decoder is not None:
            self._decoder.passed()
        out: list[bytes] = []
        at, size, begin, count, runs = 0, len(data), 0, 0, _LESSONS
        while at < size and not self.done and self.fault is None:
            start = at
            if self._mould is not None and runs:
                runs -= 1
                alike, at = self._take_alike(self._mould, data, at)
                count += alike
            if at == start:
                at = data.find(_END, start) + _END_SIZE
                if self._event_may_go(data[start + _DATA_SIZE : at - _END_SIZE]):
                    count += 1
                else:
                    out.append(data[begin:start])
                    begin = at
        if not out and at == size:
            return self._release(data, count)
        return self._release(b"".join([*out, data[begin:at]]), count)

    def _take_alike(self, mould: Mould, data: bytes, at: int) -> tuple[int, int]:
        """Note what the next events say that are as those before were; how many, and where they end."""
        count, said, at = mould.read(data, at)
        if count:
            self.events += count
            self._lessons = _LESSONS
            self._say(said)
        return count, at

    def _pass(self, frames: list[Frame]) -> bytes:
        out: list[bytes] = []
        for frame in frames:
            if self.done or self.fault is not None:
                break
            if self._may_go(frame):
                out.append(frame.raw)
                self.sent_id = self.sent_id or frame.has_id
        return self._release(out[0] if len(out) == 1 else b"".join(out), len(out))

    def _release(self, out: bytes, count: int) -> bytes:
        """These events, behind those that were held; nothing while it is not known who answers."""
        if self.done and self._finished:
            self.has_content = True  # an answer may be empty
        if not self.has_content and out:
            self._held.append(out)
            self._held_events += count
            self._held_size += len(out)
            if self._held_events <= HELD_EVENTS and self._held_size <= HELD_BYTES:
                return b""
            self.has_content = True
            out = b""
        if self.has_content and self._held:
            out = b"".join([*self._held, out])
            self._held.clear()
        return out

    def _may_go(self, frame: Frame) -> bool:
        data = frame.data
        if data is None:
            return not frame.has_unknown_field
        return self._event_may_go(data)

    def _event_may_go(self, data: bytes) -> bool:
        if data == b"[DONE]":
            self.done = True
            return True
        try:
            chunk = read_json(data)
        except NotJSON:
            if not data.strip():
                return False
            chunk = None
        if type(chunk) is not dict:
            self.fault = MalformedEvent("an event is not a JSON object")
            return False
        before = self.text_size
        may_go = self._read(chunk)
        if (
            self.text_size > before and before and self._lessons
        ):  # the first word is not to wait for a lesson
            self._lessons -= 1
            self._mould = mould_of(data, chunk)
        return may_go

    def _read(self, chunk: dict[str, Any]) -> bool:
        """Note what a chunk says; whether it may go out."""
        if is_error(chunk):
            self.fault = ErrorEvent(provider_error(chunk))
            return False
        self.events += 1
        choices, usage = chunk.get("choices"), chunk.get("usage")
        if type(usage) is dict:
            self.usage = usage
            if choices == [] and not self._wants_usage:
                return False
        if "citations" in chunk:
            self.citations += citations_of(chunk)
        if not self.model and isinstance(chunk.get("model"), str):
            self.model = chunk["model"]
        if not self.id and isinstance(chunk.get("id"), str):
            self.id = chunk["id"]
        if type(choices) is list:
            for choice in choices:
                if type(choice) is dict:
                    self._read_choice(choice)
        return True

    def _read_choice(self, choice: dict[str, Any]) -> None:
        get = choice.get
        index = get("index")
        if type(index) is not int:
            index = 0
        if get("finish_reason"):
            self._finished[index] = self.has_content = True
        elif index not in self._finished:
            self._finished[index] = False
        delta, text = get("delta"), get("text")
        if type(delta) is dict:
            self._read_delta(delta)
        if text:
            self.has_content = True
        if index or text or get("logprobs"):
            self._plain = False

    def _read_delta(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if not value or key == "role":
                continue
            self.has_content = True
            if key != "content" or type(value) is not str:
                self._plain = False
            else:
                self._say(value)

    def _say(self, text: str) -> None:
        if self.text_size <= TEXT_CAP:
            self._texts.append(text)
            self.text_size += len(text)


def _plain_end(data: bytes) -> int:
    """Where whole events of one data line each, ended by LF, end in `data`; 0 where there is anything else.

    What is behind them is the short beginning of the next.
    """
    end = data.rfind(_END) + _END_SIZE
    if end < 2 or end > _PLAIN_CAP or len(data) - end > _TAIL_CAP or not data.startswith(DATA):
        return 0
    lines = data.count(b"\n", 0, end)
    if b"\r" in data or (lines > 2 and lines != 2 * data.count(_NEXT, 0, end) + 2):
        return 0
    return end

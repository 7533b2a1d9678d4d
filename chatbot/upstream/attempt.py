"""One question, asked of one target: from the request to the last event of its answer.

Whoever drives this is a generator that has a heartbeat to send: `Attempt.stream` yields the bytes that may
go out, and `b""` each time that the beat is due and there is nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator

from chatbot.core.errors import StreamIncomplete, UpstreamError, UpstreamUnreachable
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader, ErrorEvent
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.completion import Accumulator, chunks_of
from chatbot.protocol.error_body import ProviderError
from chatbot.protocol.sse_decoder import SSEDecoder
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.protocol.strict_json import read_json
from chatbot.upstream.failure import failure_in_stream, failure_of
from chatbot.upstream.patience import Patience, check_first_token, next_piece
from chatbot.upstream.provider import Aborted, BodyCut, Exchange, Head
from chatbot.upstream.reading import (
    BODY_CAP,
    looks_like_events,
    read_completion,
    read_error,
    read_whole,
    too_late,
)
from chatbot.upstream.route import Target

Beat = Callable[[], float]
"""Gives the time at which the next heartbeat is due."""
_PATH = "/chat/completions"

_refuse_stream_options: set[str] = set()
"""Providers that have refused `stream_options`: asked without it from then on, in this process."""


class Attempt:
    """One attempt. `started` is when the caller's request began: the total limit counts from there.

    `may_cost` says whether its provider has been reached and did not refuse, `body_size` how many bytes a whole
    answer had. `sent_at` and `came_at` are times, 0.0 while they have not come: the question was sent, and the first word came.
    """

    def __init__(self, target: Target, request: ChatRequest, started: float) -> None:
        self.target = target
        self.request = request
        self.reader = AnswerReader(wants_usage=request.wants_usage, choices=request.choices)
        self.began = now()
        self.may_cost = False
        self.body_size = 0
        self.sent_at = self.came_at = 0.0
        self._total = started + target.timeouts.total
        self._exchange: Exchange | None = None
        self._aborted = False

    def abort(self) -> None:
        """Let the provider go at once. Never blocks."""
        self._aborted = True
        if self._exchange is not None:
            self._exchange.abort()

    def close(self) -> None:
        """The end, in any state."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.close(finished=self.reader.complete)

    def stream(self, *, last: bool, beat: Beat) -> Iterator[bytes]:
        """Whole events as they come, `b""` when the beat is due; `last`: no other target is left.

        Ends where the answer is complete. Raises `ChatbotError` where it is not, `Aborted` after `abort`.
        """
        limits = self.target.timeouts
        first = now() + (limits.first_token_last if last else limits.first_token)
        first = min(first, self._total)
        head = yield from self._open(first, beat)
        begin = yield from self._first_bytes(first, beat)
        if not looks_like_events(head, begin):
            yield from self._convert_json(begin, first, beat)
            return
        reader, exchange = self.reader, self._the_exchange()
        chunk: bytes | None = begin
        patience = Patience(reader, limits, first, self._total)
        del head, begin
        try:
            while chunk:
                if out := self._passed(chunk):
                    yield out
                if reader.done or reader.fault is not None:
                    break
                while (chunk := next_piece(exchange, patience, beat)) is None:
                    yield b""
            if out := reader.close():
                yield out
        except BodyCut:
            pass  # `_judge` says what that means
        self._judge()

    def _passed(self, chunk: bytes) -> bytes:
        """What of these bytes may go out; when they came is noted of the first that may."""
        if self.came_at:
            return self.reader.feed(chunk)
        at = now()
        out = self.reader.feed(chunk)
        if out:
            self.came_at = at
        return out

    def _open(self, first: float, beat: Beat) -> Generator[bytes, None, Head]:
        name = self.target.provider.name
        may_ask = name not in _refuse_stream_options
        head = yield from self._ask_for_head(first, beat, ask_usage=may_ask)
        if head.status == 200:
            return head
        error = self._refused()
        if may_ask and not self.request.payload.get("stream_options") and _is_refusal(head, error):
            self.close()
            head = yield from self._ask_for_head(first, beat, ask_usage=False)
            if head.status == 200:
                _refuse_stream_options.add(name)
                return head
            error = self._refused()
        raise failure_of(head, error)

    def _ask_for_head(
        self, first: float, beat: Beat, *, ask_usage: bool
    ) -> Generator[bytes, None, Head]:
        self._ask(stream=True, ask_usage=ask_usage)
        return (yield from self._head(first, beat))

    def _head(self, first: float, beat: Beat) -> Generator[bytes, None, Head]:
        while True:
            head = self._head_by(min(first, beat()))
            if head is not None:
                return head
            check_first_token(first, self._total)
            yield b""

    def _head_by(self, until: float) -> Head | None:
        try:
            exchange = self._the_exchange()
            head = exchange.head(until)
            if head is not None:
                self.sent_at = exchange.sent_at
            return head
        except UpstreamUnreachable as error:
            self.may_cost = error.sent
            raise

    def _ask(self, *, stream: bool, ask_usage: bool) -> None:
        if self._aborted:
            raise Aborted
        body = self.request.upstream_body(self.target.model, stream=stream, ask_usage=ask_usage)
        self._exchange = self.target.provider.ask(
            "POST", _PATH, body, timeouts=self.target.timeouts
        )
        self.may_cost = True

    def _refused(self) -> ProviderError:
        """What the provider said that did not answer."""
        self.may_cost = False
        return read_error(self._the_exchange())

    def _the_exchange(self) -> Exchange:
        if self._exchange is None:
            raise Aborted
        return self._exchange

    def _first_bytes(self, first: float, beat: Beat) -> Generator[bytes, None, bytes]:
        while True:
            try:
                chunk = self._the_exchange().read(min(first, beat()))
            except BodyCut:
                raise UpstreamError(
                    "The provider broke off before it answered.", may_recover=True
                ) from None
            if chunk is not None:
                return chunk
            check_first_token(first, self._total)
            yield b""

    def _judge(self) -> None:
        reader = self.reader
        if reader.complete:
            return
        if isinstance(reader.fault, ErrorEvent) and not reader.has_content:
            raise failure_in_stream(reader.fault.error)
        if isinstance(reader.fault, ErrorEvent):
            raise UpstreamError("The provider failed in the middle of its answer.")
        if not reader.has_content:
            raise UpstreamError("The provider sent no usable answer.", detail=str(reader.fault))
        raise StreamIncomplete(
            "The answer broke off before its end. Ask again.", detail=str(reader.fault or "cut")
        )

    def _convert_json(self, chunk: bytes, first: float, beat: Beat) -> Iterator[bytes]:
        """A provider that answers JSON to a stream: the same answer, as events."""
        pieces, size = [chunk], len(chunk)
        while chunk and size <= BODY_CAP:
            chunk = yield from self._first_bytes(first, beat)
            pieces.append(chunk)
            size += len(chunk)
        self.came_at = now()
        completion = read_completion(b"".join(pieces))
        wire = b"".join(encode_event(c) for c in chunks_of(completion, wants_usage=True))
        out = self.reader.feed_own(wire + DONE)
        self._judge()
        yield out

    def whole(self) -> bytes:
        """The answer as one JSON body, byte for byte where the provider sent JSON.

        Obeys `connect` and `total` only. Raises `ChatbotError`, `Aborted`.
        """
        self._ask(stream=False, ask_usage=False)
        until = self._total
        head = self._head_by(until)
        if head is None:
            raise too_late()
        if head.status != 200:
            raise failure_of(head, self._refused())
        body = read_whole(self._the_exchange(), until)
        self.came_at = now()
        self.body_size = len(body)
        if looks_like_events(head, body):
            body = self._gather(body)
        completion = read_completion(body)
        usage = completion.get("usage")
        self.reader.usage = usage if isinstance(usage, dict) else None
        self.reader.model = str(completion.get("model") or "")
        return body

    def _gather(self, body: bytes) -> bytes:
        """A stream that came for a plain call: the completion that it amounts to."""
        reader = AnswerReader(wants_usage=True, choices=self.request.choices)
        wire = reader.feed(body) + reader.close()
        self.reader = reader
        self._judge()
        accumulator = Accumulator()
        for frame in SSEDecoder().feed(wire):
            if frame.data and frame.data != b"[DONE]":
                accumulator.add(read_json(frame.data))
        return json.dumps(accumulator.completion()).encode()


def _is_refusal(head: Head, error: ProviderError) -> bool:
    """Whether it was `stream_options`, which the caller had not sent, that the provider refused."""
    return head.status in (400, 422) and "stream_options" in f"{error.param} {error.message}"

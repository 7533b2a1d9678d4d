"""One question, asked of its targets in order, until one of them answers.

Whoever drives this is a generator that has a heartbeat to send: `Asking.stream` yields the bytes that may
go out, and `b""` each time that the beat is due and there is nothing. Until content has gone out a
failure moves on to the next target; after that it is the end, and truthful.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator

from chatbot.core.errors import (
    ChatbotError,
    ContextLengthExceeded,
    RateLimitExceeded,
    StreamIncomplete,
    TimeoutFirstToken,
    TimeoutIdle,
    UpstreamError,
    UpstreamFailure,
)
from chatbot.core.logging import log
from chatbot.core.provider_config import Timeouts
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader, ErrorEvent
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.completion import Accumulator, chunks_of
from chatbot.protocol.error_body import ProviderError
from chatbot.protocol.sse_decoder import SSEDecoder
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.protocol.strict_json import read_json
from chatbot.upstream.failure import failure_in_stream, failure_of
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

_PATH = "/chat/completions"
_MOVES_ON = (UpstreamFailure, RateLimitExceeded, ContextLengthExceeded)

_refuse_stream_options: set[str] = set()
"""Providers that have refused `stream_options`: asked without it from then on, in this process."""


class Asking:
    """One question under way. `abort` may be called from anywhere; `close` ends it in any state."""

    def __init__(self, targets: list[Target], request: ChatRequest) -> None:
        self.request = request
        self.reader = AnswerReader(wants_usage=request.wants_usage, choices=request.choices)
        self.provider = ""
        self.started = now()
        self._targets = targets
        self._exchange: Exchange | None = None
        self._aborted = False

    def abort(self) -> None:
        """Let the provider go at once, and ask no other. Never blocks."""
        self._aborted = True
        if self._exchange is not None:
            self._exchange.abort()

    def close(self) -> None:
        """The end, in any state."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.close()

    def stream(self, beat: Callable[[], float]) -> Iterator[bytes]:
        """Whole events as they come; `b""` when `beat()`, a time, is reached in silence.

        Ends where the answer is complete. Raises `ChatbotError` where it is not, `Aborted` after `abort`.
        """
        for target in self._targets:
            last = target is self._targets[-1]
            self.reader = AnswerReader(
                wants_usage=self.request.wants_usage, choices=self.request.choices
            )
            try:
                yield from self._stream_from(target, last, beat)
                return
            except _MOVES_ON as error:
                if last or self.reader.has_content:
                    raise
                self._note(error)
                self.close()

    def _stream_from(
        self, target: Target, last: bool, beat: Callable[[], float]
    ) -> Iterator[bytes]:
        limits = target.timeouts
        first = now() + (limits.first_token_last if last else limits.first_token)
        first = min(first, self.started + limits.total)
        head = yield from self._open(target, first, beat)
        chunk = yield from self._first_bytes(first, beat)
        if not looks_like_events(head, chunk):
            yield from self._convert_json(chunk, first, beat)
            return
        yield from self._events(chunk, target, first, beat)

    def _open(
        self, target: Target, first: float, beat: Callable[[], float]
    ) -> Generator[bytes, None, Head]:
        ask_usage = target.provider.name not in _refuse_stream_options
        while True:
            self._ask(target, stream=True, ask_usage=ask_usage)
            head = yield from self._head(first, beat)
            if head.status == 200:
                return head
            error = read_error(self._the_exchange())
            if ask_usage and head.status in (400, 422) and _is_about_stream_options(error):
                _refuse_stream_options.add(target.provider.name)
                ask_usage = False
                self.close()
                continue
            raise failure_of(head, error)

    def _head(self, first: float, beat: Callable[[], float]) -> Generator[bytes, None, Head]:
        while True:
            head = self._the_exchange().head(min(first, beat()))
            if head is not None:
                return head
            _check_time(first)
            yield b""

    def _ask(self, target: Target, *, stream: bool, ask_usage: bool) -> None:
        if self._aborted:
            raise Aborted
        self.provider = target.provider.name
        body = self.request.upstream_body(target.model, stream=stream, ask_usage=ask_usage)
        self._exchange = target.provider.ask("POST", _PATH, body)

    def _the_exchange(self) -> Exchange:
        if self._exchange is None:
            raise Aborted
        return self._exchange

    def _first_bytes(
        self, first: float, beat: Callable[[], float]
    ) -> Generator[bytes, None, bytes]:
        while True:
            try:
                chunk = self._the_exchange().read(min(first, beat()))
            except BodyCut:
                raise UpstreamError("The provider broke off before it answered.") from None
            if chunk is not None:
                return chunk
            _check_time(first)
            yield b""

    def _events(
        self, chunk: bytes, target: Target, first: float, beat: Callable[[], float]
    ) -> Iterator[bytes]:
        """The body of an event stream. Life is an event with data: comments do not count as it."""
        reader, exchange = self.reader, self._the_exchange()
        patience = Patience(reader, target.timeouts, first, self.started + target.timeouts.total)
        piece = chunk
        try:
            while piece:
                if out := reader.feed(piece):
                    yield out
                if reader.done or reader.fault is not None:
                    break
                piece = yield from _next_piece(exchange, patience, beat)
        except BodyCut:
            self._judge()
            return
        if out := reader.close():
            yield out
        self._judge()

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

    def _convert_json(
        self, chunk: bytes, first: float, beat: Callable[[], float]
    ) -> Iterator[bytes]:
        """A provider that answers JSON to a stream: the same answer, as events."""
        pieces = [chunk]
        while chunk and sum(map(len, pieces)) <= BODY_CAP:
            chunk = yield from self._first_bytes(first, beat)
            pieces.append(chunk)
        completion = read_completion(b"".join(pieces))
        wire = b"".join(encode_event(c) for c in chunks_of(completion, wants_usage=True))
        out = self.reader.feed(wire + DONE)
        self._judge()
        yield out

    def whole(self) -> bytes:
        """The answer as one JSON body, byte for byte where the provider sent JSON.

        Obeys `connect` and `total` only. Raises `ChatbotError`, `Aborted`.
        """
        for target in self._targets:
            last = target is self._targets[-1]
            try:
                return self._whole_from(target)
            except _MOVES_ON as error:
                if last:
                    raise
                self._note(error)
                self.close()
        raise UpstreamError("No target answered.")

    def _whole_from(self, target: Target) -> bytes:
        self._ask(target, stream=False, ask_usage=False)
        until = self.started + target.timeouts.total
        head = self._the_exchange().head(until)
        if head is None:
            raise too_late()
        if head.status != 200:
            raise failure_of(head, read_error(self._the_exchange()))
        body = read_whole(self._the_exchange(), until)
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

    def _note(self, error: ChatbotError) -> None:
        log("attempt_failed", provider=self.provider, code=error.code, detail=error.detail)


def _check_time(limit: float) -> None:
    if now() >= limit:
        raise TimeoutFirstToken("The provider did not begin to answer in time. Try again.")


def _next_piece(
    exchange: Exchange, patience: Patience, beat: Callable[[], float]
) -> Generator[bytes, None, bytes]:
    """The next bytes of a body; `b""` is yielded for each beat that passes meanwhile."""
    while True:
        limit = patience.limit()
        if now() >= limit:
            raise patience.error()
        piece = exchange.read(min(limit, beat()))
        if piece is not None:
            return piece
        yield b""


class Patience:
    """Until when a stream is waited for: the first token, then the idle limit, and the total always.

    Life is an event with data: comments do not count as it.
    """

    def __init__(
        self, reader: AnswerReader, timeouts: Timeouts, first_token: float, total: float
    ) -> None:
        self._reader = reader
        self._idle = timeouts.idle
        self._first_token = first_token
        self._total = total
        self._events = 0
        self._life = now()

    def limit(self) -> float:
        """The time at which patience ends, as things stand."""
        if self._reader.events > self._events:
            self._events, self._life = self._reader.events, now()
        idle = self._life + self._idle if self._reader.has_content else self._first_token
        return min(self._total, idle)

    def error(self) -> ChatbotError:
        """The error for the limit that was reached."""
        if now() >= self._total:
            return too_late()
        if self._reader.has_content:
            return TimeoutIdle("The provider stopped in the middle of its answer. Ask again.")
        return TimeoutFirstToken("The provider did not begin to answer in time. Try again.")


def _is_about_stream_options(error: ProviderError) -> bool:
    return "stream_options" in f"{error.param} {error.message}"

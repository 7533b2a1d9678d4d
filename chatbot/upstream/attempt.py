"""One question, asked of its targets in order, until one of them answers.

Whoever drives this is a generator that has a heartbeat to send: `Asking.stream` yields the bytes that may
go out, and `b""` each time that the beat is due and there is nothing. Until content has gone out a
failure moves on to the next target; after that it is the end, and truthful.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Generator, Iterator

from chatbot.core.errors import (
    ChatbotError,
    ContextLengthExceeded,
    RateLimitExceeded,
    StreamIncomplete,
    UpstreamError,
    UpstreamFailure,
)
from chatbot.core.logging import log
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
from chatbot.upstream.retry import Retry
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
        self._stopped = threading.Event()
        self._stopped_by: ChatbotError | None = None

    def abort(self, error: ChatbotError | None = None) -> None:
        """Let the provider go at once, and ask no other. Never blocks.

        With `error`, whoever waits for the answer is told so, and else nothing (`Aborted`).
        """
        self._stopped_by = error
        self._stopped.set()
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
        try:
            for target in self._targets:
                last = target is self._targets[-1]
                try:
                    yield from self._stream_with_retries(target, last, beat)
                    return
                except _MOVES_ON:
                    if last or self.reader.has_content:
                        raise
        except Aborted:
            raise self._stopped_by or Aborted from None

    def _stream_with_retries(
        self, target: Target, last: bool, beat: Callable[[], float]
    ) -> Iterator[bytes]:
        for failures in itertools.count(1):
            begin = now()
            try:
                yield from self._stream_from(target, last, beat)
                return
            except _MOVES_ON as error:
                if self.reader.has_content:
                    raise
                pause = self._after_failure(target, failures, error, now() - begin)
                if pause is None:
                    raise
            until = now() + pause
            while self._rest(min(until, beat())) < until:
                yield b""

    def _after_failure(
        self, target: Target, failures: int, error: ChatbotError, took: float
    ) -> float | None:
        """Note a failed attempt; seconds to wait before the same target is asked again, or None."""
        pause = Retry(target.provider.retries).pause(failures, error, took)
        log(
            "attempt_failed", provider=self.provider, model=target.model, code=error.code,
            detail=error.detail, took=round(took, 4), asked_again=pause is not None,
        )  # fmt: skip
        self.close()
        return pause

    def _rest(self, until: float) -> float:
        """Wait until a time, or raise `Aborted` at once if the question is; the time it is then."""
        if self._stopped.wait(max(0.0, until - now())):
            raise Aborted
        return now()

    def _stream_from(
        self, target: Target, last: bool, beat: Callable[[], float]
    ) -> Iterator[bytes]:
        self.reader = AnswerReader(
            wants_usage=self.request.wants_usage, choices=self.request.choices
        )
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
            check_first_token(first)
            yield b""

    def _ask(self, target: Target, *, stream: bool, ask_usage: bool) -> None:
        if self._stopped.is_set():
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
            check_first_token(first)
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
                piece = yield from next_piece(exchange, patience, beat)
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
        try:
            for target in self._targets:
                try:
                    return self._whole_with_retries(target)
                except _MOVES_ON:
                    if target is self._targets[-1]:
                        raise
        except Aborted:
            raise self._stopped_by or Aborted from None
        raise UpstreamError("No target answered.")

    def _whole_with_retries(self, target: Target) -> bytes:
        for failures in itertools.count(1):
            begin = now()
            try:
                return self._whole_from(target)
            except _MOVES_ON as error:
                pause = self._after_failure(target, failures, error, now() - begin)
                if pause is None:
                    raise
            self._rest(now() + pause)
        raise UpstreamError("No attempt answered.")

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


def _is_about_stream_options(error: ProviderError) -> bool:
    return "stream_options" in f"{error.param} {error.message}"

"""One question, asked of its targets in order, until one of them answers.

Until content has gone out a failure is tried once more where it may recover, then on the next target. After
that the rest of the answer is sought from the next target, or the same once more: where nobody tells the
same answer, that is the end, and truthful.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

from chatbot.core.errors import (
    ChatbotError,
    ContextLengthExceeded,
    RateLimitExceeded,
    TimeoutTotal,
    UpstreamError,
    UpstreamFailure,
)
from chatbot.core.logging import log_fields
from chatbot.core.waiting import now
from chatbot.protocol.answer_reader import AnswerReader
from chatbot.protocol.chat_request import ChatRequest
from chatbot.protocol.splice import AnswersDiffer, Splice
from chatbot.upstream.attempt import Attempt, Beat
from chatbot.upstream.provider import Aborted
from chatbot.upstream.retry import Retry
from chatbot.upstream.route import Target

_MOVES_ON = (UpstreamFailure, RateLimitExceeded, ContextLengthExceeded)
"""Failures after which another may answer; a `TimeoutTotal` among them leaves no time for one."""


class Asking:
    """One question under way. `abort` may be called from anywhere; `close` ends it in any state.

    `reader` is what is known of the answer that the caller gets.
    """

    def __init__(self, targets: list[Target], request: ChatRequest) -> None:
        self.request = request
        self.reader = AnswerReader(wants_usage=request.wants_usage, choices=request.choices)
        self.provider = ""
        self.started = now()
        self._targets = targets
        self._attempt: Attempt | None = None
        self._stopped = threading.Event()
        self._stopped_by: ChatbotError | None = None

    def abort(self, error: ChatbotError | None = None) -> None:
        """Let the provider go at once, and ask no other. Never blocks.

        With `error`, whoever waits for the answer is told so, and else nothing (`Aborted`).
        """
        self._stopped_by = error
        self._stopped.set()
        if self._attempt is not None:
            self._attempt.abort()

    def close(self) -> None:
        """The end, in any state."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.close()

    def stream(self, beat: Beat) -> Iterator[bytes]:
        """Whole events as they come; `b""` when `beat()`, a time, is reached in silence.

        Ends where the answer is complete. Raises `ChatbotError` where it is not, `Aborted` after `abort`.
        """
        try:
            for target in self._targets:
                last = target is self._targets[-1]
                try:
                    yield from self._stream_with_retries(target, last, beat)
                    return
                except _MOVES_ON as error:
                    if self.reader.has_content:
                        yield from self._go_on(target, error, beat)
                        return
                    if last or isinstance(error, TimeoutTotal):
                        raise
        except Aborted:
            raise self._stopped_by or Aborted from None

    def whole(self) -> bytes:
        """The answer as one JSON body; see `Attempt.whole`."""
        try:
            for target in self._targets:
                try:
                    return self._whole_with_retries(target)
                except _MOVES_ON as error:
                    if target is self._targets[-1] or isinstance(error, TimeoutTotal):
                        raise
        except Aborted:
            raise self._stopped_by or Aborted from None
        raise UpstreamError("No target answered.")

    def _begin(self, target: Target) -> Attempt:
        self.close()
        if self._stopped.is_set():
            raise Aborted
        attempt = Attempt(target, self.request, self.started)
        self._attempt, self.reader, self.provider = attempt, attempt.reader, target.provider.name
        return attempt

    def _stream_with_retries(self, target: Target, last: bool, beat: Beat) -> Iterator[bytes]:
        for failures in itertools.count(1):
            attempt = self._begin(target)
            try:
                yield from attempt.stream(last=last, beat=beat)
                return
            except _MOVES_ON as error:
                if attempt.reader.has_content:
                    raise
                pause = self._after_failure(attempt, failures, error)
                if pause is None:
                    raise
            until = now() + pause
            while self._rest(min(until, beat())) < until:
                yield b""

    def _whole_with_retries(self, target: Target) -> bytes:
        for failures in itertools.count(1):
            attempt = self._begin(target)
            try:
                return attempt.whole()
            except _MOVES_ON as error:
                pause = self._after_failure(attempt, failures, error)
                if pause is None:
                    raise
            self._rest(now() + pause)
        raise UpstreamError("No attempt answered.")

    def _go_on(self, target: Target, error: ChatbotError, beat: Beat) -> Iterator[bytes]:
        """After content: the rest of the answer from the next target, or the same once more.

        Raises the error that broke the answer off where nobody tells the same answer.
        """
        broken, delivered = self.reader, self.reader.plain_text
        if delivered is None or isinstance(error, TimeoutTotal) or self._attempt is None:
            raise error
        _log_failure(self._attempt, error, asked_again=True)
        later = self._targets[self._targets.index(target) + 1 :] or [target]
        for candidate in later:
            attempt, splice, more = self._begin(candidate), Splice(delivered, broken.id), False
            try:
                for piece in attempt.stream(last=candidate is later[-1], beat=beat):
                    rest = splice.feed(piece)
                    more = more or bool(rest)
                    yield rest
                return
            except AnswersDiffer as difference:
                _log_failure(attempt, error, asked_again=False, splice=str(difference))
                break
            except _MOVES_ON as failure:
                if more:
                    raise
                _log_failure(attempt, failure, asked_again=False)
        self.reader = broken
        raise error

    def _after_failure(self, attempt: Attempt, failures: int, error: ChatbotError) -> float | None:
        """Note a failed attempt; seconds to wait before the same target is asked again, or None."""
        took = now() - attempt.began
        pause = Retry(attempt.target.provider.retries).pause(failures, error, took)
        _log_failure(attempt, error, asked_again=pause is not None)
        self.close()
        return pause

    def _rest(self, until: float) -> float:
        """Wait until a time, or raise `Aborted` at once if the question is; the time it is then."""
        if self._stopped.wait(max(0.0, until - now())):
            raise Aborted
        return now()


def _log_failure(attempt: Attempt, error: ChatbotError, **fields: object) -> None:
    log_fields(
        "attempt_failed",
        {
            "provider": attempt.target.provider.name,
            "model": attempt.target.model,
            "code": error.code,
            "detail": error.detail,
            "took": round(now() - attempt.began, 4),
            **fields,
        },
    )

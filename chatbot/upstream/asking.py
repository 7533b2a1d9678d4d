"""One question, asked of its targets in order, until one of them answers.

Until content has gone out a failure is tried once more where it may recover, then on the next target. After
that the rest of the answer is sought from the next target, or the same once more: where nobody tells the
same answer, that is the end, and truthful.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

from chatbot.core.errors import (
    BudgetExceeded,
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
from chatbot.upstream.turns import Turn, Turns

_MOVES_ON = (UpstreamFailure, RateLimitExceeded, ContextLengthExceeded)
"""Failures after which another may answer; a `TimeoutTotal` among them leaves no time for one."""


_NAME_CAP = 100
"""Characters of a model's name in the log."""


class Asking:
    """One question under way. `abort` may be called from anywhere; `close` ends it in any state.

    `reader` is what is known of the answer that the caller gets, `made` is each attempt that was made.
    `may_ask_again` is asked before each attempt but the first.
    """

    def __init__(self, turns: Turns, request: ChatRequest, request_id: str = "") -> None:
        self.request = request
        self.request_id = request_id
        self.made: list[Attempt] = []
        self.may_ask_again: Callable[[], bool] = lambda: True
        self.provider = ""
        self.started = now()
        self._turns = turns
        self._attempt: Attempt | None = None
        self.is_stopped = False
        """Whether somebody has ended it before its answer did."""
        self._stopped_by: ChatbotError | None = None
        self._pause: threading.Event | None = None
        self._reader: AnswerReader | None = None

    @property
    def reader(self) -> AnswerReader:
        """See above; before the first attempt one of an answer that says nothing."""
        if self._reader is None:
            self._reader = AnswerReader(wants_usage=self.request.wants_usage)
        return self._reader

    @property
    def attempts(self) -> int:
        """How often a target was asked."""
        return len(self.made)

    def abort(self, error: ChatbotError | None = None) -> None:
        """Let the provider go at once, and ask no other. Never blocks.

        With `error`, whoever waits for the answer is told so, and else nothing (`Aborted`).
        """
        self._stopped_by = error
        self.is_stopped = True
        if self._pause is not None:
            self._pause.set()
        if self._attempt is not None:
            self._attempt.abort()

    def close(self) -> None:
        """The end, in any state."""
        self._let_go()
        self._turns.end()

    def stream(self, beat: Beat) -> Iterator[bytes]:
        """Whole events as they come; `b""` when `beat()`, a time, is reached in silence.

        Ends where the answer is complete. Raises `ChatbotError` where it is not, `Aborted` after `abort`.
        """
        try:
            failure: ChatbotError | None = None
            while turn := self._turns.next():
                try:
                    yield from self._stream_with_retries(turn, beat)
                    return
                except _MOVES_ON as error:
                    if self.reader.has_content:
                        yield from self._go_on(turn, error, beat)
                        return
                    failure = error
                    if isinstance(error, TimeoutTotal):
                        break
                except BudgetExceeded:
                    break
            raise failure or UpstreamError("No target answered.")
        except Aborted:
            raise self._stopped_by or Aborted from None

    def whole(self) -> bytes:
        """The answer as one JSON body; see `Attempt.whole`."""
        try:
            failure: ChatbotError | None = None
            while turn := self._turns.next():
                try:
                    return self._whole_with_retries(turn)
                except _MOVES_ON as error:
                    failure = error
                    if isinstance(error, TimeoutTotal):
                        break
                except BudgetExceeded:
                    break
            raise failure or UpstreamError("No target answered.")
        except Aborted:
            raise self._stopped_by or Aborted from None

    def _let_go(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.close()

    def _begin(self, target: Target) -> Attempt:
        self._let_go()
        if self.is_stopped:
            raise Aborted
        if self.made and not self.may_ask_again():
            raise BudgetExceeded("There are no tokens left to ask once more.")
        attempt = Attempt(target, self.request, self.started)
        self.made.append(attempt)
        self._attempt, self._reader, self.provider = attempt, attempt.reader, target.provider.name
        return attempt

    def _begin_after(self, failure: ChatbotError | None, target: Target) -> Attempt:
        """Another attempt; where no tokens are left for one, the failure of the one before is what there is to tell."""
        try:
            return self._begin(target)
        except BudgetExceeded:
            raise failure or BudgetExceeded("There are no tokens left.") from None

    def _stream_with_retries(self, turn: Turn, beat: Beat) -> Iterator[bytes]:
        failure: ChatbotError | None = None
        for failures in itertools.count(1):
            attempt = self._begin_after(failure, turn.target)
            try:
                stream = attempt.stream(last=turn.last, beat=beat)
                yield from self._probing(turn, attempt, stream) if turn.probes else stream
            except ChatbotError as error:
                if attempt.reader.has_content:
                    raise
                failure, pause = error, self._after_failure(turn, attempt, failures, error)
                if pause is None:
                    raise
            else:
                self._turns.note(turn.target, None, now() - attempt.began)
                return
            until = now() + pause
            while self._rest(min(until, beat())) < until:
                yield b""

    def _probing(self, turn: Turn, attempt: Attempt, stream: Iterator[bytes]) -> Iterator[bytes]:
        """As `stream`; a probe has shown what it was for with its first content."""
        shown = False
        for piece in stream:
            if not shown and attempt.reader.has_content:
                shown = True
                self._turns.note(turn.target, None, now() - attempt.began)
                self._turns.end()
            yield piece

    def _whole_with_retries(self, turn: Turn) -> bytes:
        failure: ChatbotError | None = None
        for failures in itertools.count(1):
            attempt = self._begin_after(failure, turn.target)
            try:
                body = attempt.whole()
            except ChatbotError as error:
                failure, pause = error, self._after_failure(turn, attempt, failures, error)
                if pause is None:
                    raise
            else:
                self._turns.note(turn.target, None, now() - attempt.began)
                return body
            self._rest(now() + pause)
        raise UpstreamError("No attempt answered.")

    def _go_on(self, turn: Turn, error: ChatbotError, beat: Beat) -> Iterator[bytes]:
        """After content: the rest of the answer from the next target, or the same once more.

        Raises the error that broke the answer off where nobody tells the same answer.
        """
        broken, delivered = self.reader, self.reader.plain_text
        asks_again = delivered is not None and not isinstance(error, TimeoutTotal)
        self._note_failure(self._attempt, error, asked_again=False, splices=asks_again)
        if delivered is None or not asks_again:
            raise error
        again = Turn(turn.target, True, 0)
        later: Turn | None = self._turns.next(well=True) or again
        while later is not None:
            try:
                attempt = self._begin(later.target)
            except BudgetExceeded:
                break
            splice, more = Splice(delivered, broken.id), False
            self._reader = broken  # what the caller has, until there is more
            try:
                for piece in attempt.stream(last=later.last, beat=beat):
                    rest = splice.feed(piece)
                    if rest and not more:
                        more, self._reader = True, attempt.reader
                    yield rest
                self._reader = attempt.reader
                self._turns.note(later.target, None, now() - attempt.began)
                return
            except AnswersDiffer as difference:
                self._log_failure(attempt, error, asked_again=False, splice_failed=str(difference))
                break
            except ChatbotError as failure:
                self._note_failure(attempt, failure, asked_again=False)
                if more:
                    raise
            later = self._turns.next()
        self._reader = broken
        raise error

    def _after_failure(
        self, turn: Turn, attempt: Attempt, failures: int, error: ChatbotError
    ) -> float | None:
        """Note a failed attempt; seconds to wait before the same target is asked again, or None."""
        took = now() - attempt.began
        self._turns.note(turn.target, error, took)
        pause = Retry(turn.retries).pause(failures, error, took)
        if pause is not None and self._turns.gave_up(turn):
            pause = None
        self._log_failure(attempt, error, asked_again=pause is not None)
        self._let_go()
        return pause

    def _note_failure(self, attempt: Attempt | None, error: ChatbotError, **fields: object) -> None:
        if attempt is not None:
            self._turns.note(attempt.target, error, now() - attempt.began)
            self._log_failure(attempt, error, **fields)

    def _log_failure(self, attempt: Attempt, error: ChatbotError, **fields: object) -> None:
        log_fields(
            "attempt_failed",
            {
                "request_id": self.request_id,
                "provider": attempt.target.provider.name,
                "model": attempt.target.model[:_NAME_CAP],
                "code": error.code,
                "detail": error.detail,
                "took": round(now() - attempt.began, 4),
                **fields,
            },
        )

    def _rest(self, until: float) -> float:
        """Wait until a time, or raise `Aborted` at once if the question is; the time it is then."""
        self._pause = self._pause or threading.Event()
        if self.is_stopped or self._pause.wait(max(0.0, until - now())):
            raise Aborted
        return now()

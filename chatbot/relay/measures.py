"""What a request's record becomes in the metrics: counted once, at its end, and nothing between two tokens.

The names in labels are a bot's id, what a caller asked for and what the configuration calls a provider. A model's name has to
have answered before it gets a place of its own: else whoever makes names up would use up the places.
"""

from __future__ import annotations

from typing import NamedTuple

from chatbot.core.logging import redact
from chatbot.core.waiting import now
from chatbot.metrics.board import Board, observe
from chatbot.metrics.families import (
    BOT,
    DEPARTURE,
    DURATION,
    FAILOVERS,
    FIRST_TOKEN,
    HEARTBEATS,
    MODEL,
    OVERHEAD,
    PASSED_ON,
    PER_TOKEN,
    PERCEIVED,
    REFUSALS,
    RETRIES,
    TOKENS,
)
from chatbot.relay.record import Record

_PACKS = 500
_MOST_TOKENS = 10**9


class _Pack(NamedTuple):
    """Where the numbers of one combination begin."""

    duration: int
    first_token: int
    per_token: int
    input: int
    output: int
    before: int
    behind: int


class Measures:
    """Counts requests on `board`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._packs: dict[tuple[str, str, str, str], _Pack] = {}

    def start(self) -> None:
        """Count from here on, in a process that has just begun."""
        self._packs = {}

    def note(self, record: Record) -> None:
        """A request is over."""
        with self._board.lock:
            if record.attempts:
                self._answered(record)
            elif record.code and not record.provider:
                bot = self._board.label(BOT, record.bot_id)
                self._board.add(REFUSALS, (bot, record.code))
            elif record.provider:
                self._passed_on(record)

    def perceived(self, bot_id: str, seconds: float) -> None:
        """A visitor's browser has shown the first words of an answer so long after the question."""
        with self._board.lock:
            self._board.observe(PERCEIVED, seconds, (self._board.label(BOT, bot_id),))

    def _passed_on(self, record: Record) -> None:
        bot = self._board.label(BOT, record.bot_id)
        operation = "embeddings" if record.path.endswith("/embeddings") else "models"
        labels = (bot, record.provider, operation, _code_of(record))
        self._board.observe(PASSED_ON, now() - record.started, labels)

    def _answered(self, record: Record) -> None:
        code = _code_of(record)
        names = (record.bot_id, record.provider, record.asked or record.model, code)
        pack = self._packs.get(names) or self._pack(names)
        cells, end = self._board.cells, now()
        observe(cells, pack.duration, DURATION.buckets, end - record.started)
        if record.asked_at:
            share = record.asked_at - record.started - record.waited
            observe(cells, pack.before, OVERHEAD.buckets, share)
        if record.handed_at:
            share = record.handed_at - record.came_at
            observe(cells, pack.behind, OVERHEAD.buckets, share)
        if record.first_token:
            observe(
                cells, pack.first_token, FIRST_TOKEN.buckets, record.first_token - record.started
            )
        if record.usage:
            self._tokens(record, pack, end if code == "ok" else 0.0)
        if record.heartbeats or record.failed or record.left_at:
            self._trouble(record, end)

    def _tokens(self, record: Record, pack: _Pack, end: float) -> None:
        usage, cells = record.usage or {}, self._board.cells
        cells[pack.input] += _count(usage.get("prompt_tokens"))
        tokens = _count(usage.get("completion_tokens"))
        cells[pack.output] += tokens
        if end and record.first_token and tokens > 1:
            each = (end - record.first_token) / (tokens - 1)
            observe(cells, pack.per_token, PER_TOKEN.buckets, each)

    def _trouble(self, record: Record, end: float) -> None:
        board = self._board
        board.add(HEARTBEATS, by=record.heartbeats)
        for provider, again in record.failed:
            board.add(RETRIES if again else FAILOVERS, (provider,))
        if record.left_at:
            board.observe(DEPARTURE, (record.let_go_at or end) - record.left_at)

    def _pack(self, names: tuple[str, str, str, str]) -> _Pack:
        board, (bot, provider, model, code) = self._board, names
        is_new = code == "ok" and redact(model) == model
        labels = (
            board.label(BOT, bot), provider, board.label(MODEL, model, may_be_new=is_new)
        )  # fmt: skip
        pack = _Pack(
            board.place(DURATION, (*labels, code)),
            board.place(FIRST_TOKEN, labels),
            board.place(PER_TOKEN, labels),
            board.place(TOKENS, (*labels, "input")),
            board.place(TOKENS, (*labels, "output")),
            board.place(OVERHEAD, ("request",)),
            board.place(OVERHEAD, ("answer",)),
        )
        if labels == names[:3] and len(self._packs) < _PACKS:
            self._packs[names] = pack
        return pack


def _code_of(record: Record) -> str:
    return "client_left" if record.ended_by == "client" else record.code or "ok"


def _count(value: object) -> int:
    """A provider's count, where it is one."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else 0

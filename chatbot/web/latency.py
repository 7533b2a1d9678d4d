"""`/admin/latency`: how soon first words were there in the last hour and day, how fast answers came, what failed, what budgets are left.

Drawn on the server, from what all workers have put down by minutes (`shared/latency`); a script of ours only loads it anew.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from flask import Blueprint, Response, jsonify, render_template, request

from chatbot import __version__
from chatbot.access.shown import Budget, budgets_of_bots, budgets_of_keys
from chatbot.core.errors import InvalidApiKey, NotFound, StorageUnavailable
from chatbot.core.shared_state import StateAway
from chatbot.metrics.families import FIRST_TOKEN, PER_TOKEN, PERCEIVED
from chatbot.metrics.minutes import Counted, quantile
from chatbot.shared.latency import Day
from chatbot.web.admin import operator
from chatbot.web.guard import is_operator, services
from chatbot.web.plots import Plot, amounts, seconds, times

bp = Blueprint("latency", __name__)
SPANS = {"hour": (60, 1), "day": (96, 15)}
"""How many spans a window has, and of how many minutes."""
_AT_ONCE = 12
"""Spans that are added up without letting others go on: less than a millisecond."""
_NO_ERRORS = ("ok", "client_left")
_OFF = "Metrics are switched off: LATENCY_METRICS_ENABLED."


@dataclass(frozen=True)
class Span:
    """What came from `begin` on (seconds since 1970), for so many seconds until now or its end; None: nobody was there to count."""

    begin: int
    lasted: float
    came: Counted | None

    @cached_property
    def first(self) -> tuple[float | None, ...]:
        """Seconds to the first token: P50, P95, P99."""
        return _of(FIRST_TOKEN.buckets, self.came.first if self.came else ())

    @cached_property
    def seen(self) -> tuple[float | None, ...]:
        """The same as browsers have seen it."""
        return _of(PERCEIVED.buckets, self.came.seen if self.came else ())

    @property
    def rate(self) -> float | None:
        """Tokens a second, of all answers together."""
        return self.came.output / max(1.0, self.lasted) if self.came else None

    @property
    def speed(self) -> float | None:
        """Tokens a second of one answer, behind its first: half of all are faster."""
        each = quantile(PER_TOKEN.buckets, self.came.token, 0.5) if self.came else None
        return 1 / each if each else None

    @property
    def errors(self) -> int | None:
        """Requests that ended in an error."""
        return (
            sum(n for c, n in self.came.codes.items() if c not in _NO_ERRORS) if self.came else None
        )

    @property
    def live(self) -> int | None:
        """The most answers that were under way."""
        return self.came.live if self.came else None

    @property
    def codes(self) -> Mapping[str, int]:
        """Ends of requests by code."""
        return self.came.codes if self.came else {}

    @property
    def requests(self) -> int:
        """All that ended."""
        return sum(self.codes.values())

    @property
    def at(self) -> str:
        """When it begins, in UTC."""
        return time.strftime("%H:%M", time.gmtime(self.begin))

    def as_json(self) -> dict[str, object]:
        """For programs; times in seconds."""
        named = ("p50", "p95", "p99")
        return {
            "begin": self.begin, "requests": self.requests, "codes": dict(self.codes), "errors": self.errors,
            "first_token": dict(zip(named, self.first, strict=True)),
            "perceived_first_token": dict(zip(named, self.seen, strict=True)),
            "tokens_per_second": self.rate, "tokens_per_second_of_an_answer": self.speed,
            "most_streams": self.live,
        }  # fmt: skip


def _of(buckets: Sequence[float], counts: Sequence[int]) -> tuple[float | None, ...]:
    return tuple(quantile(buckets, counts, part) for part in (0.5, 0.95, 0.99))


@dataclass(frozen=True)
class Window:
    """The last hour or day: all of it, and its spans."""

    whole: Span
    spans: tuple[Span, ...]

    @cached_property
    def plots(self) -> dict[str, Plot]:
        """What is drawn, by name."""
        looks = ("p50", "p95", "p99")
        lines = [(look, [s.first[n] for s in self.spans]) for n, look in enumerate(looks)]
        if any(self.whole.seen):
            lines.append(("seen", [s.seen[0] for s in self.spans]))
        return {
            "first": times(lines),
            "rate": amounts("rate", [s.rate for s in self.spans]),
            "live": amounts("live", [s.live for s in self.spans]),
            "errors": amounts("errors", [s.errors for s in self.spans]),
        }

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {**self.whole.as_json(), "spans": [span.as_json() for span in self.spans]}


def window(day: Day, name: str) -> Window:
    """The last hour, or the last day, of what is known."""
    number, size = SPANS[name]
    end = int(day.at // 60) + 1
    end += -end % size
    spans = []
    for begin in range(end - number * size, end, size):
        spans.append(_span(day, begin, size))
        if len(spans) % _AT_ONCE == 0:
            time.sleep(0)
    return Window(_span(day, end - number * size, number * size), tuple(spans))


def _span(day: Day, begin: int, minutes: int) -> Span:
    lasted = min(day.at, 60.0 * (begin + minutes)) - 60.0 * begin
    return Span(begin * 60, lasted, day.came(begin, begin + minutes))


@bp.get("/admin/latency")
def page() -> str | tuple[str, int]:
    """The plots, for the operator; before that, a form to log in."""
    if not _may_see():
        return render_template("admin_login.html", version=__version__, failed=False), 401
    ours, of = services(), "day" if request.args.get("of") == "day" else "hour"
    if ours.latency is None:
        return render_template("latency.html", version=__version__, of=of, off=True)
    day = _day()
    windows = {name: window(day, name) for name in SPANS}
    return render_template(
        "latency.html",
        version=__version__, of=of, off=False, day=day, windows=windows, shown=windows[of],
        codes=sorted(windows["day"].whole.codes.keys() | windows["hour"].whole.codes.keys()),
        budgets=_budgets(), trouble=ours.board.trouble, seconds=seconds,
        perceived=any(windows["day"].whole.seen), asked=ours.settings.perceived,
        span="a minute" if of == "hour" else "15 minutes",
    )  # fmt: skip


@bp.get("/admin/latency.json")
def data() -> Response:
    """The same for programs. Raises `InvalidApiKey`, `NotFound`, `StorageUnavailable`."""
    if not _may_see():
        raise InvalidApiKey("This is the operator's. Send a key as 'Authorization: Bearer <key>'.")
    if services().latency is None:
        raise NotFound(_OFF)
    day = _day()
    return jsonify(
        object="latency", at=day.at, streams=day.streams, machines=len(day.traces), trouble=day.trouble,
        **{name: window(day, name).as_json() for name in SPANS},
        budgets=[
            {"subject": subject, "name": name, "budget": budget, "limit": limit, "used": used}
            for subject, (name, budget, limit, used) in _budgets()
        ],
    )  # fmt: skip


def _may_see() -> bool:
    return operator() is not None or is_operator()


def _day() -> Day:
    latency = services().latency
    try:
        if latency is None:
            raise NotFound(_OFF)
        return latency.day()
    except OSError:
        raise StorageUnavailable from None


def _budgets() -> list[tuple[str, Budget]]:
    ours = services()
    try:
        bots = budgets_of_bots(ours.directory.bots, ours.meter)
        keys = budgets_of_keys(ours.directory.keys, ours.meter)
    except StateAway:
        return []
    return [*(("bot", b) for b in bots), *(("key", b) for b in keys)]

"""A question's ticket: what it takes before, gives back after, and what is told of it; refused, it takes nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chatbot.access import limits as limits_module
from chatbot.access import rate_headers as headers_module
from chatbot.access.limits import Asker
from chatbot.access.ticket import Gate, NeverFits
from chatbot.core.api_key import PUBLISHABLE, SECRET, describe, new_text
from chatbot.core.bot import Limits, read_bot
from chatbot.core.errors import BudgetExceeded, RateLimitExceeded
from chatbot.shared import machine_meter
from chatbot.shared.machine_meter import MachineMeter

NOON = 1_795_780_800.0
"""2026-11-27, 12:00 in UTC."""
HOUR, DAY = 3600.0, 86400.0
REFUSED = (RateLimitExceeded, BudgetExceeded, NeverFits)
_NO_LIMITS = ("history_tokens", "facts_tokens", "question_chars", "tokens_per_day", "tokens_per_month")  # fmt: skip
OFF = {name: 0 for name in vars(Limits()) if name not in _NO_LIMITS}


class Clock:
    """The time of all that asks for it here."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (limits_module, headers_module, machine_meter):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock.time))
    return clock


@pytest.fixture
def told():
    return []


@pytest.fixture
def gate(clock, told):
    return Gate(MachineMeter(None), lambda *what: told.append(what))


def visitor(name: str = "s:ada", key_limits: dict[str, int] | None = None, **limits: int) -> Asker:
    bot = read_bot({"id": "shop", "contact": "Call us.", "limits": {**OFF, **limits}})
    own = tuple((key_limits or {}).items())
    return Asker(describe(new_text(PUBLISHABLE), bot_id="shop", limits=own), bot, name, "192.0.2.1")


def program(**limits: int) -> Asker:
    return Asker(describe(new_text(SECRET), limits=tuple(limits.items())), None)


def fits(gate: Gate, asker: Asker, tokens: int = 1) -> bool:
    """Whether a question of so many tokens would pass; nothing is taken by the look."""
    try:
        gate.admit(asker, tokens).settle(0)
    except REFUSED:
        return False
    return True


# What is taken, and given back


@pytest.mark.parametrize("name", ["tokens_per_day", "tokens_per_month", "visitor_tokens_per_day", "tokens_per_minute"])  # fmt: skip
@pytest.mark.parametrize("spent", [0, 30, 60, 75])
def test_what_may_be_spent_is_reserved_and_what_was_spent_remains(gate, name, spent):
    asker = visitor(**{name: 100})
    ticket = gate.admit(asker, 60)
    assert fits(gate, asker, 40)
    assert not fits(gate, asker, 41)
    ticket.settle(spent)
    assert fits(gate, asker, 100 - spent)
    assert not spent or not fits(gate, asker, 101 - spent)


@pytest.mark.parametrize("again", [0, 2])
@pytest.mark.parametrize("spent", [0, 10, 10**6])
def test_settled_twice_it_gives_back_once(gate, again, spent):
    asker = visitor(tokens_per_day=10**7, streams=2)
    other, ticket = gate.admit(asker, 10), gate.admit(asker, 10)
    for _ in range(again):
        assert ticket.again()
    for _ in range(3):
        ticket.settle(spent)
    assert fits(gate, asker, 10**7 - spent - 10)
    assert not fits(gate, asker, 10**7 - spent - 9)
    gate.admit(asker, 0)
    assert not fits(gate, asker, 0)  # the other answer's slot is still taken
    other.settle(0)
    assert fits(gate, asker, 0)


def test_each_further_attempt_reserves_as_much_and_is_none_where_that_is_too_much(gate):
    asker = visitor(tokens_per_day=100, visitor_requests_per_minute=2, streams=1)
    ticket = gate.admit(asker, 30)
    assert [ticket.again(), ticket.again(), ticket.again()] == [True, True, False]
    ticket.settle(95)
    assert fits(gate, asker, 5)  # the slot is free, and but for one request nothing was counted
    assert not fits(gate, asker, 1)


def test_what_was_reserved_yesterday_is_settled_yesterday(gate, clock):
    asker = visitor(tokens_per_day=100)
    clock.now = NOON + 12 * HOUR - 1
    ticket = gate.admit(asker, 90)
    clock.now += 2
    assert fits(gate, asker, 100)
    ticket.settle(95)
    assert fits(gate, asker, 100)


@pytest.mark.parametrize("limits", [{"streams": 1}, {"visitor_requests_per_minute": 1}, {"tokens_per_day": 100}])  # fmt: skip
def test_a_refusal_takes_nothing_of_any_limit(gate, limits):
    full = visitor(**limits)
    gate.admit(full, 100)
    wide = {"visitor_streams": 2, "address_requests_per_minute": 3, "tokens_per_minute": 150, "tokens_per_month": 250}  # fmt: skip
    for _ in range(20):
        assert not fits(gate, visitor(**{**wide, **limits}), 50)
    open_ = visitor(**wide)
    for _ in range(2):
        gate.admit(open_, 50)
    assert not fits(gate, open_, 1)


def test_a_visitors_key_with_limits_of_its_own_has_both(gate):
    asker = visitor(key_limits={"requests_per_day": 2}, visitor_requests_per_minute=1)
    gate.admit(asker, 1)
    with pytest.raises(RateLimitExceeded, match="You have asked"):
        gate.admit(asker, 1)
    gate.admit(Asker(asker.key, asker.bot, "s:eve", "192.0.2.2"), 1)
    with pytest.raises(RateLimitExceeded, match="This key") as refusal:
        gate.admit(Asker(asker.key, asker.bot, "s:bob", "192.0.2.3"), 1)
    assert refusal.value.detail == "key: requests_per_day"


# What is told


def usual(gate: Gate) -> Asker:
    """A visitor with all limits, most of which have been used by somebody."""
    asker = visitor(
        visitor_requests_per_minute=3, visitor_requests_per_day=5, visitor_tokens_per_day=900,
        address_requests_per_minute=7, tokens_per_minute=400, tokens_per_day=1200, tokens_per_month=2000,
    )  # fmt: skip
    for tokens in (100, 250):
        gate.admit(asker, tokens)
    return asker


@pytest.mark.parametrize(
    ("limits", "asks"),
    [
        ({"visitor_requests_per_minute": 7}, [1] * 7),
        ({"visitor_requests_per_day": 3}, [1] * 3),
        ({"tokens_per_minute": 700}, [300, 399]),
        ({"visitor_tokens_per_day": 1000}, [990]),
        ({"tokens_per_day": 100}, [60]),
        ({"tokens_per_month": 100}, [60]),
        # The nearest in time is not the one that is waited for.
        ({"visitor_requests_per_minute": 3, "visitor_requests_per_day": 3}, [1] * 3),
        ({"visitor_requests_per_day": 3, "address_requests_per_minute": 3}, [1] * 3),
        ({"visitor_requests_per_minute": 2, "tokens_per_day": 100}, [40, 40]),
        ({"tokens_per_day": 100, "tokens_per_month": 100}, [80]),
    ],
    ids=str,
)
def test_after_the_wait_that_it_names_the_same_question_passes_and_not_before(gate, clock, limits, asks):  # fmt: skip
    asker, last = visitor(**limits), asks[-1]
    for tokens in asks:
        gate.admit(asker, tokens).settle(tokens)
        clock.now += 0.13
    with pytest.raises(REFUSED) as refusal:
        gate.admit(asker, last)
    named, refused_at = refusal.value.retry_after, clock.now
    assert named == int(named) >= 1
    clock.now = refused_at + named - 1.001
    assert not fits(gate, asker, last)
    clock.now = refused_at + named
    assert fits(gate, asker, last)


def test_headers_are_of_the_nearest_limits_and_a_reset_is_when_all_is_there_again(gate, clock):
    asker = usual(gate)
    clock.now += 10
    headers = gate.admit(asker, 20).headers
    assert headers == {
        "X-RateLimit-Limit-Requests": "3", "X-RateLimit-Remaining-Requests": "0",
        "X-RateLimit-Reset-Requests": "50s", "X-RateLimit-Limit-Tokens": "400",
        "X-RateLimit-Remaining-Tokens": "96", "X-RateLimit-Reset-Tokens": "46s",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "spent", "limit"),
    [
        # By share the large one is nearer; the next question is refused by the small one.
        ({"tokens_per_minute": 500, "tokens_per_day": 10_000}, [450] * 20 + [100], "500"),
        ({"tokens_per_day": 100_000, "tokens_per_month": 300_000}, [60_000], "100000"),
        ({"tokens_per_day": 1000, "tokens_per_month": 1000}, [10], "1000"),
    ],
)
def test_headers_are_of_the_limit_that_fewest_further_questions_fit_into(gate, clock, limits, spent, limit):  # fmt: skip
    asker = visitor(**limits)
    for tokens in spent:
        ticket = gate.admit(asker, tokens)
        ticket.settle(tokens)
        headers = ticket.headers
        clock.now += 60
    assert headers["X-RateLimit-Limit-Tokens"] == limit


def test_of_requests_it_is_the_fewest_that_are_left_and_not_the_smallest_share(gate):
    asker = visitor(visitor_requests_per_minute=3, requests_per_minute=1000)
    for number in range(996):
        others = visitor(f"s:{number}", requests_per_minute=1000)
        gate.admit(others, 1)
    headers = gate.admit(asker, 1).headers
    assert headers["X-RateLimit-Limit-Requests"] == "3"  # 2 of 3, and 3 of 1000
    assert headers["X-RateLimit-Remaining-Requests"] == "2"


def test_a_refusals_headers_are_of_the_limit_that_has_refused(gate):
    asker = visitor(visitor_requests_per_day=2, address_requests_per_minute=2)
    gate.admit(asker, 1)
    gate.admit(asker, 1)
    with pytest.raises(RateLimitExceeded) as refusal:
        gate.admit(asker, 1)
    assert refusal.value.detail == "visitor: visitor_requests_per_day"
    assert refusal.value.headers["X-RateLimit-Reset-Requests"] == "24h0m0s"


def test_at_the_reset_as_many_pass_as_there_are_and_not_before(gate, clock):
    asker = visitor(visitor_requests_per_minute=7)
    for _ in range(4):
        headers = gate.admit(asker, 1).headers
    assert headers["X-RateLimit-Remaining-Requests"] == "3"
    assert headers["X-RateLimit-Reset-Requests"] == "35s"
    clock.now += 34
    assert gate.admit(asker, 1).headers["X-RateLimit-Remaining-Requests"] == "5"
    clock.now += 10
    left = [gate.admit(asker, 1).headers["X-RateLimit-Remaining-Requests"] for _ in range(7)]
    assert left == list("6543210")


def test_the_reset_of_a_budget_is_the_days_end(gate, clock):
    clock.now += 90
    headers = gate.admit(program(tokens_per_day=100, tokens_per_minute=10**9), 99).headers
    assert headers["X-RateLimit-Remaining-Tokens"] == "1"
    assert headers["X-RateLimit-Reset-Tokens"] == "11h58m30s"


def test_a_refusal_has_headers_that_are_true_of_before_it(gate):
    asker = usual(gate)
    gate.admit(asker, 1)
    with pytest.raises(RateLimitExceeded) as refusal:
        gate.admit(asker, 1)
    assert refusal.value.headers["X-RateLimit-Remaining-Requests"] == "0"
    assert refusal.value.headers["X-RateLimit-Remaining-Tokens"] == "49"
    assert refusal.value.detail == "visitor: visitor_requests_per_minute"


def test_a_visitor_is_told_whom_to_ask_instead_and_a_program_is_not(gate):
    asker, owner = visitor(tokens_per_month=10), program(tokens_per_day=10)
    for who in (asker, owner):
        gate.admit(who, 5).settle(5)
    with pytest.raises(BudgetExceeded, match=r"this month\. Call us\.$"):
        gate.admit(asker, 6)
    with pytest.raises(BudgetExceeded, match="too few are left"):
        gate.admit(owner, 6)


# What the owner is told


def said(told) -> list[tuple[str, float, bool]]:
    return [(part.name, used, refused) for part, _, used, refused in told]


def test_the_owner_is_told_what_is_used_in_truth(gate, told):
    asker = visitor(tokens_per_day=100)
    gate.admit(asker, 79).settle(79)
    assert said(told) == []
    gate.admit(asker, 5).settle(1)
    assert said(told) == [("tokens_per_day", 84, False)]
    with pytest.raises(BudgetExceeded):
        gate.admit(asker, 21)
    assert said(told)[1:] == [("tokens_per_day", 80, False), ("tokens_per_day", 80, True)]


@pytest.mark.parametrize("asker", [program(tokens_per_day=100), visitor(tokens_per_day=100)])
def test_what_is_larger_than_all_of_a_budget_is_no_used_budget_and_takes_nothing(gate, told, asker):
    with pytest.raises(NeverFits) as never:
        gate.admit(asker, 101)
    assert (never.value.part.name, never.value.take.limit) == ("tokens_per_day", 100)
    assert never.value.headers["X-RateLimit-Remaining-Tokens"] == "100"
    assert told == []
    assert fits(gate, asker, 100)


def test_of_several_budgets_that_are_too_small_it_is_the_smallest(gate):
    asker = visitor(key_limits={"tokens_per_month": 70}, tokens_per_day=100, tokens_per_month=90)
    gate.admit(asker, 70)
    with pytest.raises(NeverFits) as never:
        gate.admit(asker, 101)
    assert (never.value.part.subject, never.value.take.limit) == ("key", 70)
    with pytest.raises(RateLimitExceeded, match="under way"):
        gate.admit(asker, 70)


def test_who_counts_alone_does_not_say_that_a_budget_is_used(clock, told):
    """Where Redis is away a machine allows a part of a budget: all of that is not all of it."""
    alone, away = MachineMeter(None), SimpleNamespace()

    def a_quarter(takes):
        stricter = [take._replace(limit=take.limit // 4) for take in takes]
        return alone.take(stricter)

    away.take = a_quarter
    gate, asker = Gate(away, lambda *what: told.append(what)), visitor(tokens_per_day=400)
    gate.admit(asker, 90)
    with pytest.raises(RateLimitExceeded) as refusal:
        gate.admit(asker, 90)
    assert refusal.value.retry_after < 60  # by then it may be back
    assert told == []

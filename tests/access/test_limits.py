"""Which limits a question has to pass, and what a ticket does with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatbot.access import limits as module
from chatbot.access.limits import KEY_LIMITS, Asker, asked_of, network_of
from chatbot.access.ticket import Gate
from chatbot.core.api_key import SECRET, describe, new_text
from chatbot.core.bot import Bot, BotError, Limits, read_bot
from chatbot.core.errors import BudgetExceeded, RateLimitExceeded
from chatbot.core.meter import LIVE, TOTAL
from chatbot.shared import machine_meter
from chatbot.shared.machine_meter import MachineMeter

NAMES = [n for n in vars(Limits()) if n not in ("history_tokens", "facts_tokens", "question_chars")]
OFF = {n: 10**9 if n in ("tokens_per_day", "tokens_per_month") else 0 for n in NAMES}


def bot(**limits: int) -> Bot:
    return read_bot({"id": "shop", "limits": {**OFF, **limits}})


def visitor(of: Bot, name: str = "s:1", address: str = "203.0.113.9") -> Asker:
    return Asker(describe(new_text("pk"), bot_id="shop"), of, name, address)


def owner(of: Bot | None = None, **limits: int) -> Asker:
    return Asker(describe(new_text(SECRET), limits=tuple(limits.items())), of)


@pytest.fixture
def gate():
    return Gate(MachineMeter(None), lambda *_: None)


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_of_a_bot_is_refused_in_its_turn_by_its_name(gate, name):
    in_tokens = "tokens" in name
    asker = visitor(bot(**{name: 50 if in_tokens else 2}))
    for _ in range(2):
        ticket = gate.admit(asker, 25 if in_tokens else 1)
        if in_tokens:
            ticket.settle(25)
    with pytest.raises((RateLimitExceeded, BudgetExceeded)) as refusal:
        gate.admit(asker, 1)
    assert refusal.value.detail.endswith(f": {name}")
    assert refusal.value.retry_after >= 1
    is_budget = name in ("tokens_per_day", "tokens_per_month")
    assert isinstance(refusal.value, BudgetExceeded) is is_budget


@pytest.mark.parametrize("name", KEY_LIMITS)
def test_each_limit_of_a_key_is_refused_by_its_name(gate, name):
    asker = owner(**{name: 2})
    for _ in range(2):
        ticket = gate.admit(asker, 1)
        if name != "streams":
            ticket.settle(1)
    with pytest.raises((RateLimitExceeded, BudgetExceeded), match=r"key|under way|used up"):
        gate.admit(asker, 1)
    gate.admit(owner(**{name: 2}), 1)  # another key


def test_a_visitor_counts_for_address_and_bot_and_an_owner_for_the_bot_alone():
    usual = read_bot({"id": "shop"})
    subjects = {p.subject for p in asked_of(visitor(usual), 9).parts}
    assert subjects == {"visitor", "address", "bot"}
    assert {p.subject for p in asked_of(owner(usual, streams=1), 9).parts} == {"bot", "key"}
    assert not asked_of(owner(), 9).takes


def test_others_do_not_count_for_a_visitor(gate):
    one = bot(visitor_requests_per_minute=1, address_requests_per_minute=2)
    gate.admit(visitor(one, "s:1", "203.0.113.9"), 1)
    gate.admit(visitor(one, "s:2", "203.0.113.9"), 1)
    gate.admit(visitor(one, "s:3", "203.0.113.8"), 1)
    with pytest.raises(RateLimitExceeded, match="network"):
        gate.admit(visitor(one, "s:4", "203.0.113.9"), 1)
    with pytest.raises(RateLimitExceeded, match="You have asked"):
        gate.admit(visitor(one, "s:3", "198.51.100.1"), 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.10", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "rubbish", False),
        ("rubbish\n", "rubbish", False),
    ],
)
def test_who_shares_an_address(one, other, same):
    assert (network_of(one) == network_of(other)) is same


@pytest.mark.parametrize(
    ("at", "day", "month", "to_day", "to_month"),
    [
        ("2026-11-30T23:59:59", "2026-11-30", "2026-11", 1, 1),
        ("2026-12-01T00:00:00", "2026-12-01", "2026-12", 86400, 31 * 86400),
        ("2026-12-31T12:00:00", "2026-12-31", "2026-12", 43200, 43200),
        ("2028-02-28T00:00:00", "2028-02-28", "2028-02", 86400, 2 * 86400),
        ("2028-02-29T00:00:00", "2028-02-29", "2028-02", 86400, 86400),
    ],
)
def test_budgets_end_with_the_day_and_the_month_in_utc(monkeypatch, at, day, month, to_day, to_month):  # fmt: skip
    now = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    monkeypatch.setattr(module.time, "time", lambda: now)
    takes = [t for t in asked_of(visitor(bot()), 9).takes if t.kind == TOTAL]
    assert [t.key for t in takes] == [f"bot:shop:{day}", f"bot:shop:{month}"]
    assert [t.period - now for t in takes] == [to_day, to_month]


def test_the_retry_after_is_true_to_the_second(gate, monkeypatch):
    asker, at = visitor(bot(visitor_requests_per_minute=6)), 1e9
    monkeypatch.setattr(machine_meter.time, "time", lambda: at)
    for _ in range(6):
        gate.admit(asker, 1)
    with pytest.raises(RateLimitExceeded) as refusal:
        gate.admit(asker, 1)
    assert refusal.value.retry_after == 10
    monkeypatch.setattr(machine_meter.time, "time", lambda: at + 9.9)
    with pytest.raises(RateLimitExceeded):
        gate.admit(asker, 1)
    monkeypatch.setattr(machine_meter.time, "time", lambda: at + 10)
    gate.admit(asker, 1)


def test_what_is_larger_than_a_rate_passes_where_nothing_is_used(gate):
    asker = visitor(bot(visitor_tokens_per_day=100))
    gate.admit(asker, 5000).settle(30)
    gate.admit(asker, 10)


def test_a_ticket_is_settled_once_by_what_was_spent(gate):
    asker = visitor(bot(tokens_per_day=100, visitor_streams=1))
    ticket = gate.admit(asker, 80)
    ticket.settle(30)
    ticket.settle(0)
    second = gate.admit(asker, 70)
    second.settle(90)  # estimates are estimates: what was spent is spent
    with pytest.raises(BudgetExceeded):
        gate.admit(asker, 1)


def test_what_is_only_reserved_is_not_called_used():
    told = []
    gate = Gate(MachineMeter(None), lambda *values: told.append(values))
    asker = visitor(bot(tokens_per_day=100))
    tickets = [gate.admit(asker, 45), gate.admit(asker, 45)]
    with pytest.raises(RateLimitExceeded, match="under way") as refusal:
        gate.admit(asker, 45)
    assert refusal.value.retry_after <= 10
    assert not told
    for ticket in tickets:
        ticket.settle(44)
    with pytest.raises(BudgetExceeded):
        gate.admit(asker, 45)
    assert told


def test_another_attempt_reserves_as_much_again_or_is_not_made(gate):
    asker = visitor(bot(tokens_per_day=100))
    ticket = gate.admit(asker, 40)
    assert [ticket.again(), ticket.again()] == [True, False]
    ticket.settle(70)
    gate.admit(asker, 30).settle(0)
    assert owner().key.limits == ()
    assert gate.admit(owner(), 10).again()


def test_headers_name_the_nearest_limit_and_when_all_of_it_is_there(gate, monkeypatch):
    monkeypatch.setattr(machine_meter.time, "time", lambda: 1e9)
    asker = visitor(bot(visitor_requests_per_minute=6, requests_per_minute=600, visitor_tokens_per_day=8640))  # fmt: skip
    headers = gate.admit(asker, 86).headers
    assert headers == {
        "X-RateLimit-Limit-Requests": "6", "X-RateLimit-Remaining-Requests": "5",
        "X-RateLimit-Reset-Requests": "10s", "X-RateLimit-Limit-Tokens": "8640",
        "X-RateLimit-Remaining-Tokens": "8554", "X-RateLimit-Reset-Tokens": "14m20s",
    }  # fmt: skip
    assert gate.admit(owner(), 5).headers == {}


def test_slots_come_back_in_any_case(gate):
    asker = visitor(bot(streams=1))
    for spent in (0, 5, 10**6):
        gate.admit(asker, 5).settle(spent)
    assert [p.kind for p in asked_of(asker, 1).parts].count(LIVE) == 1


@pytest.mark.parametrize("name", ["tokens_per_day", "tokens_per_month"])
def test_no_bot_is_without_a_budget(name):
    assert getattr(Limits(), name) > 0
    with pytest.raises(BotError, match=name):
        read_bot({"id": "b", "limits": {name: 0}})


def test_limits_that_are_changed_hold_for_the_next_question():
    """However many bots there are, and wherever in memory the limits that were changed lie."""
    for most in (*range(1, 600), 1):
        changed = visitor(bot(visitor_requests_per_minute=most), f"s:{most}")
        takes = asked_of(changed, 1).takes
        assert [t.limit for t in takes if "requests" in t.key] == [most]

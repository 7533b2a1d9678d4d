"""A target that fails again and again is asked last, until one request finds it well."""

from __future__ import annotations

import json

import pytest

from chatbot.chat.answer import ChatService
from chatbot.core.errors import (
    ContentPolicyViolation,
    ContextLengthExceeded,
    InvalidRequest,
    RateLimitExceeded,
    TimeoutFirstToken,
    TimeoutTotal,
    UpstreamAuth,
    UpstreamError,
    UpstreamUnreachable,
)
from chatbot.core.provider_config import RouteConfig, Timeouts
from chatbot.protocol.chat_request import check_chat_request
from chatbot.shared.process import ProcessState
from chatbot.upstream import breaker
from chatbot.upstream.breaker import (
    FIRST_COOL_DOWN,
    LONGEST_COOL_DOWN,
    THRESHOLD,
    Breakers,
)
from chatbot.upstream.mock import MockExchange, MockProvider
from chatbot.upstream.mock_api import script_for
from chatbot.upstream.route import Router
from chatbot.upstream.turns import Turns


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breakers(clock):
    return Breakers(ProcessState(), clock)


def fail(breakers, times=THRESHOLD, name="a", error=None):
    for _ in range(times):
        breakers.note(name, error or UpstreamError("no"))


def test_it_opens_after_failures_in_a_row_and_a_success_starts_the_count_anew(breakers):
    fail(breakers, THRESHOLD - 1)
    breakers.note("a", None)
    fail(breakers, THRESHOLD - 1)
    assert breakers.standing("a") == "closed"
    fail(breakers, 1)
    assert breakers.standing("a") == "open"
    assert breakers.admit("a") is None
    assert breakers.standings({"x": ["a", "b"], "b": ["b"]}) == {"x": "open", "b": "closed"}


@pytest.mark.parametrize("kind", [UpstreamError, UpstreamUnreachable, UpstreamAuth, RateLimitExceeded,
                                  TimeoutFirstToken])  # fmt: skip
def test_what_is_the_targets_failure_counts(breakers, kind):
    fail(breakers, error=kind("no"))
    assert breakers.standing("a") == "open"


@pytest.mark.parametrize("kind", [InvalidRequest, ContextLengthExceeded, ContentPolicyViolation,
                                  TimeoutTotal])  # fmt: skip
def test_what_the_caller_has_to_mend_does_not(breakers, kind):
    fail(breakers, error=kind("no"))
    assert breakers.standing("a") == "closed"


def test_one_request_probes_and_its_success_closes(breakers, clock):
    fail(breakers)
    clock.time += FIRST_COOL_DOWN
    probes, give_back, _ = breakers.admit("a")
    assert probes
    assert breakers.admit("a") is None, "the others wait for the probe"
    breakers.note("a", None)
    give_back()
    assert breakers.standing("a") == "closed"
    assert breakers.admit("a")[0] is False


def test_a_failed_probe_opens_it_for_longer_up_to_a_bound(breakers, clock):
    fail(breakers)
    waits = []
    for _ in range(4):
        begin = clock.time
        while (admitted := breakers.admit("a")) is None:
            clock.time += 1
        waits.append(clock.time - begin)
        fail(breakers, 1)
        admitted[1]()
    assert waits == [FIRST_COOL_DOWN, 2 * FIRST_COOL_DOWN, LONGEST_COOL_DOWN, LONGEST_COOL_DOWN]


def test_many_failures_at_once_are_one_opening(breakers, clock):
    fail(breakers, 100)
    clock.time += FIRST_COOL_DOWN
    assert breakers.admit("a") is not None


def test_a_probe_whose_client_left_leaves_it_to_the_next(breakers, clock):
    fail(breakers)
    clock.time += FIRST_COOL_DOWN
    breakers.admit("a")[1]()
    assert breakers.admit("a") is not None


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_jumps_does_not_keep_a_target_out(breakers, clock, jump):
    fail(breakers)
    clock.time += jump
    assert breakers.admit("a") is not None


class One(MockProvider):
    name = "p"


@pytest.fixture
def turns(breakers):
    targets = Router([One()], [RouteConfig("m", ("p/a", "p/b", "p/c"))], "").targets("m")
    return lambda: Turns(targets, breakers)


def order(turns):
    found = []
    while turn := turns.next():
        found.append((turn.target.model, turn.last, turn.retries))
    return found


def test_all_well_is_the_configured_order(turns):
    assert order(turns()) == [("a", False, 0), ("b", False, 0), ("c", True, 0)]


def test_who_fails_is_asked_last_and_the_last_that_is_well_is_given_the_time(turns, breakers):
    fail(breakers, name="p/a")
    fail(breakers, name="p/c")
    assert order(turns()) == [("b", True, 0), ("a", False, 0), ("c", True, 0)]


def test_a_breaker_refuses_nobody(turns, breakers):
    for name in ("p/a", "p/b", "p/c"):
        fail(breakers, name=name)
    assert [model for model, _, _ in order(turns())] == ["a", "b", "c"]


def test_a_probe_is_in_its_turn_and_is_not_retried(turns, breakers, clock):
    One.retries = 2
    try:
        fail(breakers, name="p/a")
        clock.time += FIRST_COOL_DOWN
        first, second = turns(), turns()
        assert (first.next().retries, second.next().target.model) == (0, "b")
        first.end()
        assert second._breakers.admit("p/a") is not None, "the place of the probe is given back"
    finally:
        One.retries = 0


def test_there_are_no_more_names_than_the_configuration_allows():
    routes = [RouteConfig("gpt-*", ("p/*", "p/small")), RouteConfig("exact", ("p/*",))]
    router = Router([One()], routes, "default")
    assert list(router.target_names) == ["p/*", "p/small", "p/exact", "p/default"]
    known = {name for several in router.target_names.values() for name in several}
    made_up = [f"gpt-{n}" for n in range(1000)] + ["\ud800", "x" * 10_000, "../..", ""]
    for model in (*made_up, "exact", "default", "other"):
        assert {t.name for t in router.targets(model)} <= known


def test_one_models_failures_leave_most_others_alone():
    router = Router([One()], [], "")
    names = {router.targets(f"model-{n}")[0].name for n in range(100)}
    assert len(names) > 10


def test_the_end_of_an_older_stream_does_not_close_it(breakers, clock):
    fail(breakers)
    breakers.note("a", None, took=30)
    assert breakers.standing("a") == "open"
    clock.time += 1
    breakers.note("a", None, took=0.5)
    assert breakers.standing("a") == "closed"


@pytest.mark.parametrize("record", [{"failures": "5"}, {"failures": None, "until": []}, {"x": 1}])
def test_a_record_of_somebody_elses_making_stops_nobody(record):
    state = ProcessState()
    state.change("breaker/a", lambda _: record, 60)
    breakers = Breakers(state)
    assert breakers.admit("a") is not None
    fail(breakers)
    assert breakers.standing("a") == "open"


class Slow(MockProvider):
    """`a` is silent, `b` answers; both breakers may be open."""

    def __init__(self, name: str, fault: str = "") -> None:
        super().__init__(Timeouts(first_token=0.1, first_token_last=0.4, idle=0.2))
        self.name, self.asked, self._fault = name, 0, fault

    def ask(self, method, path, body=None, *, timeouts=None):
        self.asked += 1
        payload = {**json.loads(body), "mock": {"fault": self._fault} if self._fault else {}}
        return MockExchange(script_for(method, path, json.dumps(payload).encode()))


@pytest.mark.parametrize("open_ones", [[], ["a"], ["b"], ["a", "b"]])
@pytest.mark.parametrize("age", [0.0, 2 * FIRST_COOL_DOWN])
@pytest.mark.parametrize("fault", ["no_headers", "500", "cut", "stall"])
def test_no_breaker_loses_an_answer_that_somebody_would_give(
    breakers, clock, open_ones, age, fault
):
    a, b = Slow("a", fault), Slow("b")
    router = Router([a, b], [RouteConfig("mock-instant", ("a/*", "b/*"))], "")
    for name in open_ones:
        fail(breakers, name=f"{name}/mock-instant")
    clock.time += age
    asked = {"model": "mock-instant", "messages": [{"role": "user", "content": "Hi"}]}
    whole = ChatService(router, breakers).chat_completions_stream(asked)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert b.asked == 1


def test_a_probe_has_shown_its_worth_with_its_first_content(breakers, clock):
    b = Slow("b")
    router = Router([b, Slow("c")], [RouteConfig("mock-instant", ("b/*", "c/*"))], "")
    fail(breakers, name="b/mock-instant")
    clock.time += FIRST_COOL_DOWN
    request = check_chat_request(
        {"model": "mock-instant", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    )
    asking = ChatService(router, breakers).ask(request)
    stream = asking.stream(lambda: float("inf"))
    next(stream)
    assert breakers.standing("b/mock-instant") == "closed"
    asking.close()
    stream.close()


@pytest.fixture
def target():
    return Router([One()], [RouteConfig("m", ("p/a",))], "").targets("m")[0]


class Read(ProcessState):
    """Counts what is read."""

    reads = 0

    def read(self, key):
        self.reads += 1
        return super().read(key)


def test_a_success_looks_only_where_something_was_held_against_the_target(target):
    state = Read()
    breakers = Breakers(state)
    turns = Turns([target], breakers)
    turns.next()
    turns.note(target, None, 0.0)
    assert state.reads == 1
    breakers.note(target.name, UpstreamError("down"))
    turns = Turns([target], breakers)
    turns.next()
    turns.note(target, None, -1.0)
    assert state.read(f"breaker/{target.name}") is None, "those before are forgotten"


def test_a_failure_of_its_own_is_forgotten_by_the_success_behind_it(target):
    state = ProcessState()
    turns = Turns([target], Breakers(state))
    turns.next()
    turns.note(target, UpstreamError("down"), 0.0)
    assert state.read(f"breaker/{target.name}")
    turns.note(target, None, -1.0)
    assert state.read(f"breaker/{target.name}") is None


def test_nothing_held_against_a_target_is_believed_for_a_moment_only(monkeypatch):
    at, state = [100.0], Read()
    monkeypatch.setattr(breaker, "now", lambda: at[0])
    one, other = Breakers(state), Breakers(state)
    assert all(one.admit("a") for _ in range(50))
    assert state.reads == 1, "a busy worker looks for each question"
    fail(other)
    assert other.admit("a") is None, "its own failures are known at once"
    at[0] += breaker.BELIEVED_SECONDS
    assert one.admit("a") is None, "those of others a moment later"

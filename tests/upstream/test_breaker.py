"""A target that fails again and again is asked last, until one request finds it well."""

from __future__ import annotations

import pytest

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
from chatbot.core.provider_config import RouteConfig
from chatbot.shared.process import ProcessState
from chatbot.upstream.breaker import (
    FIRST_COOL_DOWN,
    LONGEST_COOL_DOWN,
    THRESHOLD,
    Breakers,
)
from chatbot.upstream.mock import MockProvider
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
    assert breakers.standings(["a", "b"]) == {"a": "open", "b": "closed"}


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
    probes, give_back = breakers.admit("a")
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
    assert order(turns()) == [("b", True, 0), ("a", True, 0), ("c", True, 0)]


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


def test_there_are_as_many_names_as_the_configuration_has():
    routes = [RouteConfig("gpt-*", ("p/*", "p/small")), RouteConfig("exact", ("p/*",))]
    router = Router([One()], routes, "default")
    assert router.target_names == ["p/*", "p/small", "p/exact", "p/default"]
    for model in ("gpt-4", "gpt-made-up", "exact", "default", "made-up", ""):
        assert {t.name for t in router.targets(model)} <= set(router.target_names)

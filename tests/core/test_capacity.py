"""The formula is held to what was measured, at 100, 1,000 and 8,000 answers at a time."""

from __future__ import annotations

import pytest

from chatbot.core.capacity import (
    BUSY,
    Load,
    carries,
    cpu_seconds,
    descriptors,
    memory_mb,
    needs,
    read_costs,
)
from chatbot.core.descriptors import descriptors_for

KNOWN = read_costs()
COSTS = KNOWN["costs"]
FACTOR = 2.0
"""A machine that is shared is not more even than that from one minute to the next."""


def near(predicted: float, measured: float) -> bool:
    return measured / FACTOR <= predicted <= measured * FACTOR


def test_all_three_sizes_were_measured_and_nothing_was_lost():
    assert [m["streams"] for m in KNOWN["measured"]] == [100, 1000, 8000]
    assert all(m["broken"] == m["lost"] == 0 for m in KNOWN["measured"])


@pytest.mark.parametrize("measured", KNOWN["measured"], ids=lambda m: str(m["streams"]))
class TestThePrediction:
    def test_of_cpu(self, measured):
        assert near(
            cpu_seconds(COSTS, measured["streams"], measured["events"]), measured["cpu_seconds"]
        )

    def test_of_memory(self, measured):
        assert near(memory_mb(COSTS, measured["streams"]), measured["memory_mb"])

    def test_of_descriptors(self, measured):
        assert near(descriptors(COSTS, measured["streams"]), measured["descriptors"])
        assert descriptors_for(measured["streams"]) >= measured["descriptors"]


def test_an_answer_costs_what_its_question_and_its_events_do():
    costs = {"question_ms": 2.0, "event_us": 50.0, "worker_mb": 80.0, "stream_kb": 50.0}
    load = Load(1000, words=200, pace=20)
    assert (load.questions, load.events) == (100, 20_000)
    assert cpu_seconds(costs, load.questions, load.events) == pytest.approx(0.2 + 1.0)
    assert memory_mb(costs, 1000, workers=2) == pytest.approx(160 + 50)
    assert Load(1000, rate=7).questions == 7


@pytest.mark.parametrize("streams", [1, 100, 1000, 8000, 100_000])
def test_what_is_to_be_set_has_room_for_it(streams):
    found = needs(Load(streams), COSTS)
    put = found["set"]
    assert put["WEB_CONCURRENCY"] * BUSY >= found["needs"]["cores"]
    assert put["WEB_CONCURRENCY"] * put["CHATBOT_MAX_STREAMS"] >= streams
    assert put["worker_connections"] > 2 * streams
    assert put["LimitNOFILE"] > 2 * put["CHATBOT_MAX_STREAMS"]


def test_the_first_that_is_full_is_named_first():
    found = needs(Load(1000), COSTS)["carries"]
    assert list(found.values()) == sorted(found.values())
    assert carries(Load(1000), COSTS) == carries(Load(2000), COSTS), "it is a share of each"

"""One thing after the other dies under load: what visitors see, what /readyz says, and how soon all is as before."""

from __future__ import annotations

import os
import signal

import pytest

from tests.hosting.machines.hosts import run_redis
from tests.hosting.machines.world import World, through
from tests.server import wait_for

BREAKS_OFF = {"cut", "502", "502 ", "ConnectionResetError", "ConnectionError"}
"""What the answers of a machine that dies may come to: a transfer that breaks, or nginx' word for it."""


def redis_is_missed(known: World, number: int) -> bool:
    ready = known.ready(number)
    return "since Redis can't be used" in ready["shared_state"] and "stricter" in ready["limits"]


def test_a_machine_is_killed_in_mid_answer(known, note):
    with through(known, [1]) as passage:
        passage.change(known.apps[0].kill)
        passage.all_asked()
    note["a machine is killed in mid-answer"] = passage
    assert set(passage.broken) <= BREAKS_OFF
    # Once at the most each: who asks again is answered by the other one.
    assert passage.broken.total() <= len(passage.crowd.members)
    known.run_app(0)
    used_again(known)


def used_again(known: World) -> None:
    """nginx asks both machines."""
    with known.crowd() as crowd:
        for number in (0, 1):
            wait_for(lambda n=number: streams(known, n) > 0, 30)
        crowd.each_asked()
    assert not [end for end in crowd.ends if end != "whole"]


def streams(known: World, number: int) -> float:
    """Answers under way there, by its own count."""
    lines = known.get(number, "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("chatbot_live_streams"))


def test_a_machine_is_cut_off_in_mid_answer(known, note):
    with through(known, [1]) as passage:
        passage.change(known.apps[0].cut)
        passage.all_asked(1)
    note["a machine is cut off: its packets are lost"] = passage
    known.apps[0].mend()
    assert set(passage.broken) <= BREAKS_OFF
    assert passage.broken.total() <= len(passage.crowd.members)
    wait_for(known.is_whole, 30)
    used_again(known)


def test_redis_restarts_and_has_lost_all(known, note):
    def restart() -> None:
        known.redis.kill()
        run_redis(known.redis, known.folder)

    with through(known) as passage:
        passage.change(restart)
        passage.all_asked()
    note["Redis restarts, and has lost all"] = passage
    assert not passage.broken


def test_redis_is_away(known, note):
    with through(known) as passage:
        known.redis.kill()
        for number in (0, 1):
            wait_for(lambda n=number: redis_is_missed(known, n), 10)
        passage.all_asked()
        passage.change(lambda: run_redis(known.redis, known.folder))
    note["Redis is away"] = passage
    assert not passage.broken


def test_redis_freezes(known, note):
    (process,) = known.redis.processes
    with through(known) as passage:
        os.kill(process.pid, signal.SIGSTOP)
        for number in (0, 1):
            wait_for(lambda n=number: redis_is_missed(known, n), 10)
        passage.all_asked()
        passage.change(lambda: os.kill(process.pid, signal.SIGCONT))
    note["Redis freezes"] = passage
    assert not passage.broken


def test_the_link_to_redis_is_cut(known, note):
    with through(known) as passage:
        known.redis.cut()
        for number in (0, 1):
            wait_for(lambda n=number: redis_is_missed(known, n), 10)
        passage.all_asked()
        passage.change(known.redis.mend)
    note["the link to Redis is cut"] = passage
    assert not passage.broken


def database_is_missed(known: World, number: int) -> bool:
    return known.ready(number)["database"]["away"]


def test_postgresql_restarts(known, note):
    def restart() -> None:
        known.postgres.stop()
        known.postgres.start()

    with through(known) as passage:
        passage.change(restart)
        passage.all_asked()
    note["PostgreSQL restarts"] = passage
    assert not passage.broken


@pytest.mark.parametrize("fault", ["freezes", "is cut off"])
def test_postgresql_goes_silent(known, note, fault):
    breaks = known.postgres.freeze if fault == "freezes" else known.postgres_host.cut
    mends = known.postgres.thaw if fault == "freezes" else known.postgres_host.mend
    with through(known) as passage:
        breaks()
        try:
            for number in (0, 1):
                wait_for(lambda n=number: database_is_missed(known, n), 30)
            passage.all_asked()
        finally:  # the other tests need it
            passage.change(mends)
    note[f"PostgreSQL {fault}"] = passage
    assert not passage.broken

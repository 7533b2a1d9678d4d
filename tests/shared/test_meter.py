"""Limits are counted the same in one process, on one machine and in Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.core.meter import LIVE, RATE, TOTAL, Take
from chatbot.core.secret import Secret
from chatbot.core.shared_state import StateAway
from chatbot.shared import machine_meter, redis_meter, steady_meter, table
from chatbot.shared.machine_meter import MachineMeter
from chatbot.shared.redis import RedisState
from chatbot.shared.redis_meter import RedisMeter
from chatbot.shared.steady_meter import STRICTER, SteadyMeter
from chatbot.shared.table import Table
from tests.engines import redis_server
from tests.ports import free_port
from tests.server import ROOT, wait_for

FAR = 4e9
OTHER = """
import sys, time, json
sys.path.insert(0, {root!r})
from pathlib import Path
from chatbot.core.meter import LIVE, RATE, TOTAL, Take
from chatbot.core.secret import Secret
from chatbot.shared.machine_meter import MachineMeter
from chatbot.shared.redis import RedisState
from chatbot.shared import redis_meter
redis_meter.ALIVE_SECONDS, redis_meter.RENEW_SECONDS = 1.0, 0.2
meter = {meter}
{code}
"""
SPEND = """
spent = 0
for n in range(150):
    taken = meter.take([Take(TOTAL, "budget", 7, 2000, 4e9), Take(RATE, "asked", 1, 1e6, 60)])
    if taken.refused is None:
        meter.change([(Take(TOTAL, "budget", 7, 2000, 4e9), -2)])
        spent += 5
print(spent)
"""
HOLD = """
for _ in range(3):
    assert meter.take([Take(LIVE, "streams", 1, 3, 0)]).refused is None
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.fixture(params=["process", "machine", "redis"])
def source(request, tmp_path, monkeypatch):
    """How a meter is made, as Python text: other processes make the same one."""
    if request.param == "process":
        return "MachineMeter(None)"
    if request.param == "machine":
        return f"MachineMeter(Path({str(tmp_path)!r}))"
    monkeypatch.setattr(redis_meter, "_PREFIX", "chatbot:limit:")
    monkeypatch.setattr(redis_meter, "ALIVE_SECONDS", 1.0)
    monkeypatch.setattr(redis_meter, "RENEW_SECONDS", 0.2)
    url = request.getfixturevalue("redis_url")
    import redis

    redis.Redis.from_url(url).flushdb()
    return f"RedisMeter(RedisState(Secret({url!r})))"


@pytest.fixture
def meter(source):
    return eval(source)


def shared(source: str) -> None:
    if "None" in source:
        pytest.skip("one process shares with nobody")


def other(source: str, code: str) -> subprocess.Popen:
    script = OTHER.format(root=str(ROOT), meter=source.replace("RedisMeter(", "redis_meter.RedisMeter("), code=code)  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


def rate(key: str = "r", cost: float = 1, limit: float = 10, period: float = 3600) -> Take:
    return Take(RATE, key, cost, limit, period)


def total(key: str = "t", cost: float = 1, limit: float = 10) -> Take:
    return Take(TOTAL, key, cost, limit, FAR)


def live(key: str = "l", limit: float = 2) -> Take:
    return Take(LIVE, key, 1, limit, 0)


def test_a_rate_gives_as_much_as_its_limit_and_then_names_the_wait(meter):
    left = [meter.take([rate()]).left[0] for _ in range(10)]
    assert [round(n, 1) for n in left] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    taken = meter.take([rate()])
    assert taken.refused == 0
    assert taken.wait == pytest.approx(360, abs=5)
    assert taken.left[0] == pytest.approx(0, abs=0.1)


def test_the_wait_that_a_refusal_names_is_true(meter):
    short = rate(limit=4, period=2)
    for _ in range(4):
        assert meter.take([short]).refused is None
    refused = time.monotonic()
    wait = meter.take([short]).wait
    assert 0 < wait <= 0.5
    wait_for(lambda: meter.take([short]).refused is None, seconds=5)
    assert time.monotonic() - refused >= wait - 0.05


def test_costs_are_taken_and_given_back(meter):
    assert meter.take([rate(cost=8)]).refused is None
    assert meter.take([rate(cost=3)]).refused == 0
    meter.change([(rate(), -5)])
    assert meter.take([rate(cost=7)]).refused is None
    assert meter.take([rate(cost=1)]).refused == 0


def test_more_is_given_back_than_was_taken_and_nothing_is_gained(meter):
    meter.change([(rate(), -100), (total(), -100)])
    assert meter.take([rate(cost=10), total(cost=10)]).refused is None
    assert meter.take([rate()]).refused == 0
    assert meter.take([total()]).refused == 0


def test_a_total_is_never_passed_and_counts_what_is_corrected(meter):
    assert meter.take([total(cost=6)]).left == (4,)
    assert meter.take([total(cost=5)]).refused == 0
    meter.change([(total(), -3)])
    assert meter.used(total()) == 3
    assert meter.take([total(cost=7)]).left == (0,)
    assert meter.take([total(cost=1)]).wait > 86400


def test_of_several_all_are_taken_or_none(meter):
    meter.take([total("full", cost=10)])
    taken = meter.take([rate(), live(), total("full"), total("free")])
    assert taken.refused == 2
    assert len(taken.left) == 4
    assert meter.used(total("free")) == 0
    assert meter.take([rate(cost=10), live(limit=1)]).refused is None


def test_of_several_that_have_to_wait_the_longest_is_named_and_all_else_is_as_before(meter):
    short, long, wide = rate("s", limit=2, period=60), rate("l", limit=2), total(cost=4)
    for _ in range(2):
        assert meter.take([short, long, wide]).refused is None
    taken = meter.take([wide._replace(cost=1), short, long, live("slots"), total("other")])
    assert taken.refused == 2
    assert taken.wait == pytest.approx(1800, abs=5)
    assert [round(left, 1) for left in taken.left] == [2, 0, 0, 2, 10]
    assert (
        meter.take([short, total("full", cost=11), long]).refused == 1
    )  # till its end, which is far


def test_a_slot_is_held_until_it_is_given_back(meter):
    assert meter.take([live()]).refused is None
    assert meter.take([live()]).refused is None
    refused = meter.take([live()])
    assert refused.refused == 0
    assert refused.wait > 0
    meter.change([(live(), -1)])
    assert meter.take([live()]).refused is None
    assert meter.take([live()]).refused == 0


def test_keys_do_not_know_of_each_other(meter):
    for number in range(200):
        assert meter.take([rate(f"r{number}", cost=10), live(f"l{number}", 1)]).refused is None
    assert all(meter.take([live(f"l{number}", 1)]).refused == 0 for number in range(200))


def test_four_processes_at_once_never_spend_more_than_there_is(source):
    shared(source)
    processes = [other(source, SPEND) for _ in range(4)]
    spent = sum(int(process.communicate(timeout=60)[0]) for process in processes)
    # As long as a whole reservation fits it is taken, and nothing is left of it at the end.
    assert 2000 - 7 < spent <= 2000
    assert eval(source).used(Take(TOTAL, "budget", 7, 2000, FAR)) == spent


def test_the_slots_of_a_process_that_is_killed_come_back(source, meter):
    shared(source)
    process = other(source, HOLD)
    try:
        assert process.stdout.readline() == "held\n"
        assert meter.take([live("streams", 3)]).refused == 0
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: meter.take([live("streams", 3)]).refused is None, seconds=10)
        assert admitted(meter, live("streams", 3), 5) == 2
    finally:
        process.kill()
        process.communicate()


def test_the_slots_of_a_process_that_says_nothing_for_long_stay_its_own(source, meter):
    shared(source)
    process = other(source, HOLD)
    try:
        assert process.stdout.readline() == "held\n"
        until = time.monotonic() + 2.0  # twice what Redis believes a worker for
        tries = []
        wait_for(
            lambda: (
                tries.append(meter.take([live("streams", 3)]).refused) or time.monotonic() > until
            ),
            seconds=20,
        )
        assert set(tries) == {0}
    finally:
        process.kill()
        process.communicate()


def test_a_clock_that_was_set_back_is_felt_for_one_period_at_the_most(tmp_path, monkeypatch):
    meter, at = MachineMeter(tmp_path), time.time()
    monkeypatch.setattr(machine_meter.time, "time", lambda: at)
    meter.take([rate(cost=10, period=60)])
    monkeypatch.setattr(machine_meter.time, "time", lambda: at - 3600)
    refused = meter.take([rate(period=60)])
    assert 0 < refused.wait <= 60
    monkeypatch.setattr(machine_meter.time, "time", lambda: at - 3600 + refused.wait + 0.01)
    assert meter.take([rate(period=60)]).refused is None


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 12)), max_size=40))
def test_no_period_ever_gives_more_than_twice_its_limit(asked):
    """A full bucket at once, and what comes back meanwhile: that is the most, however it is asked."""
    at, given_out = 1e9, []
    full_at = 0.0
    from chatbot.core.meter import taken_rate

    for pause, cost in asked:
        at += pause
        after, left, wait = taken_rate(full_at, at, min(cost, 10), 10, 60)
        if not wait:
            full_at = after
            given_out.append((at, min(cost, 10)))
        assert 0 <= left <= 10
        assert sum(c for t, c in given_out if t > at - 60) <= 20


def test_a_file_of_another_size_or_a_folder_that_can_not_be_written_is_no_end(tmp_path):
    (tmp_path / "limits-2.map").write_bytes(b"rubbish")
    assert MachineMeter(tmp_path).take([rate()]).refused is None
    plain = tmp_path / "plain"
    plain.write_text("no folder")
    alone = MachineMeter(plain)
    assert alone.name == "this process"
    assert admitted(alone, live(), 5) == 2


def test_what_the_table_has_no_room_for_gives_way_by_its_time(monkeypatch):
    monkeypatch.setattr(table, "SLOTS", 16)
    found = Table(None)
    keys = [f"k{number}" for number in range(17)]

    def put(key: str, value: float, until: float) -> None:
        place = found.find(key, 0.0)
        found.numbers[place], found.numbers[place + 1] = value, until

    for number, key in enumerate(keys[:16]):
        put(key, number, 1000 + (number - 5) % 16)
    put(keys[16], 99, 5000)
    values = [found.look(key) for key in keys]
    assert values == [0, 1, 2, 3, 4, 0, *range(6, 16), 99]  # the sixth was over first


def test_each_key_has_a_number_of_its_own():
    found = Table(None)
    keys = [f"{a}:{b}" for a in ("bot:x", "bot:y", "x", "y", "") for b in ("x", "y", "bot", "")]
    keys = sorted({*keys, *(key.strip(":") for key in keys), *(f"{key}\0w" for key in keys)})
    places = [found.find(key, 0.0) for key in keys]
    for number, place in enumerate(places):
        found.numbers[place] = number
    assert [found.look(key) for key in keys] == list(range(len(keys)))


def test_questions_that_are_refused_push_no_count_out_of_a_full_table(monkeypatch, tmp_path):
    monkeypatch.setattr(table, "SLOTS", 16)
    meter = MachineMeter(tmp_path)
    for number in range(16):
        meter.take([total(f"bot:b{number}", cost=10)])
    for number in range(100):
        assert meter.take([total(f"bot:b{number % 16}"), rate(f"v:{number}")]).refused in (0, None)
    full = [meter.take([total(f"bot:b{number}")]).refused for number in range(16)]
    assert full.count(0) >= 14


def test_workers_know_of_each_others_counts_at_once(tmp_path):
    one, other = MachineMeter(tmp_path), MachineMeter(tmp_path)
    for number in range(5):
        assert one.take([total(cost=1), live(limit=10)]).left == (9 - 2 * number, 9 - 2 * number)
        assert other.take([total(cost=1), live(limit=10)]).left == (8 - 2 * number, 8 - 2 * number)
    assert one.take([live(limit=10)]).refused == other.take([live(limit=10)]).refused == 0
    other.change([(live(limit=10), -1), (total(), -1)])
    assert one.take([live(limit=10), total()]).refused is None


def test_a_process_that_stands_still_with_the_lock_holds_up_nobody(tmp_path):
    meter = MachineMeter(tmp_path)
    meter.take([total()])
    hold = "import fcntl\nf = open(Path({!r}) / 'limits-2.lock', 'r+')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(60)"  # fmt: skip
    process = other("None", hold.format(str(tmp_path)))
    try:
        assert process.stdout.readline() == "held\n"
        assert meter.take([total()]).left == (8,)
    finally:
        process.kill()
        process.communicate()


def test_names_in_redis_tell_no_address_and_no_session(redis_url):
    import redis

    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    RedisMeter(RedisState(Secret(redis_url))).take(
        [rate("address:shop:203.0.113.9"), total("v:ada")]
    )
    names = b" ".join(client.keys("*"))
    assert len(client.keys("*")) == 3
    assert b"203.0" not in names
    assert b"ada" not in names
    assert all(client.ttl(name) > 0 for name in client.keys("*"))


class Storage:
    """A meter that can be away."""

    name = "Redis"

    def __init__(self) -> None:
        self.meter, self.away, self.loses_replies = MachineMeter(None), False, False

    def __getattr__(self, name):
        def call(*values, **named):
            if self.away:
                raise StateAway("away")
            done = getattr(self.meter, name)(*values, **named)
            if self.loses_replies:
                raise StateAway("TimeoutError")
            return done

        return call


@pytest.fixture
def steady(tmp_path, monkeypatch):
    monkeypatch.setattr(steady_meter, "REST_SECONDS", 0.02)
    first = Storage()
    return first, SteadyMeter(first, MachineMeter(tmp_path))


def admitted(meter, take: Take, tries: int = 100) -> int:
    return sum(meter.take([take]).refused is None for _ in range(tries))


def test_away_a_quarter_of_each_limit_holds_and_it_is_said(steady, caplog):
    first, meter = steady
    assert meter.take([total(cost=40, limit=100)]).refused is None
    first.away = True
    assert admitted(meter, rate(limit=40)) == 40 // STRICTER
    assert admitted(meter, live(limit=8)) == 8 // STRICTER
    assert admitted(meter, live("one", limit=1)) == 1
    assert admitted(meter, total(limit=100)) == (100 - 40) // STRICTER
    assert meter.is_away
    assert meter.name == "this machine, stricter, since Redis can't be used"
    assert [r.message for r in caplog.records].count("limits_stricter") == 1


def test_what_is_taken_and_given_back_meanwhile_is_told_afterwards(steady):
    first, meter = steady
    before = meter.take([total(cost=40, limit=100), live(limit=3)])
    first.away = True
    during = meter.take([total(cost=10, limit=100), live(limit=3)])
    before.by.change([(total(limit=100), -30), (live(limit=3), -1)])
    first.away = False
    wait_for(lambda: not meter.is_away)
    assert first.meter.used(total()) == 20
    during.by.change([(total(limit=100), -4), (live(limit=3), -1)])
    assert first.meter.used(total()) == 16
    assert admitted(meter, live(limit=3), 10) == 3


def test_what_is_owed_is_told_once_though_its_reply_is_lost(redis_url):
    meter = RedisMeter(RedisState(Secret(redis_url)))
    for _ in range(3):
        meter.change([(total("once", limit=1000), 100)], once="batch-1")
    meter.change([(total("once", limit=1000), 100)], once="batch-2")
    assert meter.used(total("once")) == 200


def test_a_slot_whose_reply_was_lost_is_given_back(steady):
    first, meter = steady
    first.loses_replies = True
    assert meter.take([live(limit=2)]).refused is None  # on this machine, and perhaps there too
    first.loses_replies = False
    wait_for(lambda: not meter.is_away)
    assert admitted(meter, live(limit=2), 5) == 2


def test_away_a_rate_gets_back_no_more_than_was_taken(steady):
    first, meter = steady
    first.away = True
    taken = meter.take([rate(cost=1000, limit=1000)])
    taken.by.change([(rate(cost=1000, limit=1000), 100 - 1000)])
    assert admitted(meter, rate(limit=1000), 400) == 1000 // STRICTER - 100


def test_away_what_the_ledger_knows_is_not_asked_for_again(steady):
    first, meter = steady
    first.away = True
    for _ in range(4):
        meter.at_least(total(limit=1000), 1000)
    assert meter.take([total(limit=1000)]).refused == 0
    first.away = False
    wait_for(lambda: not meter.is_away)
    assert first.meter.used(total()) == 0
    assert meter.at_least(total(limit=1000), 1000)
    assert first.meter.used(total()) == 1000


def test_of_two_limits_that_bind_the_longer_wait_is_named(meter):
    meter.take([rate("short", cost=10, period=60), rate("long", cost=10, period=86400)])
    taken = meter.take([rate("short", period=60), rate("long", period=86400)])
    assert taken.refused == 1
    assert taken.wait > 3600


def test_slots_that_were_given_back_leave_no_entry_that_counts(tmp_path):
    meter = MachineMeter(tmp_path)
    meter.take([live()])
    meter.change([(live(), -1)])
    numbers, at = meter._table.numbers, time.time()
    places = [meter._table.find(key, at + 100) for key in ("l", f"l\0{meter._worker}")]
    ends = [numbers[place + 1] for place in places]
    assert all(end <= time.time() for end in ends)


def test_a_redis_that_is_gone_and_one_that_is_slow_cost_a_moment_once(tmp_path, monkeypatch):
    gone = RedisMeter(RedisState(Secret(f"redis://127.0.0.1:{free_port()}/0")))
    meter = SteadyMeter(gone, MachineMeter(tmp_path))
    begin = time.monotonic()
    assert sum(meter.take([rate(limit=400)]).refused is None for _ in range(200)) == 100
    assert time.monotonic() - begin < 3
    assert meter.is_away


def test_redis_that_is_emptied_goes_on_counting(redis_url):
    import redis

    meter = RedisMeter(RedisState(Secret(redis_url)))
    meter.take([live("xl", 2), total("x", cost=5)])
    redis.Redis.from_url(redis_url).flushall()
    redis.Redis.from_url(redis_url).script_flush()
    meter.change([(live("xl", 2), -1), (total("x"), -5)])
    assert meter.used(total("x")) == 0
    assert admitted(meter, live("xl", 2), 5) == 2


def test_the_files_are_the_owners_alone(tmp_path):
    MachineMeter(tmp_path).take([live()])
    files = [f for f in Path(tmp_path).iterdir() if not f.name.endswith(".new")]
    assert {f.suffix for f in files} == {".map", ".lock", ".worker"}
    assert {json.dumps(f.stat().st_mode & 0o077) for f in files} == {"0"}

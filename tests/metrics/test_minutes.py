"""The last day by minutes: what came is counted once, whoever puts it down, is killed or goes on, and nothing is ever below 0."""

from __future__ import annotations

import os
from zlib import crc32

import pytest

from chatbot.metrics.board import Board
from chatbot.metrics.families import FIRST_TOKEN, REFUSALS
from chatbot.metrics.minutes import (
    MINUTES,
    PLACE,
    MinutesFile,
    decoded,
    encoded,
    quantile,
    stand_of,
)
from chatbot.shared.latency import Latency

LABELS = ("shop", "mock", "mock")
NOON = 1_800_000_000 // 60 * 60


class Clock:
    def __init__(self, monkeypatch):
        self.at = float(NOON)
        monkeypatch.setattr("chatbot.shared.latency.time.time", lambda: self.at)

    def minutes(self, number):
        self.at += 60 * number


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def worker(folder):
    board = Board(folder)
    board.open()
    return board


def latency(board, folder):
    return Latency(board.read, MinutesFile(folder), None, lambda: lambda: None)


def count(board, seconds=0.4):
    board.observe(FIRST_TOKEN, seconds, LABELS)
    board.add(REFUSALS, ("shop", "overloaded"))


def came(day):
    found = {m: at(day, m) for m in range(-MINUTES, 2 * MINUTES)}
    return {m: sum(part.first) for m, part in found.items() if part and any(part.first)}


def at(day, minute):
    return day.came(NOON // 60 + minute, NOON // 60 + minute + 1)


def test_each_minute_has_what_came_in_it_whoever_puts_it_down(tmp_path, clock):
    one, two = worker(tmp_path), worker(tmp_path)
    first, second = latency(one, tmp_path), latency(two, tmp_path)
    first.call()
    for number in range(3):
        for _ in range(number + 1):
            count((one, two)[number % 2])
        (first, second)[number % 2].call()
        clock.minutes(1)
    assert came(first.day()) == came(second.day()) == {0: 1, 1: 2, 2: 3}
    assert at(first.day(), 2).codes == {"overloaded": 3}


def test_what_is_counted_stays_where_all_workers_are_gone_and_a_gap_is_a_gap(tmp_path, clock):
    board = worker(tmp_path)
    latency(board, tmp_path).call()
    count(board)
    latency(board, tmp_path).call()
    count(board)  # and it is killed before it is put down
    board.close()
    clock.minutes(30)
    board = worker(tmp_path)
    again = latency(board, tmp_path)
    again.call()
    clock.minutes(1)
    count(board)
    day = again.day()
    assert came(day) == {0: 1, 29: 1, 31: 1}
    assert not any(at(day, minute) for minute in range(1, 29))


def test_a_folder_that_was_removed_begins_anew_and_is_never_below_nothing(tmp_path, clock):
    board = worker(tmp_path)
    latency(board, tmp_path).call()
    for _ in range(5):
        count(board)
    latency(board, tmp_path).call()
    clock.minutes(1)
    board.close()
    for file in tmp_path.glob("*.map"):
        file.unlink()
    board = worker(tmp_path)
    count(board)
    day = latency(board, tmp_path).day()
    assert came(day) == {0: 5, 1: 1}
    whole = day.came(0, NOON // 60 + 9)
    assert (sum(whole.first), whole.codes) == (6, {"overloaded": 6})


@pytest.mark.parametrize("damage", [b"", b"\xff" * 40, b"0" * PLACE])
def test_a_torn_minute_is_added_to_the_next_and_no_more_is_lost(tmp_path, clock, damage):
    board = worker(tmp_path)
    latency(board, tmp_path).call()
    for _ in range(3):
        count(board)
        latency(board, tmp_path).call()
        clock.minutes(1)
    file = os.open(tmp_path / "minutes.ring", os.O_WRONLY)
    os.pwrite(file, damage or bytes(100), (NOON // 60 + 1) % MINUTES * PLACE)
    os.close(file)
    assert came(latency(board, tmp_path).day()) == {0: 1, 2: 2}


def test_a_file_that_is_cut_off_or_that_nobody_may_read_stops_nothing(tmp_path, clock):
    board = worker(tmp_path)
    (tmp_path / "minutes.ring").write_bytes(b"12")
    one = latency(board, tmp_path)
    one.call()
    count(board)
    assert came(one.day()) == {0: 1}


def test_the_file_has_an_end_and_yesterday_is_no_part_of_today(tmp_path, clock):
    board = worker(tmp_path)
    one = latency(board, tmp_path)
    one.call()
    count(board)
    one.call()
    clock.minutes(MINUTES)
    for _ in range(3):
        one.call()
        clock.minutes(1)
    assert came(one.day()) == {}
    assert (tmp_path / "minutes.ring").stat().st_size <= MINUTES * PLACE


def test_the_most_answers_of_a_minute_are_kept_and_those_under_way_are_those_of_now(
    tmp_path, clock
):
    board = worker(tmp_path)
    one = latency(board, tmp_path)
    for live in (2, 7, 1):
        board.say_live(live)
        one.call()
        clock.at += 5
    day = one.day()
    assert at(day, 0).live == 7
    assert day.streams == 1


def test_a_day_that_is_full_of_everything_fits(tmp_path, clock):
    board = worker(tmp_path)
    for number in range(60):
        board.add(REFUSALS, ("shop", f"a_rather_long_code_of_an_error_{number}"), by=10**9)
    stand = stand_of(board.read(), clock.at)
    assert len(encoded(stand)) < PLACE
    assert decoded(encoded(stand)) == stand


def test_percentiles_are_by_a_straight_line_within_a_bucket():
    bounds = (0.1, 0.2, 0.4)
    assert quantile(bounds, (0, 0, 0, 0), 0.5) is None
    assert quantile(bounds, (0, 10, 0, 0), 0.5) == pytest.approx(0.15)
    assert quantile(bounds, (50, 0, 50, 0), 0.95) == pytest.approx(0.38)
    assert quantile(bounds, (0, 0, 0, 4), 0.5) == 0.4


def test_where_the_clock_is_set_back_nothing_is_counted_twice(tmp_path, clock):
    board = worker(tmp_path)
    kept = latency(board, tmp_path)
    kept.call()
    for _ in range(10):
        count(board)
        kept.call()
        assert kept.day()
        clock.minutes(1)
    clock.minutes(-8)
    count(board)
    assert sum(came(kept.day()).values()) == 11
    clock.minutes(1)
    count(board)
    assert sum(came(kept.day()).values()) == 12


def test_machines_that_are_gone_are_forgotten(tmp_path, clock):
    class Many:
        """As Redis tells them: a container that is started anew is another machine."""

        def machines(self):
            return [f"machine-{int(clock.at)}"]

        def read(self, machine, minutes):
            return [b""] * len(minutes)

        def write(self, minute, data):
            pass

    kept = Latency(worker(tmp_path).read, MinutesFile(tmp_path), Many(), lambda: lambda: None)
    for _ in range(5):
        kept.day()
        clock.minutes(1)
    assert len(kept._known) == 1


def test_what_another_version_has_put_down_is_passed_over():
    text = b"[1,2,[3,4,5,6,7,{}]]"
    assert decoded(b"%08x %s" % (crc32(text), text)) is None

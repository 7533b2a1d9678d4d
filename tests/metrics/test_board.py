"""The folder in which workers count: added up once, whoever ends when, and of no more than what it has places for."""

from __future__ import annotations

import json
import math
import os
import struct
from functools import partial

import pytest

from chatbot.metrics import families, folder
from chatbot.metrics.board import Board
from chatbot.metrics.families import BOT, DEPARTURE, LIVE, REFUSALS, STARTS

SERIES = REFUSALS.name, ("shop", "overloaded")


def worker(place):
    board = Board(place)
    board.open()
    return board


def refusals(board):
    return board.read().series.get(SERIES, [0.0])[0]


def test_the_living_and_the_dead_are_added_once_each(tmp_path):
    one, two = worker(tmp_path), worker(tmp_path)
    for board in (one, two):
        board.add(REFUSALS, SERIES[1])
        board.observe(DEPARTURE, 0.02)
        board.say_live(3)
    found = one.read().series
    assert found[SERIES] == [2.0]
    assert found[LIVE.name, ()] == [6.0]
    assert sum(found[DEPARTURE.name, ()][1:]) == 2.0
    one.close()
    for _ in range(2):
        found = two.read().series
        assert found[SERIES] == [2.0]
        assert found[LIVE.name, ()] == [3.0]
    assert len(list(tmp_path.glob("*.map"))) == 1
    two.close()
    assert refusals(worker(tmp_path)) == 2.0


def test_a_reader_that_ends_in_the_middle_counts_nobody_twice(tmp_path, monkeypatch):
    one, two = worker(tmp_path), worker(tmp_path)
    one.add(REFUSALS, SERIES[1])
    one.close()
    with monkeypatch.context() as cut:
        cut.setattr(os, "unlink", _fails)
        assert refusals(two) == 1.0
    assert len(list(tmp_path.glob("*.map"))) == 2, "it is put to the past and still there"
    assert refusals(two) == 1.0
    assert len(list(tmp_path.glob("*.map"))) == 1
    with monkeypatch.context() as full:
        two.add(REFUSALS, SERIES[1])
        two.close()
        full.setattr(folder, "write_json", _fails)
        three = worker(tmp_path)
        assert refusals(three) == 2.0
    assert refusals(three) == 2.0


def _fails(*_, **__):
    raise OSError


@pytest.mark.parametrize("name", ["past.json", "labels.json", "0.map"])
def test_a_file_that_is_broken_or_of_another_version_stops_nothing(tmp_path, name):
    (tmp_path / name).write_text("{")
    board = worker(tmp_path)
    board.add(REFUSALS, SERIES[1])
    assert refusals(board) == 1.0


def _without_text(data: bytearray) -> None:
    data[folder.CELLS * 8 :] = bytes(len(data) - folder.CELLS * 8)


def _without_end(data: bytearray, length: float) -> None:
    struct.pack_into("d", data, 0, length)


def _no_number(data: bytearray) -> None:
    for at in range(8, 8 * 99, 8):
        struct.pack_into("d", data, at, math.nan)


@pytest.mark.parametrize(
    "damage",
    [_without_text, _no_number, *(partial(_without_end, length=n) for n in (math.nan, math.inf, -5e9, 1e300, 7.5))],
)  # fmt: skip
def test_what_a_power_cut_leaves_of_a_worker_s_file_stops_nothing(tmp_path, damage):
    """Some of its pages are on the disk, others are not."""
    gone = worker(tmp_path)
    gone.add(REFUSALS, SERIES[1])
    (file,) = tmp_path.glob("*.map")
    gone.close()
    data = bytearray(file.read_bytes())
    damage(data)
    file.write_bytes(data)
    for _ in range(2):
        board = worker(tmp_path)
        board.add(REFUSALS, SERIES[1])
        assert math.isfinite(refusals(board))
        assert refusals(board) >= 1.0
        board.close()


def test_series_of_another_version_are_left_out(tmp_path):
    series = [["chatbot_gone_total", [], [1.0]], [DEPARTURE.name, [], [1.0]], [*SERIES, [5.0]]]
    (tmp_path / "past.json").write_text(json.dumps({"series": series, "folded": []}))
    assert worker(tmp_path).read().series.keys() == {SERIES, (LIVE.name, ())}


def test_without_a_folder_that_can_be_written_a_process_counts_alone(tmp_path):
    (tmp_path / "file").touch()
    board = worker(tmp_path / "file" / "metrics")
    board.add(REFUSALS, SERIES[1])
    assert board.trouble
    assert refusals(board) == 1.0


def test_places_are_the_same_for_all_workers_and_do_not_grow_with_their_generations(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(families.CAPS, BOT, 3)
    monkeypatch.setattr("chatbot.metrics.board.SERIES_CAP", 4)
    seen = set()
    for generation in range(4):
        board = worker(tmp_path)
        for number in range(4):
            bot = board.label(BOT, f"bot-{generation}-{number}")
            board.add(REFUSALS, (bot, "overloaded"))
            board.add(REFUSALS, (bot, "rate_limit_exceeded"))
        seen |= board.read().series.keys()
        board.close()
    assert {labels[0] for name, labels in seen if labels} == {
        "bot-0-0", "bot-0-1", "other"
    }  # fmt: skip
    assert len([labels for name, labels in seen if labels]) == 5
    total = worker(tmp_path).read().series
    assert sum(v[0] for (name, _), v in total.items() if name == REFUSALS.name) == 32


def test_where_a_worker_s_file_is_full_it_goes_on(tmp_path, monkeypatch):
    board = worker(tmp_path)
    monkeypatch.setattr(board._numbers, "_next", folder.SPARE)
    board.add(REFUSALS, SERIES[1])
    board.observe(DEPARTURE, 1.0)
    assert refusals(board) == 0.0
    board.add(STARTS)

"""Plots are paths that a browser draws: of what is known, and with gaps where nothing is."""

from __future__ import annotations

import re

from chatbot.web.plots import HEIGHT, WIDTH, amounts, seconds, times

NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def path(values):
    ((_, drawn),) = times([("p50", values)]).lines
    return drawn


def test_a_line_goes_through_what_is_known_and_is_interrupted_where_nothing_is():
    drawn = path([0.2, 0.4, None, 0.3, 0.3, 0.3])
    assert drawn.count("M") == 2
    assert drawn.count("L") == 3


def test_a_value_without_neighbours_is_seen():
    drawn = path([None, None, 0.2, None])
    assert drawn.startswith(f"M{WIDTH / 2:.1f} ")
    assert drawn.endswith(f"h{WIDTH / 4:.1f}")


def test_nothing_known_is_nothing_drawn():
    assert path([None] * 60) == ""
    assert amounts("errors", [None, 0, 0]).lines == (("errors", ""),)


def test_all_stays_in_the_box():
    for values in ([0.0001, 5000.0], [0.0], [0.2], [60.0] * 60):
        ys = [float(found) for found in re.findall(r"[ML]\S+ (\S+?)(?=[Lh]|$)", path(values))]
        assert ys
        assert all(0 <= y <= HEIGHT for y in ys), values
        assert all(float(n) <= WIDTH for n in NUMBERS.findall(path(values)))


def test_what_is_higher_took_longer_and_bars_have_a_round_top():
    low, high = (float(re.search(r" ([\d.]+)h", path([v]))[1]) for v in (0.2, 0.9))
    assert high < low
    assert amounts("rate", [3.0, 17.0]).ticks == ("20", "10", "0")


def test_times_are_read_as_people_say_them():
    assert [seconds(v) for v in (None, 0.25, 0.9996, 12.34)] == ["–", "250 ms", "1 s", "12.3 s"]

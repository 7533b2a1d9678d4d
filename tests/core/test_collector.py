"""Full garbage collections come in quiet moments, and not never."""

from __future__ import annotations

import gc

import pytest

from chatbot.core import collector


class Over(Exception):
    pass


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize(("live", "expected"), [(0, 45), (100, 45), (101, 2)])
def test_a_busy_worker_is_left_alone_for_a_while(monkeypatch, live, expected):
    looks, collections = iter(range(45)), []
    monkeypatch.setattr(collector, "spawn", lambda work: work())
    monkeypatch.setattr(collector.gc, "collect", lambda: collections.append(1))

    def rest(_seconds):
        if next(looks, None) is None:
            raise Over

    monkeypatch.setattr(collector.time, "sleep", rest)
    with pytest.raises(Over):
        collector.tame(lambda: live)
    assert len(collections) == 1 + expected


def test_a_full_collection_never_comes_by_itself(monkeypatch):
    monkeypatch.setattr(collector, "spawn", lambda work: None)
    collector.tame(lambda: 0)
    before = gc.get_stats()[2]["collections"]
    kept = [[n] for n in range(300_000)]
    assert gc.get_stats()[2]["collections"] == before
    assert len(kept) == 300_000

"""Work beside the requests begins once, goes on after a bug, and ends with its object."""

from __future__ import annotations

import gc
import weakref

import pytest

from chatbot.core import background
from chatbot.core.background import Background


@pytest.fixture
def begun(monkeypatch):
    """What was begun beside the caller, to be run by the test."""
    functions: list = []
    monkeypatch.setattr(background, "spawn", functions.append)
    monkeypatch.setattr(background, "_AFTER_A_BUG", 0)
    return functions


class Worker:
    def __init__(self, turns: int = 3) -> None:
        self.done = 0
        self.turns = turns
        self.background = Background(self.work)

    def work(self) -> None:
        self.done += 1
        if self.done == self.turns:
            self.background.stop()
        if self.done == 1:
            raise RuntimeError("a bug")


def test_it_goes_on_until_it_is_stopped_and_a_bug_is_logged(begun, caplog):
    worker = Worker(turns=3)
    worker.background.start()
    begun.pop()()
    assert worker.done == 3
    (logged,) = caplog.records
    assert logged.message == "crash"
    assert logged.exc_info[0] is RuntimeError


def test_it_begins_once_in_a_process_and_again_after_a_fork(begun, monkeypatch):
    worker = Worker()
    worker.background.start()
    worker.background.start()
    assert len(begun) == 1
    monkeypatch.setattr(background.os, "getpid", lambda: -1)
    worker.background.start()
    worker.background.start()
    assert len(begun) == 2


def test_what_was_stopped_does_not_begin(begun):
    worker = Worker()
    worker.background.start()
    worker.background.stop()
    begun.pop()()
    worker.background.start()
    assert not begun
    assert worker.done == 0


def test_it_keeps_nothing_alive_and_ends_with_its_object(begun):
    worker = Worker()
    worker.background.start()
    gone = weakref.ref(worker)
    del worker
    gc.collect()
    assert gone() is None
    begun.pop()()


def test_it_takes_a_method_and_no_function():
    with pytest.raises(TypeError):
        Background(lambda: None)

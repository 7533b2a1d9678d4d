"""The sweeper: one of all at a time, and again when the database is back."""

from __future__ import annotations

import pytest

from chatbot.core.shared_state import StateAway
from chatbot.shared.process import ProcessState
from chatbot.store import upkeep as module
from chatbot.store.upkeep import Upkeep
from tests.server import wait_for
from tests.store.turns import rows, saved_talk


class Away(ProcessState):
    def lease(self, key):
        raise StateAway("TimeoutError")


@pytest.mark.usefixtures("threads_end")
def test_it_sweeps_again_and_again(store, database, monkeypatch):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    upkeep = Upkeep(store, ProcessState())
    upkeep.start()
    for _ in range(2):
        talk = saved_talk(database, lasts=-1.0)
        wait_for(lambda talk=talk: rows(database, talk)["conversations"] == [])
    upkeep.close()


def test_one_of_all_sweeps_at_a_time(store, database):
    saved_talk(database, lasts=-1.0)
    state = ProcessState()
    leave = state.lease("upkeep")
    Upkeep(store, state).once()
    assert len(rows(database)["conversations"]) == 1
    leave()
    for _ in range(2):  # the lease is given back each time
        Upkeep(store, state).once()
        assert rows(database)["conversations"] == []
        saved_talk(database, lasts=-1.0)


def test_it_says_what_it_did(store, database, caplog):
    caplog.set_level("INFO", "chatbot")
    saved_talk(database, lasts=-1.0)
    for _ in range(2):
        Upkeep(store, ProcessState()).once()
    (line,) = [r for r in caplog.records if r.getMessage() == "swept"]
    assert line.fields == {"expired": 1, "interrupted": 0}


def test_without_the_state_that_workers_share_nobody_sweeps(store, database):
    saved_talk(database, lasts=-1.0)
    Upkeep(store, Away()).once()
    assert len(rows(database)["conversations"]) == 1


def test_a_database_that_is_away_is_swept_later(store, database, outage, caplog):
    saved_talk(database, lasts=-1.0)
    upkeep = Upkeep(store, ProcessState())
    with outage.during():
        upkeep.once()
    assert [r.getMessage() for r in caplog.records if r.name == "chatbot"] == ["not_swept"]
    upkeep.once()
    assert rows(database)["conversations"] == []


@pytest.mark.parametrize("method", ["close", "start"])
def test_after_its_end_it_does_nothing(store, method):
    upkeep = Upkeep(store, ProcessState())
    upkeep.close()
    getattr(upkeep, method)()
    assert not upkeep._background._process

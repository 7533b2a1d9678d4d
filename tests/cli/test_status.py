"""`status`, beside a server that runs, and where none does."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.engines import redis_server
from tests.server import KEY, Client, _children, running, wait_for


@pytest.fixture
def as_server(monkeypatch, data_dir):
    """The settings of `running`, for commands."""
    data_dir.mkdir()
    monkeypatch.setenv("CHATBOT_API_KEYS", KEY)
    monkeypatch.setenv("CHATBOT_DRAIN_SECONDS", "1")
    return data_dir


def test_it_names_workers_streams_breakers_budgets_and_the_configuration(
    run, as_server, monkeypatch
):
    def found():
        return json.loads(run.stdout("status", "--json"))

    with running(as_server, WEB_CONCURRENCY="2") as server:
        wait_for(lambda: len(_workers(found())) == 2)
        with Client(server.port) as client:
            client.send_chat(stream=True, mock={"pace": 30})
            client.head()
            wait_for(lambda: found()["streams"] == 1)
            now = found()
            assert sorted(w["streams"] for w in _workers(now)) == [0, 1]
            assert {w["pid"] for w in _workers(now)} == set(_children(server.process.pid))
            assert {w["configuration"] for w in _workers(now)} == {now["configuration"]}
            assert now["breakers"]["mock/mock"] == "closed"
            assert {b["bot"] for b in now["budgets"]} == {"demo"}
            run("stop", "--bot", "demo", "--message", "Closed today.")
            monkeypatch.setenv("CHATBOT_MODEL", "another")
            shown = run("status")
            assert "Answers under way: 1" in shown
            assert "other configuration: `python -m chatbot reload`" in shown
            assert "Stopped: bot:demo" in shown
            assert KEY not in shown
            for worker in _children(server.process.pid):
                os.kill(worker, signal.SIGKILL)
            wait_for(lambda: len(_workers(found())) == 2 and found()["streams"] == 0)
    assert "no worker runs" in run("status")


def _workers(found):
    return found["machines"][found["machine"]]


def test_where_nothing_ever_ran_it_says_so_and_makes_no_folder_for_counts(run, data_dir):
    shown = run("status")
    assert "Answers under way: 0" in shown
    assert "no worker runs" in shown
    assert not (data_dir / "state" / "metrics").exists()


def test_machines_that_share_redis_are_all_named(run, as_server, monkeypatch, tmp_path):
    (tmp_path / "b").mkdir()
    with redis_server(tmp_path) as (url, _):
        monkeypatch.setenv("CHATBOT_REDIS_URL", url)
        with (
            running(as_server, CHATBOT_REDIS_URL=url),
            running(tmp_path / "b", CHATBOT_REDIS_URL=url, CHATBOT_MODEL="another"),
        ):
            found = wait_for(lambda: _both(run), 20)
    kinds = {w["configuration"] for workers in found["machines"].values() for w in workers}
    assert len(kinds) == 2
    assert len(_workers(found)) == 1


def _both(run):
    found = json.loads(run.stdout("status", "--json"))
    return found if len(found["machines"]) == 2 and found["shared_state"] == "Redis" else None

"""PostgreSQL goes away while visitors are answered: no stream notices, nothing is lost, and it is said."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from tests.server import KEY, Client, wait_for
from tests.visits.shop import Shop, Visit, answer, shop

GONE = ["stopped", "frozen"]


@pytest.fixture
def place(tmp_path, postgresql_server):
    with shop(tmp_path, postgresql_server.new_database()) as (found, scripts):
        yield found, scripts, postgresql_server


def take_away(server, how: str) -> None:
    server.stop() if how == "stopped" else server.freeze()


def bring_back(server, how: str) -> None:
    server.start() if how == "stopped" else server.thaw()


def ready(here: Shop) -> dict:
    with Client(here.server.port) as client:
        return client.get("/readyz", {"Authorization": f"Bearer {KEY}"}).json


def saved(here: Shop) -> list[tuple[str, str]]:
    """All answers, by content and state, in the order of their questions."""
    asked = text("SELECT content, state FROM messages WHERE role = 'assistant' ORDER BY turn")
    return here.database.run(lambda connection: [tuple(row) for row in connection.execute(asked)])


@pytest.mark.fault("the database stops or freezes")
@pytest.mark.parametrize("how", GONE)
def test_a_running_stream_goes_on_a_new_one_begins_and_all_is_saved_later(place, how):
    here, scripts, server = place
    scripts.append(answer(["One ", "two ", "three ", "four "], pace=0.5))
    with here.visitor() as running, here.visitor() as fresh:
        running.send("Hello")
        assert running.head().status == 200
        running.until("One ")
        take_away(server, how)
        running.until("[DONE]")
        scripts.append(answer(["New."]))
        assert fresh.ask("I am new").events[-1] == "[DONE]"
        wait_for(lambda: ready(here)["database"]["away"])
        bring_back(server, how)
        wait_for(lambda: saved(here) == [("One two three four ", "whole"), ("New.", "whole")])
        wait_for(lambda: not ready(here)["database"]["away"])
        assert ready(here)["database"]["not_saved"] == 0
    assert not list(here.server.log_file.parent.glob("spool/*.jsonl"))


@pytest.mark.fault("the database stops or freezes")
@pytest.mark.parametrize("how", GONE)
def test_what_needs_the_database_is_refused_in_time_and_health_answers(place, how):
    here, _, server = place
    with here.visitor() as visit:
        visit.ask("Hello")
        take_away(server, how)
        for reply in (visit.ask("Go on"), visit.get("/conversations")):
            assert (reply.status, reply.json["error"]["code"]) == (503, "storage_unavailable")
            assert int(reply.headers["retry-after"]) > 0
        with Client(here.server.port) as client:
            assert client.get("/healthz").status == 200
            assert client.get("/readyz").status == 200
        bring_back(server, how)
        wait_for(lambda: visit.get("/conversations").status == 200)
        assert visit.ask("Go on").events[-1] == "[DONE]"
    sent = json.loads(here.provider.log[-1]["body"])["messages"]
    assert [m["content"] for m in sent] == ["Hello", "Good day.", "Go on"]


@pytest.mark.fault("the database stops or freezes")
@pytest.mark.parametrize("how", GONE)
def test_a_server_that_stops_meanwhile_leaves_it_to_the_next(tmp_path, postgresql_server, how):
    url = postgresql_server.new_database()
    with shop(tmp_path, url) as (here, _):
        with here.visitor() as visit:
            visit.ask("Hello")
            wait_for(lambda: len(saved(here)) == 1)
            take_away(postgresql_server, how)
            assert Visit(here, here.key).ask_once("I am new").events[-1] == "[DONE]"
        here.server.process.terminate()
        here.server.process.wait(30)
        bring_back(postgresql_server, how)
    with shop(tmp_path, url) as (here, _):
        wait_for(lambda: saved(here) == [("Good day.", "whole")] * 2)


@pytest.mark.fault("the database restarts")
def test_a_restarted_database_is_not_noticed(place):
    here, _, server = place
    with here.visitor() as visit:
        visit.ask("Hello")
        wait_for(lambda: saved(here) == [("Good day.", "whole")])
        server.stop()
        server.start()
        assert visit.ask("Go on").events[-1] == "[DONE]"
        assert len(visit.answers()) == 2


@pytest.mark.fault("the database away at the start")
def test_a_server_starts_without_its_database_and_knows_everybody_once_it_is_there(
    tmp_path, postgresql_server
):
    url = postgresql_server.new_database()
    with shop(tmp_path, url) as (first, _):
        key = first.key
    postgresql_server.stop()
    with shop(tmp_path, url, expect=False) as (here, _):
        with here.visitor(key) as visit:
            reply = visit.ask("Hi")
        assert (reply.status, reply.json["error"]["code"]) == (503, "storage_unavailable")
        with Client(here.server.port) as client:
            assert client.chat(stream=True).events[-1] == "[DONE]"  # a key of the settings
        postgresql_server.start()
        wait_for(lambda: here.knows(key))
        with here.visitor(key) as visit:
            assert visit.ask("Hi").events[-1] == "[DONE]"

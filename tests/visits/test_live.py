"""What happens to visitors while they are being answered: keys end, workers die, the database goes away."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from chatbot.core.api_key import describe, new_text
from chatbot.core.bot import read_bot
from chatbot.store.conversations import ConversationStore
from tests.engines import redis_server
from tests.server import ROOT, _children, wait_for
from tests.visits.shop import ORIGIN, Visit, answer, shop

WORDS = [f"word{n} " for n in range(40)]


def begun(visit: Visit, words: str = "") -> None:
    """Ask, and read the first words, or up to these."""
    visit.send("Hello")
    assert visit.head().status == 200
    visit.until(words or "content")


def rest(visit: Visit) -> list[str]:
    """The data of the events that follow, to the end of the stream."""
    found = b""
    while piece := visit.client.piece():
        found += piece
    blocks = found.decode().split("\n\n")
    return [b.removeprefix("data: ") for b in blocks if b.startswith("data: ")]


@pytest.fixture
def place(tmp_path, database_url):
    with shop(tmp_path, database_url) as (found, scripts):
        yield found, scripts


@pytest.mark.fault("a key revoked in mid-stream")
def test_a_revoked_key_ends_its_running_streams_within_five_seconds_and_no_others(
    tmp_path, database_url
):
    with shop(tmp_path, database_url, extra="") as (here, scripts):
        revoke_in_mid_stream(here, scripts)


def revoke_in_mid_stream(here, scripts) -> None:
    other_key, _ = here.add_bot("other")
    scripts += [answer(["One "], end=False), answer(["Two "], end=False)]
    with here.visitor() as first, here.visitor(other_key) as second:
        begun(first)
        begun(second)
        asked = time.monotonic()
        here.store.end_key(here.api_key.id, at=time.time())
        events = rest(first)
        assert time.monotonic() - asked < 5
        assert json.loads(events[-1])["error"]["code"] == "invalid_api_key"
        with here.visitor() as late:
            assert late.ask("Hi").status == 401
        assert len(here.provider.log) == 2
        assert "ended" not in here.provider.log[1]
    wait_for(lambda: all(c.get("ended") == "client_gone" for c in here.provider.log))


def test_a_deleted_bot_ends_its_running_streams_and_leaves_nothing(place):
    here, scripts = place
    scripts.append(answer(["One "], end=False))
    with here.visitor() as visit:
        begun(visit)
        here.store.delete_bot("shop")
        assert json.loads(rest(visit)[-1])["error"]["code"] == "invalid_api_key"
    ConversationStore(here.database).sweep()
    with here.database._connected().connect() as connection:
        for table in ("conversations", "messages"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert count == 0


def test_a_change_reaches_every_worker(tmp_path, database_url):
    with shop(tmp_path, database_url, WEB_CONCURRENCY="3") as (here, _):
        workers = _children(here.server.process.pid)
        assert len(workers) == 3
        text, key = here.add_bot("second")
        wait_for(lambda: all(here.knows(text) for _ in range(20)))
        here.store.end_key(key.id, at=time.time())
        wait_for(lambda: not any(here.knows(text) for _ in range(20)))


def test_a_worker_that_was_never_asked_knows_a_new_key_too(tmp_path):
    with shop(tmp_path, expect=False, WEB_CONCURRENCY="3") as (here, _):
        text = new_text("pk")
        here.store.save_bot(read_bot({"id": "late", "origins": [ORIGIN]}))
        here.store.add_key(describe(text, bot_id="late"))
        wait_for(lambda: here.knows(text))
        wait_for(lambda: all(here.knows(text) for _ in range(30)))


def test_a_conversation_goes_on_whichever_worker_answers(tmp_path, database_url):
    with shop(tmp_path, database_url, WEB_CONCURRENCY="3") as (here, scripts):
        ids: dict[str, str] = {}
        for number in range(12):
            # Longer than items wait to be written together, as every real answer is.
            scripts.append(answer(["Answer ", f"{number}."], pace=0.06))
            with here.visitor() as visit:
                visit.ids = ids
                assert visit.ask(f"Question {number}?").status == 200
                ids = visit.ids
            sent = json.loads(here.provider.log[-1]["body"])["messages"]
            assert [m["content"] for m in sent] == [
                text for n in range(number) for text in (f"Question {n}?", f"Answer {n}.")
            ] + [f"Question {number}?"]


def test_who_leaves_finds_what_was_said_until_then(place):
    here, scripts = place
    scripts.append(answer(["Some ", "words "], end=False))
    with here.visitor() as visit:
        begun(visit, "words ")
        ids = dict(visit.ids)
    later = here.visitor()
    later.ids = ids
    wait_for(lambda: [a["state"] for a in later.answers()] == ["stopped"])
    assert later.answers()[0]["content"] == "Some words "


def test_a_killed_worker_leaves_what_was_saved_and_it_is_called_incomplete(
    tmp_path, database_url, monkeypatch
):
    monkeypatch.setattr("chatbot.store.conversations.STALE_SECONDS", 0.0)
    with shop(tmp_path, database_url) as (here, scripts):
        scripts.append(answer(WORDS, end=False))
        with here.visitor() as visit:
            begun(visit)
            wait_for(lambda: visit.answers()[0]["content"] == "".join(WORDS))
            assert visit.answers()[0]["state"] == "running"
            os.kill(here.server.worker, signal.SIGKILL)
            wait_for(lambda: _children(here.server.process.pid) not in ([], [here.server.worker]))
            wait_for(lambda: here.knows(here.key))
            sweeps = ConversationStore(here.database)
            wait_for(lambda: sweeps.sweep()["interrupted"])
            (found,) = visit.answers()
        assert (found["state"], found["content"]) == ("incomplete", "".join(WORDS))
        with here.visitor() as again:
            again.ids = visit.ids
            assert again.ask("Go on").events[-1] == "[DONE]"


def test_a_stopping_server_saves_how_far_it_came(tmp_path, database_url):
    with shop(tmp_path, database_url) as (here, scripts):
        scripts.append(answer(["Some ", "words "], end=False))
        with here.visitor() as visit:
            begun(visit, "words ")
            os.kill(here.server.process.pid, signal.SIGTERM)
            assert json.loads(rest(visit)[-1])["error"]["code"] == "server_restarting"
        here.server.process.wait(15)
        with here.database._connected().connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT content, state, code FROM messages WHERE role = 'assistant'"
            ).all()
        assert [tuple(r) for r in rows] == [("Some words ", "incomplete", "server_restarting")]


def test_two_visitors_at_once_never_see_each_others(place):
    here, _scripts = place
    count = 6
    here.provider._scripts = _echo

    def talk(number: int) -> None:
        with here.visitor() as visit:
            for turn in range(3):
                canary = f"canary-{number}-{turn}-x"
                seen[number] += visit.ask(canary).body.decode()
            listed = visit.get("/conversations")
            assert len(listed.json["data"]) == 1
            seen[number] += listed.body.decode() + json.dumps(visit.answers())

    seen = [""] * count
    threads = [threading.Thread(target=talk, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(count):
        assert f"canary-{number}-2-x" in seen[number]
        for other in set(range(count)) - {number}:
            assert f"canary-{other}-" not in seen[number]
    log = here.server.log_file.read_text().splitlines()
    said = {"request", "secret_key_of_this_machine_alone"}
    assert {json.loads(line)["event"] for line in log} <= said
    assert not [line for line in log if "canary" in line or here.key in line]


def _echo(_method, _path, body):
    """A provider that repeats all that it was told."""
    messages = json.loads(body)["messages"]
    return answer([f"{m['content']} " for m in messages])


def test_no_connection_to_the_database_is_held_by_a_stream(place, database_url):
    here, scripts = place
    streams = 30
    scripts += [answer(["Word "], end=False) for _ in range(streams)]
    visits = [here.visitor() for _ in range(streams)]
    for visit in visits:
        begun(visit)
    if not database_url:
        # SQLite has one connection for all; nobody's transaction is open if another can write at once.
        with sqlite3.connect(here.database._file, timeout=0.5) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        other.close()
    else:
        with here.database._connected().connect() as connection:
            asked = (
                "SELECT count(*), count(*) FILTER (WHERE state IN ('idle in transaction', 'idle in transaction (aborted)')) "
                "FROM pg_stat_activity WHERE application_name = 'chatbot'"
            )
            total, in_transaction = connection.exec_driver_sql(asked).one()
        assert total <= 12
        assert in_transaction <= 1  # this one's
    for visit in visits:
        visit.leave()


def test_provider_secrets_are_read_again_on_hup(tmp_path):
    env = tmp_path / ".env"
    env.write_text("OPENAI_API_KEY=sk-old-00000000\n")
    with shop(tmp_path) as (here, _):
        with here.visitor() as visit:
            visit.ask("Hi")
        assert here.provider.log[-1]["headers"]["authorization"] == "Bearer sk-old-00000000"
        env.write_text("OPENAI_API_KEY=sk-new-00000000\n")
        os.kill(here.server.process.pid, signal.SIGHUP)

        def renewed() -> bool:
            with here.visitor() as visit:
                visit.ask("Hi")
            return here.provider.log[-1]["headers"]["authorization"] == "Bearer sk-new-00000000"

        wait_for(renewed)
        log = here.server.log_file.read_text()
        assert "sk-old" not in log
        assert "sk-new" not in log


@pytest.mark.fault("the database locked by another process")
def test_a_locked_database_holds_up_no_stream_and_nothing_is_lost(tmp_path):
    with shop(tmp_path) as (here, scripts):
        first = here.visitor()
        first.ask("Before")
        first.leave()
        lock = sqlite3.connect(here.database._file, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        lines = len(here.server.log())
        for number in range(5):
            scripts.append(answer(WORDS[:10]))
            with here.visitor() as visit:
                assert visit.ask(f"While locked {number}").events[-1] == "[DONE]"
        wait_for(lambda: sum(n["event"] == "request" for n in here.server.log()[lines:]) >= 5)
        lock.rollback()
        lock.close()
        for number in range(2):
            assert first.ask(f"After {number}").events[-1] == "[DONE]"
            first.leave()

        def saved() -> bool:
            with sqlite3.connect(here.database._file) as look:
                found = look.execute(
                    "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'whole'"
                ).fetchone()[0]
            look.close()
            return found == 8

        wait_for(saved)


def test_a_request_that_was_on_its_way_when_its_key_ended_gets_no_answer(tmp_path):
    with shop(tmp_path) as (here, _):
        body = b'{"messages":[{"role":"user","content":"Hello"}],"stream":true}'
        with here.visitor() as visit:
            head = "".join(f"{k}: {v}\r\n" for k, v in visit.headers.items())
            visit.client.sock.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{head}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body[:5]
            )
            wait_for(lambda: here.server.counts()["fds"] > 0)
            here.store.end_key(here.api_key.id, at=time.time())
            wait_for(lambda: not here.knows(here.key))
            visit.client.sock.sendall(body[5:])
            assert visit.client.reply().status == 401
        assert not here.provider.log


def test_an_answer_that_was_left_while_its_rest_was_sought_keeps_its_beginning(tmp_path):
    with shop(tmp_path) as (here, scripts):
        broken, silent = answer(["Some ", "words "], end=False), answer([], end=False)
        broken.end = "reset"
        scripts += [broken, silent]
        with here.visitor() as visit:
            begun(visit, "words ")
            wait_for(lambda: len(here.provider.log) == 2)
            ids = dict(visit.ids)
        later = here.visitor()
        later.ids = ids
        wait_for(lambda: [a["state"] for a in later.answers()] == ["stopped"])
        assert later.answers()[0]["content"] == "Some words "


def test_a_typing_error_and_a_reload_leave_the_server_as_it_was(tmp_path):
    env = tmp_path / ".env"
    env.write_text("")
    with shop(tmp_path) as (here, _):
        env.write_text("CHATBOT_NONSENSE=1\n")
        os.kill(here.server.process.pid, signal.SIGHUP)
        wait_for(lambda: _children(here.server.process.pid) not in ([], [here.server.worker]))
        wait_for(lambda: "settings_kept" in here.server.log_file.read_text())
        with here.visitor() as visit:
            assert visit.ask("Hi").events[-1] == "[DONE]"


def test_a_revocation_reaches_a_machine_that_shares_redis_alone(tmp_path):
    text = new_text("pk")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with redis_server(tmp_path) as (url, _), ExitStack() as stack:
        machines = [
            stack.enter_context(shop(folder, extra="", CHATBOT_REDIS_URL=url))[0]
            for folder in folders
        ]
        for machine in machines:
            machine.store.add_key(describe(text, bot_id="shop"))
        wait_for(lambda: all(machine.knows(text) for machine in machines))
        env = {**os.environ, "PYTHONPATH": str(ROOT), "CHATBOT_DATA_DIR": str(folders[0])}
        command = [sys.executable, "-m", "chatbot", "keys", "revoke", text]
        subprocess.run(
            command, env={**env, "CHATBOT_REDIS_URL": url}, check=True, capture_output=True
        )
        wait_for(lambda: not any(machine.knows(text) for machine in machines), 5)

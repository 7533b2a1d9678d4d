"""The attack: a key out of a page's source, a forged origin, many addresses, at full speed. What does it cost?

The provider counts what it was asked for, which is what an owner would pay. That is never over the budget and one
reservation: over two workers, with Redis and without it, and with workers killed meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading

import pytest

from chatbot.core.api_key import describe, new_text
from chatbot.core.bot import read_bot
from chatbot.core.secret import Secret
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.usage import UsageStore
from chatbot.upstream.mock_script import Script
from chatbot.upstream.mock_server import MockServer
from tests.engines import redis_server
from tests.server import Client, _children, running, wait_for
from tests.visits.shop import ORIGIN, QUICK, chunk

BUDGET, ANSWER = 6000, 60
RESERVED = ANSWER + 40
"""The longest answer, and what the question is estimated to be, generously."""
ATTACKERS, EACH = 12, 40
PATIENT = (
    QUICK
    + """
import chatbot.shared.redis as redis_state, chatbot.shared.steady_meter as steady
redis_state.LIMIT_SECONDS = steady.SLOW_SECONDS = 10.0
"""
)
"""Redis is there all the time: a machine that is busy with other tests must not make it look slow."""
ASK = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True}).encode()


class Provider:
    """Answers with usage, and counts what it is owed, also where nobody hears the end."""

    def __init__(self) -> None:
        self.owed = 0
        self.lock = threading.Lock()
        self.server = MockServer(scripts=self.script)

    def script(self, *_: object) -> Script:
        cost = {"prompt_tokens": 12, "completion_tokens": ANSWER, "total_tokens": 12 + ANSWER}
        with self.lock:
            self.owed += cost["total_tokens"]
        usage = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": cost}  # fmt: skip
        end = chunk("", finish_reason="stop") + encode_event(usage) + DONE
        return Script([(0.0, chunk("word ")), (0.03, chunk("word ")), (0.0, end)])


def attack(port: int, key: str, number: int, found: list[tuple[int, str]]) -> None:
    """One attacker's questions, each from another address and without a session."""
    for turn in range(EACH):
        headers = {
            "Authorization": f"Bearer {key}", "Origin": ORIGIN, "Content-Type": "application/json",
            "X-Forwarded-For": f"10.{number}.{turn // 250}.{turn % 250}, 203.0.{number}.{turn}",
        }  # fmt: skip
        with contextlib.suppress(OSError, ValueError, AssertionError), Client(port) as client:
            reply = client.post("/api/v1/chat/completions", ASK, headers)
            code = "" if reply.status == 200 else reply.json["error"]["code"]
            found.append((reply.status, code))


def known(port: int, key: str) -> bool:
    with Client(port) as client:
        return client.get(f"/api/v1/widget/config?key={key}", {"Origin": ORIGIN}).status == 200


@pytest.fixture(params=["files", "redis"])
def shared(request, tmp_path_factory):
    """What the workers share."""
    if request.param == "files":
        yield {}
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as (url, _):
        yield {"CHATBOT_REDIS_URL": url}


@pytest.mark.parametrize("killing", [False, True], ids=["left alone", "workers killed"])
def test_an_attack_never_costs_more_than_the_budget_and_one_reservation(tmp_path, shared, killing):
    provider, key = Provider(), new_text("pk")
    provider.server.start()
    database = Database(Secret(""), tmp_path)
    database.prepare()
    store = DirectoryStore(database)
    limits = {"tokens_per_day": BUDGET, "history_tokens": 0}
    store.save_bot(read_bot({"id": "shop", "origins": [ORIGIN], "model": "m", "max_tokens": ANSWER, "limits": limits}))  # fmt: skip
    store.add_key(describe(key, bot_id="shop"))
    environ = {"WEB_CONCURRENCY": "2", "CHATBOT_TRUSTED_PROXIES": "1", **shared}
    found: list[tuple[int, str]] = []
    try:
        with running(tmp_path, OPENAI_BASE_URL=provider.server.base_url, extra=PATIENT, **environ) as server:  # fmt: skip
            wait_for(lambda: all(known(server.port, key) for _ in range(20)))
            threads = [
                threading.Thread(target=attack, args=(server.port, key, n, found))
                for n in range(ATTACKERS)
            ]
            for thread in threads:
                thread.start()
            for number in (10, 25) if killing else ():
                wait_for(lambda n=number: len(found) >= n, 30)
                os.kill(_children(server.process.pid)[0], signal.SIGKILL)
            for thread in threads:
                thread.join(120)
            wait_for(lambda: len(_children(server.process.pid)) == 2)
            last: list[tuple[int, str]] = []
            attack_once = threading.Thread(target=attack, args=(server.port, key, 99, last))
            attack_once.start()
            attack_once.join(60)
        spent = sum(row.tokens for row in UsageStore(database).used("20"))
    finally:
        provider.server.stop()
        database.close()
    codes = [code for _, code in found if code]
    assert BUDGET / 4 < provider.owed <= BUDGET + RESERVED
    assert codes.count("budget_exceeded") > ATTACKERS
    assert set(codes) <= {"budget_exceeded", "rate_limit_exceeded", "server_restarting"}
    assert {code for _, code in last} == {"budget_exceeded"}
    # The ledger knows of each answer that ended; of those that were killed nobody does.
    assert spent <= provider.owed
    if not killing:
        assert spent == provider.owed


def test_slots_of_workers_that_are_killed_are_free_again(tmp_path, shared):
    """Two slots, two silent answers, their workers killed: the next visitor is let in."""
    silent = Script([(0.0, chunk("word "))], end="open")
    provider, key = MockServer(scripts=lambda *_: silent).start(), new_text("pk")
    database = Database(Secret(""), tmp_path)
    database.prepare()
    store = DirectoryStore(database)
    store.save_bot(read_bot({"id": "shop", "origins": [ORIGIN], "model": "m", "limits": {"streams": 2}}))  # fmt: skip
    store.add_key(describe(key, bot_id="shop"))
    headers = {"Authorization": f"Bearer {key}", "Origin": ORIGIN, "Content-Type": "application/json"}  # fmt: skip
    extra = PATIENT + "import chatbot.shared.redis_meter as m; m.ALIVE_SECONDS = 3; m.RENEW_SECONDS = 0.3\n"  # fmt: skip
    clients: list[Client] = []

    def ask(port: int) -> int:
        client = Client(port)
        clients.append(client)
        client._send("POST", "/api/v1/chat/completions", ASK, headers)
        return client.head().status

    try:
        environ = {"WEB_CONCURRENCY": "2", **shared}
        with running(tmp_path, OPENAI_BASE_URL=provider.base_url, extra=extra, **environ) as server:
            wait_for(lambda: all(known(server.port, key) for _ in range(20)))
            assert [ask(server.port), ask(server.port), ask(server.port)] == [200, 200, 429]
            for worker in _children(server.process.pid):
                os.kill(worker, signal.SIGKILL)

            def let_in() -> bool:
                with contextlib.suppress(OSError, ValueError, AssertionError):
                    return ask(server.port) == 200
                return False

            wait_for(let_in, 20)
    finally:
        for client in clients:
            client.sock.close()
        provider.stop()
        database.close()


@pytest.mark.fault("Redis away or slow: limits")
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
def test_without_redis_limits_are_stricter_and_running_answers_do_not_notice(tmp_path, number):
    scripts = [
        Script([(0.02, chunk("word "))] * 60 + [(0.0, chunk("", finish_reason="stop") + DONE)])
    ]
    provider, key = (
        MockServer(scripts=lambda *_: scripts.pop() if scripts else quick()).start(),
        new_text("pk"),
    )
    database = Database(Secret(""), tmp_path)
    database.prepare()
    store = DirectoryStore(database)
    limits = {
        "requests_per_minute": 40,
        "address_requests_per_minute": 0,
        "streams": 0,
        "address_streams": 0,
    }
    store.save_bot(read_bot({"id": "shop", "origins": [ORIGIN], "model": "m", "limits": limits}))
    store.add_key(describe(key, bot_id="shop"))
    headers = {
        "Authorization": f"Bearer {key}",
        "Origin": ORIGIN,
        "Content-Type": "application/json",
    }

    def ask(port: int) -> int:
        with Client(port) as client:
            return client.post("/api/v1/chat/completions", ASK, headers).status

    try:
        with (
            redis_server(tmp_path) as (url, server_process),
            running(
                tmp_path, OPENAI_BASE_URL=provider.base_url, extra=QUICK, CHATBOT_REDIS_URL=url
            ) as server,
            Client(server.port) as client,
        ):
            wait_for(lambda: known(server.port, key))
            client._send("POST", "/api/v1/chat/completions", ASK, headers)
            reply = client.head()
            assert reply.status == 200
            os.kill(server_process.pid, number)
            try:
                found = [ask(server.port) for _ in range(14)]
                client._body(reply)
                with Client(server.port) as other:
                    ready = other.get("/readyz").json
            finally:
                if number == signal.SIGSTOP:
                    os.kill(server_process.pid, signal.SIGCONT)
    finally:
        provider.stop()
        database.close()
    assert found == [200] * 10 + [429] * 4  # a quarter of 40
    assert reply.clean
    assert reply.events[-1] == "[DONE]"
    assert len(reply.events) == 62
    assert ready["limits"] == "this machine, stricter, since Redis can't be used"
    assert any(line["event"] == "limits_stricter" for line in server.log())


def quick() -> Script:
    return Script([(0.0, chunk("word ") + chunk("", finish_reason="stop") + DONE)])


def test_the_attack_script_is_one_that_would_find_a_hole(tmp_path):
    """Without a budget that holds, the same attack costs many times as much."""
    provider, key = Provider(), new_text("pk")
    provider.server.start()
    database = Database(Secret(""), tmp_path)
    database.prepare()
    store = DirectoryStore(database)
    store.save_bot(read_bot({"id": "shop", "origins": [ORIGIN], "model": "m", "max_tokens": ANSWER}))  # fmt: skip
    store.add_key(describe(key, bot_id="shop"))
    found: list[tuple[int, str]] = []
    try:
        with running(tmp_path, OPENAI_BASE_URL=provider.server.base_url, extra=QUICK, CHATBOT_TRUSTED_PROXIES="1") as server:  # fmt: skip
            wait_for(lambda: known(server.port, key))
            threads = [threading.Thread(target=attack, args=(server.port, key, n, found)) for n in range(ATTACKERS)]  # fmt: skip
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
    finally:
        provider.server.stop()
        database.close()
    assert provider.owed > 3 * BUDGET

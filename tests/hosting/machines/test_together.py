"""Two machines are one server: what one has counted, ended or found out holds on the other."""

from __future__ import annotations

from itertools import cycle

from tests.server import wait_for

FAILS = {"fault": "503"}


def statuses(known, key, times, **fields):
    """Questions, one machine after the other."""
    machines = cycle((0, 1))
    return [known.ask(next(machines), key, **fields).status for _ in range(times)]


def test_a_limit_is_counted_once_for_all_machines(known):
    key = known.make_key("requests_per_day=7")
    assert statuses(known, key, 12) == [200] * 7 + [429] * 5


def test_a_budget_is_spent_once_for_all_machines(known):
    key = known.make_key("tokens_per_day=3000")
    asked = statuses(known, key, 40, max_tokens=500, mock={"tokens": 400})
    spent = asked.count(200)
    assert 3 <= spent <= 8, "some 400 tokens each, and room for 500 more is asked for"
    assert asked == [200] * spent + [429] * (40 - spent)


def test_a_key_that_is_revoked_ends_on_all_machines(known):
    key = known.make_key("requests_per_minute=1000")
    known.command("keys", "revoke", key)
    for number in (0, 1):
        wait_for(lambda n=number: known.ask(n, key).status == 401, 10)


def test_a_breaker_that_opens_on_one_machine_is_open_on_the_other(known):
    def breaker(number: int) -> str:
        return known.ready(number)["breakers"]["openai/*"]

    for _ in range(3):
        known.ask(0, known.key, stream=True, mock=FAILS)
    wait_for(lambda: breaker(1) == "open", 5)
    wait_for(lambda: known.ask(1, known.key).status == 200 and breaker(0) == "closed", 30)


def test_the_streams_of_one_key_are_counted_over_all_machines(known):
    key = known.make_key("streams=2")
    held = {"fault": "stall", "pace": 0}
    from tests.hosting.machines.hosts import PORT
    from tests.server import Client

    clients = [Client(PORT, app.address) for app in known.apps]
    for client in clients:
        client.send_chat(key, stream=True, mock=held)
        assert client.head().status == 200
    assert statuses(known, key, 2) == [429, 429]
    for client in clients:
        client.sock.close()
    wait_for(lambda: statuses(known, key, 2) == [200, 200], 20)

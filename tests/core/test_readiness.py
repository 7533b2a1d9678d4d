"""Waiting for one socket again and again, in gevent's hub: no wake-up is lost, and none is spun on."""

from __future__ import annotations

import socket
import time

import gevent
import pytest

from chatbot.core import readiness
from chatbot.core.readiness import _HubReadiness
from chatbot.upstream import connections
from chatbot.upstream.connections import Connection, Pool


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def waiting(pair):
    idle: list[int] = []
    made = _HubReadiness(pair[0].fileno(), lambda: idle.append(1))
    yield made, idle
    made.close()


def test_bytes_wake_it_and_time_does(pair, waiting):
    ready, _ = waiting
    pair[1].send(b"x")
    assert ready.wait(soon())
    pair[0].recv(1)
    assert not ready.wait(soon(0.01))
    assert not ready.wait(soon(-1))
    pair[1].send(b"x")
    assert ready.wait(soon())


def test_a_deadline_that_moves_away_is_the_one_that_counts(pair, waiting):
    ready, _ = waiting
    gevent.spawn_later(0.01, pair[1].send, b"x")
    assert ready.wait(soon(0.03))
    pair[0].recv(1)
    begin = time.monotonic()
    assert not ready.wait(soon(0.15))
    assert time.monotonic() - begin >= 0.14, "the earlier timer rang in between"


def test_a_deadline_that_comes_nearer_counts_at_once(pair, waiting):
    ready, _ = waiting
    gevent.spawn_later(0.01, pair[1].send, b"x")
    assert ready.wait(soon(60))
    pair[0].recv(1)
    assert not ready.wait(soon(0.05))


def test_what_nobody_waits_for_is_told_once_and_not_spun_on(pair, waiting):
    ready, idle = waiting
    pair[1].send(b"x")
    assert ready.wait(soon())
    gevent.sleep(0.05)
    assert idle == [1]
    assert ready.wait(soon()), "it is still there"


def test_closing_wakes_who_waits(pair, waiting):
    ready, _ = waiting
    gevent.spawn_later(0.01, ready.close)
    assert ready.wait(soon(60))
    assert ready.wait(soon(60))


def test_an_idle_connection_that_its_provider_closes_leaves_the_pool(pair, monkeypatch):
    monkeypatch.setattr(readiness, "under_gevent", lambda: True)
    monkeypatch.setattr(connections, "under_gevent", lambda: True)
    pool, connection = Pool("http://127.0.0.1"), Connection(pair[0])
    pair[1].send(b"x")
    assert connection.receive(soon()) == b"x"
    pair[1].send(b"y")
    gevent.sleep(0.01)  # readable while nobody waits: the watcher is off now
    assert connection.receive(soon()) == b"y"
    pair[1].send(b"z")
    gevent.sleep(0.01)
    pair[0].recv(1)
    pool.give(connection)
    pair[1].close()
    gevent.sleep(0.01)
    assert pool.take() is None


@pytest.mark.parametrize("left", [0.02, -1], ids=["in time", "once more, when it is late"])
def test_what_came_while_the_loop_was_held_up_is_read(pair, monkeypatch, left):
    """The loop then has time and bytes to tell at once, and tells time first."""
    monkeypatch.setattr(readiness, "under_gevent", lambda: True)
    connection = Connection(pair[0])

    for _ in range(2):
        pair[1].send(b"x")
        holding = gevent.spawn(time.sleep, 0.05)  # not gevent's: nobody else has a turn
        assert connection.receive(soon(left)) == b"x"
        holding.join()
    assert connection.receive(soon(-1)) is None
    connection.close()

"""Without an event loop one thread notices who leaves: each once, and nobody else in their place."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from chatbot.core.waiting import PeerWatch, under_gevent
from tests.server import wait_for


@pytest.fixture
def pairs():
    made: list[socket.socket] = []

    def pair() -> tuple[socket.socket, socket.socket]:
        both = socket.socketpair()
        made.extend(both)
        return both

    yield pair
    for sock in made:
        sock.close()


def test_who_leaves_is_noticed_once(pairs):
    assert not under_gevent()
    ours, theirs = pairs()
    gone: list[int] = []
    watch = PeerWatch(ours, lambda: gone.append(1))
    theirs.close()
    wait_for(lambda: gone)
    watch.stop()
    watch.stop()
    assert gone == [1]


def test_what_a_client_sends_is_no_departure_and_stays_unread(pairs):
    (ours, theirs), (other, leaving) = pairs(), pairs()
    gone: list[str] = []
    watches = [PeerWatch(ours, lambda: gone.append("ours")), PeerWatch(other, lambda: gone.append("other"))]  # fmt: skip
    theirs.send(b"more")
    leaving.close()
    wait_for(lambda: gone)
    for watch in watches:
        watch.stop()
    assert gone == ["other"]
    assert ours.recv(9) == b"more"


def test_nobody_is_told_after_stop_nor_in_the_place_of_a_closed_connection(pairs):
    (first, theirs), (second, leaving) = pairs(), pairs()
    gone: list[str] = []
    stopped = PeerWatch(first, lambda: gone.append("first"))
    stopped.stop()
    number = first.fileno()
    theirs.close()
    first.close()
    again, _ = pairs()
    twin = socket.socket(
        fileno=os.dup2(again.detach(), number)
    )  # mostly the kernel has done so itself
    reused = PeerWatch(twin, lambda: gone.append("twin"))
    last = PeerWatch(second, lambda: gone.append("second"))
    leaving.close()
    wait_for(lambda: gone)
    assert gone == ["second"]
    for watch in (reused, last):
        watch.stop()
    twin.close()


def test_many_share_one_thread(pairs):
    begun, gone = threading.active_count(), []
    both = [pairs() for _ in range(50)]
    watches = [PeerWatch(ours, lambda: gone.append(1)) for ours, _ in both]
    assert threading.active_count() <= begun + 1
    for _, theirs in both:
        theirs.close()
    wait_for(lambda: len(gone) == 50)
    for watch in watches:
        watch.stop()

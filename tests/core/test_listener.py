"""A listener's end: who has knocked is taken, who comes later is not let in."""

from __future__ import annotations

import errno
import socket

import pytest

from chatbot.core.listener import let_nobody_in, wait_until_taken, waiting
from tests.server import wait_for


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def knock(listener: socket.socket) -> socket.socket:
    """A connection on its way. Never waits."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
    return client


def test_after_it_nobody_new_is_let_in_and_those_before_are_served(listener):
    with knock(listener) as early:
        wait_for(lambda: waiting(listener) == 1)
        let_nobody_in(listener)
        with knock(listener) as late, pytest.raises(OSError, match="not connected"):
            late.getpeername()
        assert waiting(listener) == 1
        taken, _ = listener.accept()
        with taken:
            taken.sendall(b"served")
            early.setblocking(True)
            assert early.recv(10) == b"served"


def test_who_was_not_let_in_is_refused_once_it_is_closed(listener):
    """By the kernel's second try, a second later: who may go elsewhere then knows that nobody has read anything."""
    let_nobody_in(listener)
    with knock(listener) as late:
        listener.close()
        wait_for(lambda: late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED)


def test_it_waits_for_those_that_have_knocked(listener):
    pauses = []

    def take(_: float) -> None:
        pauses.append(waiting(listener))
        if len(pauses) == 3:
            listener.accept()[0].close()

    with knock(listener):
        wait_for(lambda: waiting(listener) == 1)
        wait_until_taken(listener, 5, take)
    assert pauses == [1, 1, 1]
    wait_until_taken(listener, 0.05, lambda _: None)

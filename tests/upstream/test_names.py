"""A name server that does not answer holds up nobody but those who wait for its names."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest

from chatbot.upstream import connections
from chatbot.upstream import names as module
from chatbot.upstream.connections import Pool
from chatbot.upstream.mock_server import MockServer
from chatbot.upstream.names import Names
from tests.engines import never_taken
from tests.server import Client, running, wait_for

STUCK = """
import gevent.monkey, gevent.resolver.thread as thread, _socket
_rest = gevent.monkey.get_original("time", "sleep")
class Stuck:
    def __getattr__(self, name):
        return getattr(_socket, name)
    def getaddrinfo(self, host, *more, **options):
        host = host.decode() if isinstance(host, bytes) else host
        if host.endswith(".stuck"):
            _rest(4)
        if host == "two.test":
            host = "127.0.0.1"
            return [*_socket.getaddrinfo("127.0.0.9", *more), *_socket.getaddrinfo(host, *more)]
        return _socket.getaddrinfo(host, *more, **options)
thread._socket = Stuck()
"""
TOML = """
[[provider]]
name = "stuck"
base_url = "http://provider.stuck/v1"
timeouts = {{ connect = 0.5 }}
retries = 0
[[provider]]
name = "named"
base_url = "http://localhost:{port}/v1"
[[provider]]
name = "two"
base_url = "http://two.test:{port}/v1"
[[provider]]
name = "absent"
base_url = "http://absent.invalid/v1"
retries = 0
[[route]]
model = "stuck"
targets = ["stuck/*"]
[[route]]
model = "rescued"
targets = ["stuck/*", "named/*"]
[[route]]
model = "two"
targets = ["two/*"]
[[route]]
model = "absent"
targets = ["absent/*"]
[[route]]
model = "*"
targets = ["named/*"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    upstream = MockServer().start()
    (folder / "c.toml").write_text(TOML.format(port=upstream.port))
    with running(folder, CHATBOT_CONFIG=str(folder / "c.toml"), extra=STUCK) as found:
        yield found
    upstream.stop()


def ask(server, model):
    with Client(server.port) as client:
        return client.chat(stream=True, model=model, mock={"profile": "instant"})


@pytest.mark.fault("twenty name look-ups stuck")
def test_twenty_stuck_look_ups_hold_up_nobody_else(server):
    stuck = [Client(server.port) for _ in range(20)]
    for client in stuck:
        client.send_chat(stream=True, model="stuck")
    for _ in range(3):
        assert ask(server, "other").events[-1] == "[DONE]"
    assert all(not client._rest for client in stuck)
    for client in stuck:
        reply = client.reply()
        assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_unreachable")
        client.sock.close()


def test_a_stuck_name_moves_on_to_the_next_target(server):
    assert ask(server, "rescued").events[-1] == "[DONE]"


def test_a_name_that_does_not_exist_is_unreachable(server):
    reply = ask(server, "absent")
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_unreachable")


def test_the_next_address_of_a_name_is_tried(server):
    assert ask(server, "two").events[-1] == "[DONE]"


@pytest.fixture
def system(monkeypatch):
    """The system's look-up: counts, and waits while `hold` is clear."""
    asked, hold = [], threading.Event()
    hold.set()

    def getaddrinfo(host, *_, **__):
        asked.append(host)
        hold.wait(5)
        if host == "bad.test":
            raise socket.gaierror("no such name")
        return [(0, 0, 0, "", ("192.0.2.1", 0)), (0, 0, 0, "", ("192.0.2.1", 0))]

    # Of this module alone: other tests' servers look names up meanwhile.
    ours = SimpleNamespace(**{**vars(socket), "getaddrinfo": getaddrinfo})
    monkeypatch.setattr(module, "socket", ours)
    return asked, hold


def test_one_look_up_serves_all_who_wait_and_is_used_for_a_while(system, monkeypatch):
    asked, hold = system
    names, found = Names(), []
    hold.clear()
    threads = [
        threading.Thread(target=lambda: found.append(names.addresses("a.test", 5)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: asked)
    hold.set()
    for thread in threads:
        thread.join()
    assert found == [["192.0.2.1"]] * 5
    assert asked == ["a.test"]
    names.forget("a.test")
    names.addresses("a.test", 5)
    monkeypatch.setattr(module, "KEEP_SECONDS", 0)
    names.addresses("a.test", 5)
    assert asked == ["a.test"] * 3


def test_who_waits_too_long_is_told_and_the_look_up_goes_on(system):
    asked, hold = system
    names = Names()
    hold.clear()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            names.addresses("a.test", 0.01)
    assert asked == ["a.test"]
    hold.set()
    assert names.addresses("a.test", 5) == ["192.0.2.1"]


def test_a_failure_is_asked_anew(system):
    asked, _ = system
    names = Names()
    for _ in range(2):
        with pytest.raises(OSError, match="no such name"):
            names.addresses("bad.test", 5)
    assert len(asked) == 2


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[::1]"])
def test_addresses_need_no_look_up(system, address):
    asked, _ = system
    assert Names().addresses(address, 0) == [address]
    assert asked == []


def test_an_address_that_never_answers_leaves_time_for_the_next(monkeypatch):
    """The first one's queue is full, so that the kernel drops who comes; the second is well."""
    well = MockServer().start()
    with never_taken(well.port) as silent:
        monkeypatch.setattr(connections.names, "addresses", lambda *_: [silent, "127.0.0.1"])
        given, really = [], socket.create_connection

        def connect(address, seconds):
            given.append((address[0], seconds))
            return really(address, seconds)

        monkeypatch.setattr(connections.socket, "create_connection", connect)
        Pool(f"http://two.test:{well.port}").connect(1.0).close()
    assert [address for address, _ in given] == [silent, "127.0.0.1"]
    assert given[0][1] <= 0.5, "half of the limit is the other's"
    well.stop()

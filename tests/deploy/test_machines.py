"""The configurations of nginx, for one machine and for several, say the same of what they have in common."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from pathlib import Path

from tests.engines import process
from tests.hosting.front import nginx
from tests.ports import free_port
from tests.server import ROOT, Client


def directives(name: str) -> set[str]:
    """All lines of `server` blocks, without their reasons."""
    text = (ROOT / "deploy" / name).read_text()
    servers = text[text.index("\nserver {") :]
    return {re.sub(r"\s*#.*", "", line).strip() for line in servers.splitlines()} - {""}


def test_what_several_machines_have_besides_is_about_the_next_one():
    more = directives("nginx-machines.conf") - directives("nginx.conf")
    assert directives("nginx.conf") <= directives("nginx-machines.conf")
    assert {line.split()[0] for line in more} == {
        "proxy_next_upstream", "proxy_next_upstream_tries", "proxy_next_upstream_timeout",
        "proxy_connect_timeout", "proxy_socket_keepalive",
    }  # fmt: skip


ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


class Machine:
    """Takes a connection, reads the question, and answers `reply`; nothing but an end where that is empty."""

    def __init__(self, reply: bytes) -> None:
        self.asked = 0
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._go_on, daemon=True).start()

    def _go_on(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client:
                    self.asked += _question(client).startswith(b"POST")
                    client.sendall(self._reply)

    def close(self) -> None:
        """Refuse connections from here on."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _question(client: socket.socket) -> bytes:
    """All of it: what is closed before it was read is reset."""
    seen = b""
    while not seen.endswith(b"}") and (piece := client.recv(65536)):
        seen += piece
    return seen


@contextlib.contextmanager
def asked(folder: Path, machines: list[Machine], times: int):
    """The statuses of so many questions through the shipped nginx."""
    port = free_port()
    with process(nginx(folder, str(port), [f"127.0.0.1:{m.port}" for m in machines]), port, folder):
        statuses = []
        for _ in range(times):
            with Client(port) as client:
                statuses.append(client.chat().status)
        yield statuses


def test_a_question_that_was_sent_is_never_sent_again(tmp_path):
    machines = [Machine(b""), Machine(b"")]
    with asked(tmp_path, machines, 1) as statuses:
        assert statuses == [502]
        assert sum(m.asked for m in machines) == 1
    for machine in machines:
        machine.close()


def test_a_machine_that_refuses_is_passed_over(tmp_path):
    machines = [Machine(ANSWER) for _ in range(2)]
    machines[0].close()
    with asked(tmp_path, machines, 6) as statuses:
        assert statuses == [200] * 6
        assert (machines[0].asked, machines[1].asked) == (0, 6)
    machines[1].close()

"""The mock over a real socket: a small HTTP server whose answers are scripts, for tests and trials.

It speaks just enough HTTP to misbehave precisely: resets, torn chunks, wrong lengths, dripping headers.
`GET /log` tells what it saw: each request's body and how it ended, with the clock (`time.monotonic`),
so that a test can ask when a client's departure arrived here. In the process itself `log` also has the bytes
that were sent (`sent`, without framing).

    python -m chatbot.upstream.mock_server 9000
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chatbot.upstream.mock_api import script_for
from chatbot.upstream.mock_script import Script

Scripts = Callable[[str, str, bytes], Script]
"""What is answered to (method, path, body)."""


_UNSENT_SECONDS = 0.05
"""A reset throws away what the kernel has not sent: this lets it go out first."""


class ClientGone(Exception):
    """The other side closed while an answer was due."""


class MockServer:
    """Listens on a loopback port; each connection has a thread. `start` returns at once."""

    def __init__(
        self,
        port: int = 0,
        scripts: Scripts = script_for,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._tls = tls
        self._host = host
        self._scripts = scripts
        self._listener = socket.create_server((host, port), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.log: list[dict[str, Any]] = []
        self.connections = 0

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL` is to be set to."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{self._host}:{self.port}/v1"

    def start(self) -> MockServer:
        """Serve in the background until the process ends or `stop`."""
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def stop(self) -> None:
        """Take no more connections."""
        # Wakes `serve`, which would else go on listening until somebody comes.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def serve(self) -> None:
        """Serve until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        if self._tls is not None:
            try:
                client = self._tls.wrap_socket(client, server_side=True)
            except OSError:
                return client.close()
        with client, client.makefile("rb") as reader:
            try:
                while self._request(client, reader):
                    pass
            except OSError:
                return

    def _request(self, client: socket.socket, reader: Any) -> bool:
        """Answer one request; whether the connection goes on."""
        parts = reader.readline().decode("latin-1").split()
        if len(parts) < 2:
            return False
        headers = {}
        while line := reader.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = reader.read(int(headers.get("content-length", 0)))
        path = parts[1].removeprefix("/v1")
        if path == "/log":
            _play(client, _log_script(self.log), bytearray())
            return True
        sent = bytearray()
        entry: dict[str, Any] = {"path": path, "body": body.decode("latin-1"), "headers": headers,
                                 "sent": sent, "began": time.monotonic()}  # fmt: skip
        self.log.append(entry)
        try:
            kept = _play(client, self._scripts(parts[0], path, body), sent)
            entry["ended"] = "complete"
        except (ClientGone, OSError):
            kept = False
            entry["ended"] = "client_gone"
        entry["at"] = time.monotonic()
        return kept


def _log_script(log: list[dict[str, Any]]) -> Script:
    shown = [{name: value for name, value in entry.items() if name != "sent"} for entry in log]
    return Script([(0.0, json.dumps(shown).encode())], headers={"Content-Type": "application/json"})


def _play(client: socket.socket, script: Script, sent: bytearray) -> bool:
    if script.head_reset:
        return _reset(client)
    _rest(client, script.head_delay)
    _head(client, script)
    chunked = script.framing == "chunked"  # "raw" scripts bring their own chunks
    for delay, data in script.steps:
        _rest(client, delay)
        if data:
            client.sendall(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
            sent += data
    if script.end == "open":
        _rest(client, None)
    if script.end == "reset":
        _rest(client, _UNSENT_SECONDS)
        return _reset(client)
    if script.end == "close" and script.framing in ("chunked", "raw"):
        client.sendall(b"0\r\n\r\n" if chunked else b"")
        return True
    return False


def _head(client: socket.socket, script: Script) -> None:
    framing = {
        "chunked": "Transfer-Encoding: chunked",
        "raw": "Transfer-Encoding: chunked",
        "none": "Connection: close",
        "long": "Content-Length: 99999999",
    }
    lines = [f"HTTP/1.1 {script.status} Scripted", framing[script.framing]]
    lines += [f"{name}: {value}" for name, value in script.headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if not script.head_drip:
        client.sendall(head)
        return
    for byte in head:
        client.sendall(bytes([byte]))
        _rest(client, script.head_drip)


def _reset(client: socket.socket) -> bool:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return False


def _rest(client: socket.socket, seconds: float | None) -> None:
    """Wait, and notice at once if the client leaves. None: until it does."""
    poll = select.poll()
    poll.register(client, select.POLLIN | getattr(select, "POLLRDHUP", 0))
    if seconds is None or seconds > 0:
        if poll.poll(None if seconds is None else seconds * 1000):
            raise ClientGone
    elif poll.poll(0):
        raise ClientGone


def main() -> None:
    """Serve on the port given (0: any free one), and print the address."""
    server = MockServer(int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
    sys.stdout.write(server.base_url + "\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()

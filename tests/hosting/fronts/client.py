"""A visitor's side: one HTTP/1.1 connection that sees each byte, when it came, and how the transfer ended; and curl."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.hosting.fronts.servers import NAME
from tests.server import KEY, Client, Reply

CHAT = "/v1/chat/completions"
PATIENCE = 120
"""Seconds without a byte, after which a test gives up."""


def question(text: str = "Hi", **mock: object) -> bytes:
    """A streamed question for the mock to answer at this pace."""
    asked = {"model": "mock-instant", "stream": True, "mock": mock,
             "messages": [{"role": "user", "content": text}]}  # fmt: skip
    return json.dumps(asked).encode()


class Visitor(Client):
    """A connection to a cell: by TLS, and under the site's name, where there is a front."""

    def __init__(self, port: int, ca: Path | None) -> None:
        super().__init__(port)
        self.sock.settimeout(PATIENCE)
        self.name = NAME if ca else "127.0.0.1"
        if ca:
            context = ssl.create_default_context(cafile=str(ca))
            context.set_alpn_protocols(["http/1.1"])
            self.sock = context.wrap_socket(self.sock, server_hostname=NAME)

    def ask(self, body: bytes, **headers: str) -> None:
        """Send a question."""
        given = {"Host": self.name, "Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}  # fmt: skip
        self._send("POST", CHAT, body, given | {n.replace("_", "-"): v for n, v in headers.items()})

    def fetch(self, path: str, **headers: str) -> Reply:
        """A file or a page."""
        named = {n.replace("_", "-"): v for n, v in headers.items()}
        return self.get(path, {"Host": self.name, **named})

    def pieces(self, reply: Reply) -> Iterator[bytes]:
        """The body's pieces as they come; `reply.clean` is true once it had an end of its own.

        Where neither a length nor chunks say the end, an orderly close does, as browsers take it.
        """
        with suppress(ConnectionError, ssl.SSLError):
            for piece in self._framed(reply):
                reply.pieces.append(piece)
                reply.times.append(time.monotonic())
                reply.body += piece
                yield piece
            reply.clean = True

    def _framed(self, reply: Reply) -> Iterator[bytes]:
        if "content-length" in reply.headers:
            yield self._exactly(int(reply.headers["content-length"]))
        elif reply.headers.get("transfer-encoding") == "chunked":
            while piece := self.piece():
                yield piece
        else:
            yield from self._to_the_end()

    def _to_the_end(self) -> Iterator[bytes]:
        rest, self._rest = self._rest, b""
        if rest:
            yield rest
        while more := self.sock.recv(65536):
            yield more

    def _body(self, reply: Reply) -> None:
        for _ in self.pieces(reply):
            pass

    def leave(self) -> float:
        """Close the connection as a browser does; the time."""
        at = time.monotonic()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        return at


def words_of(body: bytes) -> list[str]:
    """The contents of a stream's events."""
    texts = [block.removeprefix("data: ") for block in body.decode().split("\n\n")]
    events = [json.loads(text) for text in texts if text.startswith("{")]
    deltas = [e["choices"][0]["delta"] for e in events if e.get("choices")]
    return [d["content"] for d in deltas if d.get("content")]


@contextmanager
def curl(port: int, ca: Path, body: bytes, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """curl by HTTP/2, asking; its output has the head, and the answer as it comes."""
    command = ["curl", "-sS", "-N", "--http2", "-i", "--cacert", str(ca), "--max-time", str(PATIENCE),
               "--resolve", f"{NAME}:{port}:127.0.0.1", f"https://{NAME}:{port}{CHAT}", "-H", f"Authorization: Bearer {KEY}",
               "-H", "Content-Type: application/json", "--data-binary", body.decode(), *options]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()

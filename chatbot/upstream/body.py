"""The body of a provider's answer, read without ever waiting longer than told.

`read1` of urllib3 is the one form that streams under every framing and loses no byte before a reset. But it
must not be interrupted (the next read would look like a clean end), and between two chunks it waits for
the next chunk's size. So bytes are looked for first, by a peek that can't block; then the socket is waited
for until the caller's deadline; and the lines between chunks are taken here, piece by piece where a network
has cut them, so that `read1` is called only when there is data, or the end.
"""

from __future__ import annotations

import os
import re
import socket
from typing import Any

from urllib3.exceptions import HTTPError

from chatbot.core.waiting import now, wait_readable
from chatbot.upstream.provider import BodyCut

READ_SIZE = 65536
_LINE_CAP = 16 * 1024
"""Bytes of a size line with its extensions, or of all trailers: nobody sends a fraction of it."""
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r?\n", re.S)


class BodyReader:
    """Reads one body. `ended` is true from its end on, when the connection may serve somebody else."""

    def __init__(self, raw: Any, sock: socket.socket | None) -> None:
        self.ended = False
        self._raw = raw
        self._socket = sock
        self._line = b""
        self._in_trailers = False

    def read(self, until: float) -> bytes | None:
        """Some bytes, `b""` at a clean end, None where nothing came by `until`. Raises `BodyCut`."""
        if self.ended:
            return b""
        try:
            if not (self._can_read() or self._wait(until)):
                return None
            data: bytes = self._raw.read1(READ_SIZE, decode_content=False) or b""
        except (HTTPError, OSError, ValueError, BodyCut) as error:
            self.ended = True
            raise BodyCut(type(error).__name__) from None
        self.ended = not data or bool(self._raw.closed)
        return data

    def _wait(self, until: float) -> bool:
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return True
        while wait_readable(sock, until):
            if self._can_read():
                return True
            if _peer_has_ended(sock):
                self._accept_missing_trailers()
                return True
            if now() >= until:
                break
        return False

    def _can_read(self) -> bool:
        """Whether `read1` would return at once. Takes what lies between two chunks, as far as it came."""
        body = getattr(self._raw, "_fp", None)
        if body is None or body.fp is None:
            return True
        while body.chunked and not body.chunk_left:
            line = self._take_line(body.fp)
            if line is None:
                return False
            self._between_chunks(body, line)
        return (not body.chunked and body.length == 0) or bool(self._peek(body.fp))

    def _between_chunks(self, body: Any, line: bytes) -> None:
        """One whole line: the end of a chunk, the size of the next, or a trailer (RFC 9112, 7.1)."""
        if self._in_trailers:
            if not line.strip():
                self._end(body)
        elif body.chunk_left == 0:
            if line.strip():
                raise BodyCut("a chunk is longer than its size")
            body.chunk_left = None
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise BodyCut("a chunk has no size")
            self._in_trailers = int(size[1], 16) == 0
            body.chunk_left = int(size[1], 16) or None

    def _end(self, body: Any) -> None:
        """For http.client: a body with nothing left, which `read1` then closes without reading."""
        body.chunked = False
        body.length = 0

    def _accept_missing_trailers(self) -> None:
        """A connection closed behind the last chunk: nothing of the body is missing."""
        if self._in_trailers:
            self._end(self._raw._fp)

    def _take_line(self, reader: Any) -> bytes | None:
        """The next line, or None while it has not come whole; its beginning is kept."""
        while seen := self._peek(reader):
            end = seen.find(b"\n") + 1 or len(seen)
            self._line += reader.read(end)
            if len(self._line) > _LINE_CAP:
                raise BodyCut("a line between chunks is too long")
            if self._line.endswith(b"\n"):
                line, self._line = self._line, b""
                return line
        return None

    def _peek(self, reader: Any) -> bytes:
        """What is buffered, or what the kernel or TLS has if nothing is; never waits."""
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return b""
        limit = sock.gettimeout()
        sock.settimeout(0.0)
        try:
            return bytes(reader.peek(1))
        except (OSError, ValueError):
            return b""
        finally:
            sock.settimeout(limit)


def _peer_has_ended(sock: socket.socket) -> bool:
    """Whether a readable socket is so because the other end has closed it; TLS or not."""
    with socket.socket(fileno=os.dup(sock.fileno())) as twin:
        twin.setblocking(False)
        try:
            return not twin.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

"""The body of an HTTP/1.1 response out of its framing, whatever way the network has cut it. RFC 9112, 7.1."""

from __future__ import annotations

import re
from functools import lru_cache

from chatbot.protocol.http_head import ResponseHead

_LINE_CAP = 16 * 1024
"""Bytes of a size line with its extensions, or of a trailer: nobody sends a fraction of it."""
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?", re.S)


class BadFraming(ValueError):
    """The framing is wrong, or the body ended before its framing said so."""


class Unframer:
    """Takes the bytes behind a head, gives those of the body. `ended` from its end on.

    `rest` is then what came behind it: with anything there the connection can't be used again.
    """

    def __init__(self, head: ResponseHead) -> None:
        self.ended = head.length == 0
        self.rest = b""
        self._chunked = head.chunked
        self._left = 0 if head.chunked else head.length
        self._line = b""
        self._in_trailers = False
        self._behind_chunk = False
        self._broken: BadFraming | None = None

    def feed(self, data: bytes) -> bytes:
        """What of the body is in `data`. Raises `BadFraming`, but not before what came ahead of it."""
        if self._chunked:
            return self._unchunk(data)
        if self._left is None:
            return data
        body, self.rest = data[: self._left], data[self._left :]
        self._left -= len(body)
        self.ended = not self._left
        return body

    @property
    def broken(self) -> bool:
        """Whether the framing is wrong behind what was given."""
        return self._broken is not None

    def close(self) -> None:
        """The connection has ended. Raises `BadFraming` where the body had not."""
        if self._broken is not None:
            raise self._broken
        # Behind the last chunk nothing of the body is missing, whatever became of its trailers.
        if not (self.ended or self._in_trailers or (self._left is None and not self._chunked)):
            raise BadFraming("cut")
        self.ended = True

    def _unchunk(self, data: bytes) -> bytes:
        out: list[bytes] = []
        try:
            self._split(data, out)
        except BadFraming as error:
            self._broken = error
            if not out:
                raise
        return out[0] if len(out) == 1 else b"".join(out)

    def _split(self, data: bytes, out: list[bytes]) -> None:
        at, size = 0, len(data)
        while at < size and not self.ended:
            if self._left:
                at = self._piece(data, at, self._left, out)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._keep(data[at:])
                break
            line = data[at:end]
            if self._line:
                line, self._line = self._line + line, b""
            at = end + 1
            if self._behind_chunk or self._in_trailers:
                self._take(line)
                continue
            left = _size_of(line)
            if left and data.startswith(b"\r\n", at + left):  # all of the chunk, which is the rule
                out.append(data[at : at + left])
                at += left + 2
            else:
                self._left, self._in_trailers = left, not left
        if self.ended:
            self.rest = data[at:]

    def _piece(self, data: bytes, at: int, left: int, out: list[bytes]) -> int:
        """What `data` has from here on of a chunk that is not there as a whole; where that ends."""
        piece = data[at : at + left] if at or len(data) > left else data
        out.append(piece)
        self._left = left - len(piece)
        at += len(piece)
        if self._left:
            return at
        self._behind_chunk = not data.startswith(b"\r\n", at)
        return at if self._behind_chunk else at + 2

    def _keep(self, piece: bytes) -> None:
        self._line += piece
        if len(self._line) > _LINE_CAP:
            raise BadFraming("a line between chunks is too long")

    def _take(self, line: bytes) -> None:
        """One line behind a chunk or in the trailers, without its LF."""
        is_empty = line in (b"\r", b"")
        if self._in_trailers:
            self.ended = is_empty
            return
        if not is_empty:
            raise BadFraming("a chunk is longer than its size")
        self._behind_chunk = False


@lru_cache(4096)
def _size_of(line: bytes) -> int:
    """Events are much of a size, so the same lines come again and again."""
    found = _SIZE.fullmatch(line)
    if found is None:
        raise BadFraming("a chunk has no size")
    return int(found[1], 16)

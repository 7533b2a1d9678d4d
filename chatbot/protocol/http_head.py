"""The head of an HTTP/1.1 response, and how its body is framed. RFC 9112, sections 4 to 6."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_CAP = 64 * 1024
"""Bytes of a head; a longer one is none."""


class BadHead(ValueError):
    """These bytes are no head of a response."""


@dataclass(slots=True)
class ResponseHead:
    """`headers` by lower-case name, the last where one comes twice. `length` None: chunked, or to the end.

    `keeps`: whether the connection may serve another request afterwards.
    """

    status: int
    headers: dict[str, str]
    chunked: bool
    length: int | None
    keeps: bool


def end_of_head(data: bytes | bytearray) -> int:
    """Where the head ends in `data`, its blank line included; -1 where it has not ended yet."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return end + 4
    bare = data.find(b"\n\n")
    return bare + 2 if bare >= 0 else -1


def parse_head(head: bytes) -> ResponseHead:
    """The head, blank line included. Raises `BadHead`."""
    # Not `splitlines`: to it, a control character in a value begins another header.
    first, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not (code.isascii() and code.isdigit()):
        raise BadHead("no status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name and name[0] not in " \t":
            headers[name.lower()] = value.strip()
        elif line:
            raise BadHead("a line that is no header")
    return _framed(int(code), version, headers)


def _framed(status: int, version: str, headers: dict[str, str]) -> ResponseHead:
    connection = headers.get("connection", "").lower()
    keeps = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
    if status < 200 or status in (204, 304):
        return ResponseHead(status, headers, chunked=False, length=0, keeps=keeps)
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked":
            raise BadHead("a transfer coding that was not asked for")
        # With a length beside it somebody on the way may have read it differently.
        keeps = keeps and "content-length" not in headers
        return ResponseHead(status, headers, chunked=True, length=None, keeps=keeps)
    length = headers.get("content-length")
    if length is None:
        return ResponseHead(status, headers, chunked=False, length=None, keeps=False)
    if not (length.isascii() and length.isdigit()):
        raise BadHead("a length that is no number")
    return ResponseHead(status, headers, chunked=False, length=int(length[:18]), keeps=keeps)

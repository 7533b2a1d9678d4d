"""Writing a stream's pieces straight to the server's socket: an optional shortcut, the same bytes.

On its ordinary way each piece passes werkzeug, gunicorn and gevent's `sendall`, which asks the kernel for the
size of its buffer every time. The head and the first piece take that way; what follows is framed here as gunicorn
would, and sent. gunicorn then ends the body, as ever. Where the server is another one, there is no shortcut.

Behind `[DONE]` nothing comes: where the server leaves the body's end to us it goes out with that, in one packet and one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

from chatbot.protocol.sse_encoder import DONE

ENABLED = True
"""Off, everything takes the ordinary way."""
ends_bodies = False
"""Whether the server asks `end` to end a chunked body: set where its configuration has it do so (deploy/gunicorn.conf.py)."""
Write = Callable[[bytes], None]
_END = b"0\r\n\r\n"
_ended: WeakSet[Any] = WeakSet()
"""Connections whose body has been ended here."""


def direct_writer(environ: Mapping[str, Any]) -> Write | None:
    """What sends one piece of the body, or None where only the server can. Raises `OSError` when called."""
    sock = environ.get("gunicorn.socket")
    if not ENABLED or sock is None or environ.get("REQUEST_METHOD") == "HEAD":
        return None
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        return lambda piece: send_chunk(sock, piece)
    return lambda piece: send(sock, piece)


def send_chunk(sock: Any, piece: bytes, head: bytes = b"") -> None:
    """Send a piece of a chunked body, behind the head where it is the first."""
    is_last = ends_bodies and piece.endswith(DONE)
    if is_last:
        _ended.add(sock)
    send(sock, b"%b%x\r\n%b\r\n%b" % (head, len(piece), piece, _END if is_last else b""))


def end(sock: Any) -> None:
    """The chunked body is over; nothing is sent where its end has been."""
    if sock in _ended:
        _ended.discard(sock)
    else:
        send(sock, _END)


def send(sock: Any, data: bytes) -> None:
    """Send all of it. The socket's time-out is for each step: a reader that goes on taking is not let go."""
    sent = sock.send(data)
    while sent < len(data):
        data = data[sent:]
        sent = sock.send(data)

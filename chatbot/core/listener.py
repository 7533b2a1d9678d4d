"""The end of a listening socket, without breaking what has already knocked.

A connection is made by the kernel before the server takes it. One that still waits when the last copy of the listener is
closed is reset, with the question that it brought; a proxy may not send that to another machine, since it can't know
that nobody has read it. So nobody new is let in first: the kernel drops the first packet of each new connection, what
waits is taken, and the listener is closed then. Who was dropped knocks again a second later, is refused, and may go
elsewhere.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, which Python has no name for
_FLAGS, _SYN, _SYN_OR_ACK = 13, 0x02, 0x12
_ONLY_KNOWN = (  # as in linux/filter.h: code, jump if true, jump if false, value
    (0x30, 0, 0, _FLAGS),  # the byte of the TCP header that holds its flags
    (0x54, 0, 0, _SYN_OR_ACK),
    (0x15, 0, 1, _SYN),  # SYN without ACK: somebody new
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
)
_TCP_INFO_SIZE, _TCPI_UNACKED = (
    104,
    24,
)  # as in linux/tcp.h; of a listener it is the length of its queue
_PAUSE = 0.01
_ON_LINUX = sys.platform.startswith("linux")


def let_nobody_in(listener: socket.socket) -> None:
    """From now on no new connection is made, on all copies of this listener. Linux; elsewhere nothing happens."""
    if not _ON_LINUX or listener.family == socket.AF_UNIX:
        return
    program = b"".join(struct.pack("HBBI", *step) for step in _ONLY_KNOWN)
    memory = ctypes.create_string_buffer(program, len(program))
    value = struct.pack("HL", len(_ONLY_KNOWN), ctypes.addressof(memory))
    with suppress(OSError):  # forbidden here: some connections may be reset then
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, value)


def wait_until_taken(
    listener: socket.socket, seconds: float, pause: Callable[[float], object] = time.sleep
) -> None:
    """Return when no connection waits to be taken by whoever takes them beside, after `seconds` at the latest."""
    for _ in range(int(seconds / _PAUSE)):
        pause(_PAUSE)
        if not waiting(listener):
            return


def waiting(listener: socket.socket) -> int:
    """Connections that are made, and not taken yet. Linux; elsewhere 0."""
    if not _ON_LINUX or listener.family == socket.AF_UNIX:
        return 0
    try:
        about = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        return int(struct.unpack_from("I", about, _TCPI_UNACKED)[0])
    except (OSError, struct.error):  # a kernel that plays Linux and does not tell
        return 0

"""Identifiers of 128 bits: none can be guessed or met twice.

What a row of a table is found by begins with the time, as in a UUID of version 7 (RFC 9562): rows that come one after another
lie in a table's index one after another. By random ids each has a page of the index of its own, that is read and written
for it: a turn took three times as many writes of the database's files (docs/performance.md).
"""

from __future__ import annotations

import os
import time

_BYTES, _AT_ONCE = 16, 256
_ready: list[str] = []
"""Ids that nobody has yet: a call of the kernel for each costs more than all the rest of making it."""
os.register_at_fork(after_in_child=_ready.clear)  # they are the parent's


def random_id() -> str:
    """32 hexadecimal digits."""
    try:
        return _ready.pop()  # at once, whoever else takes one
    except IndexError:
        digits = os.urandom(_BYTES * _AT_ONCE).hex()
    size = 2 * _BYTES
    made = [digits[at : at + size] for at in range(0, len(digits), size)]
    mine = made.pop()
    _ready.extend(made)
    return mine


def ordered_id() -> str:
    """32 hexadecimal digits: 12 of the milliseconds since 1970, and 20 (80 bits) that are random."""
    return f"{time.time_ns() // 1_000_000:012x}{random_id()[12:]}"


def new_request_id() -> str:
    """`req_` and 32 hex digits, ordered by time."""
    return "req_" + ordered_id()

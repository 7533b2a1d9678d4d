"""Random identifiers: 128 bits or more, so that none can be guessed or met twice."""

from __future__ import annotations

import os

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


def new_request_id() -> str:
    """`req_` and 32 hex digits."""
    return "req_" + random_id()

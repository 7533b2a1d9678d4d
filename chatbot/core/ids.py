"""Random identifiers: 128 bits or more, so that none can be guessed or met twice."""

from __future__ import annotations

import os


def random_id() -> str:
    """32 hexadecimal digits. The kernel's numbers at once: `secrets` goes through three calls for the same."""
    return os.urandom(16).hex()


def new_request_id() -> str:
    """`req_` and 32 hex digits."""
    return "req_" + random_id()

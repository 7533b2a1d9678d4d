"""Random identifiers: 128 bits or more, so that none can be guessed or met twice."""

from __future__ import annotations

import secrets


def new_request_id() -> str:
    """`req_` and 32 hex digits."""
    return "req_" + secrets.token_hex(16)

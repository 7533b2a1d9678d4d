"""Random identifiers: 128 bits or more, so that none can be guessed or met twice."""

from __future__ import annotations

import secrets


def new_request_id() -> str:
    """`req_` and 32 hex digits."""
    return "req_" + secrets.token_hex(16)


def new_secret_key() -> str:
    """A secret key: `sk_` and 256 bits in URL-safe letters."""
    return "sk_" + secrets.token_urlsafe(32)

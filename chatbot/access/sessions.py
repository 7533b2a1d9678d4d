"""Tokens that this server issues and nobody else can make: sessions, conversations, an operator's cookie.

A token is a random id of 128 bits, the time until which it is good, and a signature over both and over what it
is bound to (the bot, the owner). Nothing is looked up to refuse a guessed or a foreign one, and a copy of
the database makes none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from functools import lru_cache
from typing import NamedTuple

from chatbot.core.ids import random_id
from chatbot.core.secret import Secret

SESSION_SECONDS = 30 * 86400
RENEW_SECONDS = 29 * 86400
"""A session that is good for less gets a new token, with the same id."""
_ID, _TIME, _MAC = 16, 4, 16
_REMEMBERED = 4096
"""Tokens that were found to be ours; a visitor sends the same one with each question."""


class Token(NamedTuple):
    """What a valid token says: its id (32 hexadecimal digits) and its end, in seconds since 1970."""

    id: str
    expires_at: int
    text: str


class _NotOursError(ValueError):
    """Raised, so that only tokens that are ours are remembered: whoever guesses puts none of them out."""


class Signer:
    """Issues and reads tokens with one secret."""

    def __init__(self, secret: Secret) -> None:
        self._key = hashlib.sha256(b"chatbot tokens\0" + secret.reveal().encode()).digest()
        self._proven = lru_cache(_REMEMBERED)(self._prove)

    def issue(self, kind: str, expires_at: float, *bound: str, token_id: str = "") -> Token:
        """A token of a kind, good until a time, bound to these values; with a new id where none is given."""
        raw = bytes.fromhex(token_id or random_id())
        body = raw + int(expires_at).to_bytes(_TIME, "big")
        text = base64.urlsafe_b64encode(body + self._mac(kind, body, bound)).decode()
        return Token(raw.hex(), int(expires_at), f"{kind}_{text}")

    def read(self, kind: str, text: str, *bound: str) -> Token | None:
        """What a token says; None for one that is expired, of another kind or bound to something else."""
        try:
            token = self._proven(kind, text, bound)
        except _NotOursError:
            return None
        return token if time.time() < token.expires_at else None

    def _prove(self, kind: str, text: str, bound: tuple[str, ...]) -> Token:
        data = _decoded(kind, text)
        body, mac = data[: _ID + _TIME], data[_ID + _TIME :]
        if not hmac.compare_digest(mac, self._mac(kind, body, bound)):
            raise _NotOursError
        return Token(body[:_ID].hex(), int.from_bytes(body[_ID:], "big"), text)

    def peek(self, kind: str, text: str) -> str:
        """The id that a text claims, unproven; empty where it claims none."""
        return _decoded(kind, text)[:_ID].hex()

    def derived(self, purpose: str) -> str:
        """A secret for one purpose, that only holders of this server's secret can derive."""
        return hmac.new(self._key, b"derived\0" + purpose.encode(), "sha256").hexdigest()

    def _mac(self, kind: str, body: bytes, bound: tuple[str, ...]) -> bytes:
        message = b"".join([_framed(kind), _sized(body), *map(_framed, bound)])
        # Keyed BLAKE2 (RFC 7693), not HMAC: OpenSSL's gives up the interpreter's lock for these few bytes, and
        # getting it back from the thread that saves took 0.1 ms of each visitor's request.
        return hashlib.blake2b(message, key=self._key, digest_size=_MAC).digest()


@lru_cache(_REMEMBERED)
def _framed(text: str) -> bytes:
    """A part of what is signed, with its size before it."""
    return _sized(text.encode("utf-8", "surrogatepass"))


def _sized(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part


def _decoded(kind: str, text: str) -> bytes:
    """The bytes of a token of this kind; none where it is another, or these bytes in another spelling."""
    head, _, coded = text.partition("_")
    try:
        data = base64.urlsafe_b64decode(coded.encode("ascii"))
    except ValueError:
        return b""
    fits = head == kind and len(data) == _ID + _TIME + _MAC
    return data if fits and base64.urlsafe_b64encode(data).decode() == coded else b""

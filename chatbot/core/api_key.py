"""What an API key is here: secret or publishable, what it may do, and until when.

A secret key is random and kept as its first characters and its SHA-256 alone, so that a copy of the database
opens nothing. A publishable key stands in a page's source; it is kept whole, to be shown again, and is worth
nothing without an origin of its list.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

SECRET, PUBLISHABLE = "sk", "pk"
SCOPES = ("chat", "conversations", "operate", "admin")
"""`chat`: completions, models, embeddings. `conversations`: those of the bots, with their feedback.
`operate`: readiness in detail, metrics. `admin`: all of them, and the operator's pages."""
OF_A_BOT = ("chat", "conversations")
"""Those that a key which is bound to a bot can have."""
PREFIX_CHARS = 11
"""Of a key's characters, those that it is found and shown by: 48 random bits of more than 128."""


@dataclass(frozen=True)
class ApiKey:
    """One key. Times are seconds since 1970, None where there is none. `bot_id` binds it to one bot.

    `origins` empty: the bot's own list holds. `shown` is what may be displayed of it. `limits` are its own, by name.
    """

    id: str
    kind: str
    digest: str
    prefix: str
    shown: str
    name: str = ""
    bot_id: str | None = None
    scopes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    limits: tuple[tuple[str, int], ...] = ()

    def alive(self, at: float) -> bool:
        """Whether it is accepted at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def may(self, scope: str) -> bool:
        """Whether it is for this."""
        if self.bot_id is not None and scope not in OF_A_BOT:
            return False
        return scope in self.scopes or "admin" in self.scopes


def digest_of(key: str) -> str:
    """SHA-256 in hexadecimal: what is kept of a key, and compared."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_text(kind: str) -> str:
    """A new key: `sk_` and 256 bits, or `pk_` and 144, in URL-safe letters."""
    return f"{kind}_{secrets.token_urlsafe(32 if kind == SECRET else 18)}"


def describe(text: str, **values: object) -> ApiKey:
    """The key that is kept for this text; `values` are the fields that the text does not decide."""
    kind = values.get("kind") or (text[:2] if text[:3] in ("sk_", "pk_") else SECRET)
    shown = text if kind == PUBLISHABLE else f"{text[:PREFIX_CHARS]}…"
    key_id = f"key_{secrets.token_hex(8)}"
    fixed = {"kind": kind, "digest": digest_of(text), "prefix": text[:PREFIX_CHARS], "shown": shown}
    return ApiKey(**{"id": key_id, **fixed, **values})  # type: ignore[arg-type]

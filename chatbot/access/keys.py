"""Finding the key that somebody brings, with the same work whether it is known, wrong or revoked.

Keys are found by their first characters and compared by their hashes, so the time that it takes says nothing
about any of them. Those of `CHATBOT_API_KEYS` are accepted besides those of the store, for everything.
"""

from __future__ import annotations

import hmac
import time
from collections import defaultdict
from collections.abc import Iterable

from chatbot.core.api_key import PREFIX_CHARS, SECRET, ApiKey, describe, digest_of
from chatbot.core.secret import Secret

_NOBODY = ApiKey("", "", "0" * 64, "", "", revoked_at=0.0)


class KeyRing:
    """The keys of one moment."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._by_prefix: dict[str, list[ApiKey]] = defaultdict(list)
        for key in keys:
            self._by_prefix[key.prefix].append(key)

    def identify(self, text: str) -> ApiKey | None:
        """The living key of this text, or None."""
        digest = digest_of(text)
        found = _NOBODY
        for key in self._by_prefix.get(text[:PREFIX_CHARS], (_NOBODY,)):
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found if found.alive(time.time()) else None


def fixed_keys(texts: Iterable[Secret]) -> tuple[ApiKey, ...]:
    """The keys of the settings: for everything, known in the log by their fingerprint."""
    fixed = {"kind": SECRET, "name": "CHATBOT_API_KEYS", "scopes": ("admin",)}
    return tuple(describe(t.reveal(), id=f"key_{t.fingerprint}", **fixed) for t in texts)

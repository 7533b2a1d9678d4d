"""A string that hides itself.

Keys leak through `repr` in a traceback, `str` in a log line and f-strings in an error. A `Secret` shows
stars in all of them; whoever needs the value says so, by `reveal()`, which is easy to search for.
"""

from __future__ import annotations

import hashlib
import hmac


class Secret:
    """A secret string. Two are compared in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that must send it."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that tell one key from another in a log, and nothing else of it."""
        return hashlib.sha256(self._value.encode()).hexdigest()[:8]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return "********"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

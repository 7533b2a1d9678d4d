"""Texts of people and models as everything behind us takes them."""

from __future__ import annotations


def storable(text: str) -> str:
    """A text as both databases take it: no NUL, which PostgreSQL refuses, and no half of a surrogate pair."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")

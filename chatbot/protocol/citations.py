"""What an answer rests on, as it goes with it: `citations: [{id, n, title, url, place, text}]` on a chunk or on a whole answer.

A provider can send anything under this name. What is kept of it is what has these names and types, and no more
than a page would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXTS = ("id", "title", "url", "place", "text")
_MOST = 50
_TEXT_CHARS = 4000


def citations_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The citations of a chunk or an answer, each with all of its fields."""
    found = answer.get("citations")
    if not isinstance(found, list):
        return []
    return [_kept(c) for c in found[:_MOST] if isinstance(c, dict) and type(c.get("n")) is int]


def _kept(citation: dict[str, Any]) -> dict[str, Any]:
    texts = {name: citation.get(name) for name in _TEXTS}
    kept = {k: v[:_TEXT_CHARS] if isinstance(v, str) else "" for k, v in texts.items()}
    return {**kept, "n": citation["n"]}

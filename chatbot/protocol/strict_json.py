"""JSON as RFC 8259 has it, and no more: Python's reader also takes NaN, the last of two equal keys, and
raises RecursionError, which is no ValueError, on deep nesting.

Every event of every answer is read here, so orjson goes first: it takes a third of the time. What it refuses
is judged by the standard library, which lets half a surrogate pair pass, as some providers send one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import orjson

DEEPEST = 64
"""Levels of a request: what it asks a provider for has some ten, and each reader of it may go into the depth."""


class NotJSON(ValueError):
    """The bytes are no JSON text in UTF-8; the message says what is wrong, never quoting them."""


def _refuse_constant(name: str) -> Any:
    raise NotJSON(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotJSON("a number is out of range")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJSON("an object has the same key twice")
    return found


def _is_deep(value: object) -> bool:
    """Whether a value nests too deeply. Level by level: a walk into the depth is what is to be prevented."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEEPEST):
        level = [v for outer in level for v in _inner(outer) if isinstance(v, (dict, list))]
        if not level:
            return False
    return True


def _inner(value: Any) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value


_relaxed = json.JSONDecoder(parse_constant=_refuse_constant)
_unique_keys = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
)


def read_json(data: bytes, *, unique_keys: bool = False) -> Any:
    """The value of a JSON text. Raises `NotJSON`.

    With `unique_keys`, for requests, an object that has a key twice is refused: two readers could take it
    for two different requests. So is 1e400: it is JSON, and no number that could be written again.
    """
    if not unique_keys:
        try:
            return orjson.loads(data)
        except ValueError:
            pass
    decoder = _unique_keys if unique_keys else _relaxed
    try:
        value = decoder.decode(data.decode("utf-8"))
        if unique_keys and _is_deep(value):
            raise NotJSON(f"nested more than {DEEPEST} deep")
        return value
    except NotJSON:
        raise
    except RecursionError:
        raise NotJSON("nested too deeply") from None
    except UnicodeDecodeError:
        raise NotJSON("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJSON(f"{error.msg} at character {error.pos}") from None
    except ValueError:
        raise NotJSON("a number is too long") from None

"""One structured line per request, as JSON on standard error, and nothing secret in any line.

What a line may hold is decided where it is made: ids, sizes, times, names. The formatter is the last
barrier behind that: whatever looks like a key is starred out, also in a traceback.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import orjson

from chatbot.core.secret import Secret

_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai)[-_][A-Za-z0-9_\-]{8,}|\bAIza[A-Za-z0-9_\-]{20,}"
    r"|(?i:(?<=bearer )[^\s\"',]+)"
)
_SIGNS = ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "xai-", "xai_", "AIza")
"""One of them, or the word "bearer", is in every match: looking for them is cheaper than the expression."""
_STARS = "********"
_root, _logger = logging.getLogger(), logging.getLogger("chatbot")
_handler: _Handler | None = None
_hidden: set[str] = set()


def hide(secret: Secret) -> None:
    """Star this value out of every text from now on, whatever it looks like."""
    if len(secret.reveal()) >= 8:
        _hidden.add(secret.reveal())


def redact(text: str) -> str:
    """`text` with everything that looks like a key starred out."""
    for value in _hidden:
        text = text.replace(value, _STARS)
    if any(map(text.__contains__, _SIGNS)) or "bearer " in text.lower():
        return _KEY.sub(_STARS, text)
    return text


class JsonLines(logging.Formatter):
    """A record as one line of JSON: `time`, `level`, `event`, and the fields of `extra={"fields": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        if record.exc_info:
            fields = {**fields, "traceback": _places(record)}
        return _line(record.created, record.levelname, record.getMessage(), fields)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error. `put` does what `emit` does, without a record, and without a lock: one call writes the line."""

    def put(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Write one line. Never fails."""
        try:
            line = _line(time.time(), logging.getLevelName(level), event, fields)
            self.stream.write(line + "\n")
            self.stream.flush()
        except Exception:
            self.handleError(logging.makeLogRecord({"msg": event}))


def _line(at: float, level: str, event: str, fields: Mapping[str, object]) -> str:
    second, milliseconds = divmod(int(at * 1000), 1000)
    shown = f"{_second(second)}.{milliseconds:03d}+00:00"
    return redact(_dumps({"time": shown, "level": level.lower(), "event": event, **fields}))


@lru_cache(maxsize=1)
def _second(number: int) -> str:
    return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _dumps(line: dict[str, object]) -> str:
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # half of a surrogate pair in a name, or a number over 64 bits
        return json.dumps(line, default=str)


def _places(record: logging.LogRecord) -> str:
    """Where it happened, and the kind of error: its text may quote a message or an address."""
    kind, _, traceback = record.exc_info or (None, None, None)
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename}:{traceback.tb_lineno} in {code.co_name}")
        traceback = traceback.tb_next
    return " < ".join([kind.__name__ if kind else "?", *reversed(places)])


def configure_logging(level: str = "info") -> None:
    """Send the lines of `chatbot` and its libraries to standard error. Safe to call again."""
    global _handler  # noqa: PLW0603  one handler per process, replaced when standard error is
    if _handler is not None:
        _root.removeHandler(_handler)
    _handler = _Handler(sys.stderr)
    _handler.setFormatter(JsonLines())
    _root.addHandler(_handler)
    _root.setLevel(logging.WARNING)
    _logger.setLevel(level.upper())


def log(event: str, *, level: int = logging.INFO, exc_info: bool = False, **fields: object) -> None:
    """Write one line. Fields are ids, sizes, times and names: never a text or a key."""
    log_fields(event, fields, level=level, exc_info=exc_info)


def log_fields(
    event: str,
    fields: Mapping[str, object],
    *,
    level: int = logging.INFO,
    exc_info: bool = False,
) -> None:
    """As `log`, with the fields in a mapping."""
    if exc_info or _handler is None or _root.handlers != [_handler] or _logger.handlers:
        _logger.log(level, event, exc_info=exc_info, extra={"fields": fields})
    elif _logger.isEnabledFor(level):
        # Nobody but our own handler hears of it: without a record, which costs several times as much as the line.
        _handler.put(level, event, fields)

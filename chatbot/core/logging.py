"""One structured line per request, as JSON on standard error, and nothing secret in any line.

What a line may hold is decided where it is made: ids, sizes, times, names. The formatter is the last
barrier behind that: whatever looks like a key is starred out, also in a traceback.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from chatbot.core.secret import Secret

_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai)[-_][A-Za-z0-9_\-]{8,}|\bAIza[A-Za-z0-9_\-]{20,}"
    r"|(?i:(?<=bearer )[^\s\"',]+)"
)
_SIGNS = ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "xai-", "xai_", "AIza")
"""One of them, or the word "bearer", is in every match: looking for them is cheaper than the expression."""
_STARS = "********"
_logger = logging.getLogger("chatbot")
_handler: logging.Handler | None = None
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
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = _places(record)
        return redact(_dumps(line))


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
    root = logging.getLogger()
    if _handler is not None:
        root.removeHandler(_handler)
    _handler = logging.StreamHandler(sys.stderr)
    _handler.setFormatter(JsonLines())
    root.addHandler(_handler)
    root.setLevel(logging.WARNING)
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
    _logger.log(level, event, exc_info=exc_info, extra={"fields": fields})

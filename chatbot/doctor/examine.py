"""One examination of a front: can it be asked at all, and then every part of it side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from chatbot.doctor.files import Line, usual_lines, where
from chatbot.doctor.front import Answer, Front, Trouble
from chatbot.doctor.pace import Pace
from chatbot.doctor.patience import check_connections, check_departure, check_idle
from chatbot.doctor.request import check_errors, check_request
from chatbot.doctor.streaming import check_compressed, check_streaming
from chatbot.doctor.tls import check_tls, check_trust
from chatbot.doctor.word import APACHE, NGINX, OTHER, Finding
from chatbot.doctor.words import WORDS

Check = Callable[[Front, Pace], Iterator[Finding]]
Told = Callable[[str, "list[Finding]"], None]
"""Told a check's name and what it has found, when it is over; from any thread."""
CHECKS: tuple[Check, ...] = (
    check_tls, check_request, check_errors, check_streaming, check_compressed, check_departure, check_idle,
)  # fmt: skip
"""Side by side. That of many connections is after them: where there are few places it would take theirs."""
_AWAY = (502, 503, 504)


class CannotAsk(Exception):
    """The front, or the application behind it, could not be asked; the text says why."""


@dataclass(frozen=True)
class Examination:
    """What came of it. `front` is `nginx`, `apache` or `other`."""

    front: str
    findings: tuple[Finding, ...]


def examine(
    front: Front,
    pace: Pace,
    more: Iterable[Check] = (),
    lines: list[Line] | None = None,
    told: Told = lambda *_: None,
) -> Examination:
    """Examine a front. `lines` are its configuration's; without, the usual files of this machine are looked at.

    Raises `CannotAsk`.
    """
    try:
        found = [*check_trust(front)]
        front.name = name_of(front)
        told(check_trust.__name__, found)
        if _may_go_on(found):
            found += _first(front)
        if _may_go_on(found):
            found += _all(front, pace, (*CHECKS, *more), told)
            if not any(f.word == "buffered" for f in found):  # then no stream is seen to begin
                found += _one(check_connections, front, pace, told)
    except Trouble as error:
        raise CannotAsk(f"{front.host}:{front.port} could not be asked: {_said(error)}.") from None
    found = _told_once(found)
    read = usual_lines(front.name, front.host) if lines is None else lines
    return Examination(
        front.name, tuple(replace(f, where=where(read, front.name, f.word)) for f in found)
    )


def _told_once(found: list[Finding]) -> list[Finding]:
    """Each word once; what arrives at once in any case is not told of again for gzip."""
    words = {f.word: f for f in reversed(found)}
    if "buffered" in words:
        words.pop("buffered-gzip", None)
    return [f for f in found if words.get(f.word) is f]


def name_of(front: Front) -> str:
    """Which server stands in front."""
    server = front.shows()
    return NGINX if "nginx" in server else APACHE if "apache" in server else OTHER


def _may_go_on(found: list[Finding]) -> bool:
    """Whether the key may be sent there, and the application answers."""
    return all(f.word == "no-tls" for f in found)


def _first(front: Front) -> list[Finding]:
    """Whether the application answers, and knows the key. Raises `CannotAsk`."""
    answer = front.diagnosis()
    if answer.json.get("object") == "diagnosis":
        return []
    if answer.code == "invalid_api_key" and b"No API key" in answer.body:
        return [Finding("authorization-dropped")]
    if answer.code == "invalid_request" and b"host name" in answer.body:
        return [Finding("host-refused", f"The front says {front.host!r}, or a name of its own.")]
    if answer.status in _AWAY and not answer.code:
        return [Finding("no-application", f"It was answered with {answer.status}.")]
    raise CannotAsk(_why(answer))


def _why(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f"It leads to {answer.headers.get('Location', 'another address')}: examine that."
    if answer.code in ("invalid_api_key", "key_not_allowed"):
        return "The key is not accepted: give a secret key with the scope 'operate'."
    said = f" ({answer.code})" if answer.code else ""
    return f"It answered with {answer.status}{said}: no chatbot of this version, or not at this address."


def _all(front: Front, pace: Pace, checks: tuple[Check, ...], told: Told) -> list[Finding]:
    with ThreadPoolExecutor(len(checks)) as pool:
        came = pool.map(lambda check: _one(check, front, pace, told), checks)
        return [found for each in came for found in each]


def _one(check: Check, front: Front, pace: Pace, told: Told) -> list[Finding]:
    found = []
    try:
        for finding in check(front, pace):
            found.append(finding)
    except Trouble as error:
        found.append(Finding("not-asked", f"{check.__name__}: {_said(error)}."))
    told(check.__name__, found)
    return found


def _said(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()


def as_json(finding: Finding, front: str) -> dict[str, str]:
    """A finding for programs."""
    word = WORDS[finding.word]
    return {
        "word": finding.word,
        "means": word.means,
        "detail": finding.detail,
        "change": word.change(front),
        "where": finding.where or word.usually(front),
    }

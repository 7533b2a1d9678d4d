"""The front's configuration, where it can be read: the file and line of what a finding is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatbot.doctor.word import APACHE, NGINX
from chatbot.doctor.words import WORDS

USUAL = {
    NGINX: ("/etc/nginx/sites-enabled", "/etc/nginx/conf.d", "/etc/nginx/nginx.conf"),
    APACHE: (
        "/etc/apache2/sites-enabled", "/etc/apache2/conf-enabled", "/etc/apache2/apache2.conf",
        "/etc/httpd/conf.d", "/etc/httpd/conf/httpd.conf",
    ),
}  # fmt: skip
_PASSES = {NGINX: r"\bproxy_pass\s", APACHE: r"\bProxyPass\s"}


@dataclass(frozen=True)
class Line:
    """One line of a configuration, without its comment."""

    file: Path
    number: int
    text: str


def lines_of(places: Iterable[Path]) -> list[Line]:
    """All lines of these files and of the files in these folders, as far as they can be read."""
    return [line for place in places for file in _files(place) for line in _lines(file)]


def usual_lines(front: str, host: str) -> list[Line]:
    """Those of the usual places of this machine; none where nothing there names `host`: it is another machine's."""
    found = lines_of(map(Path, USUAL.get(front, ())))
    return found if any(host in line.text for line in found) else []


def where(lines: list[Line], front: str, word: str) -> str:
    """`file:line` of what is at fault; else of where the application is passed to, which the line is to stand beside."""
    if WORDS[word].setting:
        return ""
    patterns = [pattern for kind, pattern in WORDS[word].stands if kind == front]
    for pattern in [*patterns, _PASSES.get(front, "")]:
        for line in lines:
            if pattern and re.search(pattern, line.text):
                return f"{line.file}:{line.number}"
    return ""


def _files(place: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(place.iterdir()) if place.is_dir() else (place,)


def _lines(file: Path) -> Iterator[Line]:
    with suppress(OSError):
        for number, text in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            if not text.lstrip().startswith("#"):
                yield Line(file, number, text)

"""The passage of a bot's facts that fits a question best, so that a new bot knows its shop at once.

Without a provider nothing understands a question, but words can be looked up: the facts are split at their
headings, and the passage wins that shares the rarest words with the question. That is no search engine, and
need not be one: the same facts and question always give the same passage, in a millisecond or two.

    <facts>
    <fact name="shipping.md">
    …Markdown…
    </fact>
    </facts>
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

LIMIT = 600
"""Characters of a passage, at most; its heading comes on top."""
_HEADING_LIMIT = 80
_IN_HEADING = 0.5
"""What a word counts for once more where it stands in the passage's own heading."""

_FACT = re.compile(r'<fact name="([^"]*)">')
_WORD = re.compile(r"[^\W_]+")
_ENDS = tuple(
    re.compile(end) for end in (r"\n\n", r"(?<=\D[.!?])\s|。|\n(?=[-*+|]|\d+[.)])", r"\n", r"\s")
)
"""Where a text may be cut, the best first: paragraph, sentence or item, line, word."""

_STOP_WORDS = frozenset(
    _WORD.findall("""
a about all also am an and any are as at be been but by can could d did do does doesn doing don explain
for from get give had has have he hello her hers hi him his how i if in into is isn it its just know let
like ll m many may me might much must my need no not of on or our ours please s she should show so some t
tell than thanks that the their them then there these they this those to too us ve very want was we were
what when where which who whom why will with work working works would you your yours
""")
)


class Passage(NamedTuple):
    """A piece of a file, and the heading that it stands under (empty: none)."""

    file: str
    heading: str
    text: str


class _Entry(NamedTuple):
    passage: Passage
    words: frozenset[str]
    heading: frozenset[str]


class _Index(NamedTuple):
    entries: list[_Entry]
    rarity: dict[str, float]


def facts_in(system: str) -> str | None:
    """What stands between the markers of a system prompt; None where it has no such block."""
    text = f"\n{system}\n"
    start, end = text.find("\n<facts>\n"), text.rfind("\n</facts>\n")
    return text[start + len("\n<facts>") : end + 1] if 0 <= start < end else None


def passage_for(system: str, question: str) -> Passage | None:
    """The passage of the prompt's facts that fits `question` best; None where none shares a word."""
    index, asked = _index(facts_in(system) or ""), _words(question)
    scored = [(_score(entry, asked, index.rarity), entry.passage) for entry in index.entries]
    score, passage = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return passage if score > 0 else None


def _score(entry: _Entry, asked: frozenset[str], rarity: dict[str, float]) -> float:
    # Rounded exactly, since the order of a set's words differs from process to process.
    shared = math.fsum(rarity[word] for word in asked & entry.words)
    return shared + _IN_HEADING * math.fsum(rarity[word] for word in asked & entry.heading)


@lru_cache(maxsize=4)
def _index(facts: str) -> _Index:
    entries = [e for name, lines in _files(facts) for e in _entries(name, lines)]
    found = Counter(word for entry in entries for word in entry.words)
    return _Index(entries, {w: math.log(1 + len(entries) / n) for w, n in found.items()})


def _files(facts: str) -> Iterator[tuple[str, list[str]]]:
    """Each file's name and lines. One that is never closed ends where the next begins."""
    name, lines = None, list[str]()
    for line in [*facts.splitlines(), "</fact>"]:
        opening = _FACT.fullmatch(line)
        if opening or line == "</fact>":
            if name is not None:
                yield name, lines
            name, lines = opening[1] if opening else None, []
        else:
            lines.append(line.rstrip())


def _entries(name: str, lines: Iterable[str]) -> Iterator[_Entry]:
    stem = _words(name.rpartition(".")[0] or name)
    for headings, body in _sections(lines):
        own = _words(headings[-1]) if headings else frozenset[str]()
        above = stem.union(own, *map(_words, headings[:-1]))
        for piece in _pieces(body):
            if words := _words(piece):
                passage = Passage(name, headings[-1] if headings else "", piece)
                yield _Entry(passage, words | above, own)


def _sections(lines: Iterable[str]) -> Iterator[tuple[list[str], str]]:
    """Each section's text with its headings, the outermost first."""
    headings: dict[int, str] = {}
    body: list[str] = []
    is_code = False
    for line in lines:
        is_code ^= line.lstrip().startswith(("```", "~~~"))
        level = 0 if is_code else _level(line)
        if level:
            yield list(headings.values()), "\n".join(body)
            headings = {n: h for n, h in headings.items() if n < level}
            headings[level] = _title(line, level)
            body = []
        else:
            body.append(line)
    yield list(headings.values()), "\n".join(body)


def _level(line: str) -> int:
    level = len(line) - len(line.lstrip("#"))
    return level if level <= 6 and line[level : level + 1].isspace() else 0


def _title(line: str, level: int) -> str:
    return line[level:].strip().removesuffix(" " + "#" * level)[:_HEADING_LIMIT].rstrip()


def _pieces(text: str) -> Iterator[str]:
    text, start = text.strip(), 0
    while len(text) - start > LIMIT:
        end = _end(text, start)
        yield text[start:end].strip()
        start = end
    yield text[start:].strip()


def _end(text: str, start: int) -> int:
    """Where the piece from `start` ends: not too early, and as well as possible."""
    low, high = start + LIMIT // 3, start + LIMIT
    for pattern in _ENDS:
        ends = [match.start() + 1 for match in pattern.finditer(text, low, high)]
        if ends:
            return ends[-1]
    return high


def _words(text: str) -> frozenset[str]:
    found = set(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    return frozenset(map(_singular, found - _STOP_WORDS))


def _singular(word: str) -> str:
    """One form for an English word and its plural; it need not be a word itself."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith(("xe", "che", "she", "sse", "ie")):
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") else word

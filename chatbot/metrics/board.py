"""What one worker counts, and the places for it: a bounded number, whatever callers send.

A label that others choose (a model's name, a bot's) has so many values and a family so many series; what comes later is
counted as `other`. Who has got a place is the same for all workers, and over restarts: else each generation would add its own. A value
that is new costs a look into a file; when all places are taken, nothing any more.
"""

from __future__ import annotations

import json
import os
import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from chatbot.metrics.families import CAPS, LIVE, OTHER, SERIES_CAP, Family
from chatbot.metrics.folder import SPARE, Counts, Key, Numbers, alone, read_folder, write_json

_NAME = re.compile(r"[\w./:@+*-]{1,100}", re.ASCII)
"""A name, and no text."""


class Board:
    """Counts of this process in `folder`; where that can't be written, or there is none, for this process alone.

    `about` is what a worker says of itself. `locks` says whether threads count side by side. `open` before anything is
    counted, and again after a fork.
    """

    def __init__(
        self,
        folder: Path | None,
        about: Callable[[], Mapping[str, Any]] = dict,
        *,
        locks: bool = True,
    ) -> None:
        self._folder = folder
        self._about = about
        self.lock = threading.RLock() if locks else nullcontext()
        """To be held while something is counted."""
        self.trouble = ""
        self._places: dict[Key, int] = {}
        self._known: dict[str, set[str]] = {}
        self._numbers = Numbers(None, {})
        self.cells = self._numbers.cells
        self._live = SPARE

    def open(self) -> None:
        """Begin to count, from 0. Never fails: `trouble` says why this process counts for itself alone."""
        self._places = {}
        self.close()  # what is another process's, by a fork
        self._numbers = self._begun()
        self.cells = self._numbers.cells
        self._live = self.place(LIVE)

    def close(self) -> None:
        """This process counts no more, and whoever reads may put its numbers to the past."""
        if self._numbers.descriptor >= 0:
            os.close(self._numbers.descriptor)
            self._numbers.descriptor = -1

    def _begun(self) -> Numbers:
        if self._folder is not None:
            try:
                with alone(self._folder):
                    self._read_known(self._folder)
                    return Numbers(self._folder / f"{token_hex(8)}.map", self._about())
            except OSError as error:
                self.trouble, self._folder = type(error).__name__, None
        return Numbers(None, self._about())

    def read(self) -> Counts:
        """What all workers of this machine have counted. Raises `OSError`: a part of it would look like counters that go back."""
        return self._numbers.read() if self._folder is None else read_folder(self._folder)

    def label(self, name: str, value: str, *, may_be_new: bool = True) -> str:
        """The value of a label: itself while it has or gets a place, else `other`."""
        if not value or value in self._known.get(name, ()):
            return value
        is_fit = may_be_new and _NAME.fullmatch(value)
        return value if is_fit and self._has_place(name, value, CAPS[name]) else OTHER

    def place(self, family: Family, labels: tuple[str, ...] = ()) -> int:
        """Where the numbers of a series begin in `cells`."""
        found = self._places.get((family.name, labels))
        return self._new_place(family, labels) if found is None else found

    def _new_place(self, family: Family, labels: tuple[str, ...]) -> int:
        rest = (OTHER,) * len(labels)
        if labels != rest and not self._has_place(family.name, json.dumps(labels), SERIES_CAP):
            return self.place(family, rest)
        key = (family.name, labels)
        if key not in self._places:  # while this one waited for the file another may have come
            at = self._numbers.add(key, family.size)
            if at is None:
                return SPARE
            self._places[key] = at
        return self._places[key]

    def _has_place(self, name: str, value: str, cap: int) -> bool:
        known = self._known.setdefault(name, set())
        if value not in known and len(known) < cap:
            self._take_place(name, value, cap)
        return value in self._known[name]

    def _take_place(self, name: str, value: str, cap: int) -> None:
        if self._folder is None:
            self._known[name].add(value)
            return
        with suppress(OSError), alone(self._folder):
            self._read_known(self._folder)
            known = self._known.setdefault(name, set())
            if value not in known and len(known) < cap:
                known.add(value)
                listed = {name: sorted(values) for name, values in self._known.items()}
                write_json(self._folder / "labels.json", listed)

    def _read_known(self, folder: Path) -> None:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads((folder / "labels.json").read_text("utf-8"))
            for name, values in kept.items():
                self._known.setdefault(name, set()).update(values)

    def add(self, family: Family, labels: tuple[str, ...] = (), by: float = 1.0) -> None:
        """Count."""
        with self.lock:
            at = self.place(family, labels)
            self.cells[at] += by

    def observe(self, family: Family, value: float, labels: tuple[str, ...] = ()) -> None:
        """Put one value into a histogram."""
        with self.lock:
            observe(self.cells, self.place(family, labels), family.buckets, value)

    def say_live(self, number: int) -> None:
        """So many answers are under way in this process."""
        self.cells[self._live] = number


def observe(cells: memoryview[float], at: int, buckets: tuple[float, ...], value: float) -> None:
    """Put one value into the histogram whose numbers begin at a place."""
    cells[at] += value
    cells[at + 1 + bisect_left(buckets, value)] += 1.0

"""The folder in which the workers of a machine keep what they count, so that any of them can tell the sum.

    <worker>.map   numbers of one worker: written by it alone, in memory that is the file's; locked while it lives
    past.json      the sum of all workers that are gone
    labels.json    label values and combinations that have got a place (`metrics/board`)
    lock           held by who changes anything but numbers

Counting takes no lock and no system call, and a worker that is killed has written all that it has counted. Who looks next adds
its counters to the past and drops its gauges, so a counter never goes back, also over a restart.
"""

from __future__ import annotations

import fcntl
import json
import math
import mmap
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from chatbot.metrics.families import FAMILIES, GAUGE, LIVE

CELLS = 1 << 16
SPARE = CELLS - 64
"""From here on nobody reads: what finds no room is counted here."""
_TEXT = CELLS // 2 * 8
_SIZE = CELLS * 8 + _TEXT
_TRIES, _PAUSE = 200, 0.005
_FAMILIES = {family.name: family for family in FAMILIES}

Key = tuple[str, tuple[str, ...]]
"""A family's name and the values of its labels."""


class Counts(NamedTuple):
    """Numbers by series, and what each living worker says of itself."""

    series: dict[Key, list[float]]
    workers: list[Mapping[str, Any]]


class Numbers:
    """The numbers of one worker in `file`; without one, of this process alone. `about` is told by readers.

    `cells` are numbers; the first is the length of the text behind them, which names the others. Raises `OSError`.
    """

    def __init__(self, file: Path | None, about: Mapping[str, Any]) -> None:
        self.descriptor = -1
        self._memory = mmap.mmap(-1, _SIZE) if file is None else self._mapped(file)
        self.cells = memoryview(self._memory)[: CELLS * 8].cast("d")
        self._next = 1
        self._write(about)

    def _mapped(self, file: Path) -> mmap.mmap:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self.descriptor = os.open(file, flags, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        opened = os.open(
            file, flags
        )  # another, since the mapping keeps a copy of it, and would the lock
        try:
            # On a full disk this fails here, and not with a signal when a page is first written to.
            os.posix_fallocate(opened, 0, _SIZE)
            return mmap.mmap(opened, _SIZE)
        finally:
            os.close(opened)

    def add(self, key: Key, size: int) -> int | None:
        """Where the numbers of a new series begin; None where there is no room."""
        at = self._next
        if at + size > SPARE or not self._write([*key, at, size]):
            return None
        self._next = at + size
        return at

    def _write(self, line: object) -> bool:
        text = json.dumps(line).encode() + b"\n"
        begin = int(self.cells[0])
        if begin + len(text) > _TEXT:
            return False
        place = CELLS * 8 + begin
        self._memory[place : place + len(text)] = text
        self.cells[0] = begin + len(text)  # only now is it there for readers
        return True

    def read(self) -> Counts:
        """What is in it."""
        return _counts([self._memory[:]])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While nobody else changes anything. Waits without blocking the event loop. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_PAUSE)
        else:
            raise TimeoutError("locked by another process")
        yield
    finally:
        os.close(descriptor)


def read_folder(folder: Path) -> Counts:
    """The sum of all workers, those that are gone too. Raises `OSError`."""
    with alone(folder):
        past, folded = _past(folder)
        living, gone = [], []
        for file in sorted(folder.glob("*.map")):
            data, lives = _look(file)
            if lives:
                living.append(data)
            elif file.name not in folded:
                gone.append((file, data))
        _add(past, _counts((data for _, data in gone), gone=True).series)
        _fold(folder, past, [file.name for file, _ in gone], folded)
        counts = _counts(living)
        _add(counts.series, past)
        return counts


def _past(folder: Path) -> tuple[dict[Key, list[float]], list[str]]:
    """What those have counted that are gone, and the files of which that is the sum."""
    try:
        kept = json.loads((folder / "past.json").read_text("utf-8"))
        found = {(name, tuple(labels)): list(values) for name, labels, values in kept["series"]}
        return {key: v for key, v in found.items() if _is_known(key, v)}, list(kept["folded"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, []


def _fold(
    folder: Path, past: Mapping[Key, list[float]], gone: Sequence[str], folded: Sequence[str]
) -> None:
    """Keep the past, and remove the files that are in it. Ended in between, nothing is counted twice."""
    with suppress(OSError):  # a full disk: the files stay, and are added by each reader
        if gone:
            series = [[name, labels, values] for (name, labels), values in past.items()]
            write_json(folder / "past.json", {"series": series, "folded": gone})
        for name in {*gone, *folded}:
            (folder / name).unlink(missing_ok=True)


def write_json(file: Path, value: object) -> None:
    """Replace a file as a whole. Raises `OSError`."""
    new = file.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(value), "utf-8")
    new.replace(file)


def _look(file: Path) -> tuple[bytes, bool]:
    """A worker's file, and whether the worker lives."""
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return opened.read(), True
        return opened.read(), False


def _counts(files: Iterable[bytes], *, gone: bool = False) -> Counts:
    found = Counts({}, [])
    for data in files:
        if len(data) != _SIZE:  # of another version, or ended while it was made
            continue
        about: dict[str, Any] = {"streams": 0}
        found.workers.append(about)
        # After a power cut pages may be missing: what is whole before them counts.
        with suppress(ValueError, TypeError, OverflowError):
            _count(data, about, found.series, gone=gone)
    return found


def _count(
    data: bytes, about: dict[str, Any], series: dict[Key, list[float]], *, gone: bool
) -> None:
    cells = memoryview(data)[: CELLS * 8].cast("d")
    lines = data[CELLS * 8 : CELLS * 8 + int(cells[0])].splitlines()
    for line in lines[:1]:
        about |= json.loads(line)
    for line in lines[1:]:
        name, labels, at, size = json.loads(line)
        key, values = (name, tuple(labels)), list(cells[at : at + size])
        if _is_known(key, values) and not (gone and _FAMILIES[name].kind == GAUGE):
            _add(series, {key: values})
        if name == LIVE.name and not gone:
            about["streams"] = int(values[0])


def _is_known(key: Key, values: Sequence[float]) -> bool:
    """Whether a series is one of this version's: another may have had other labels and buckets. And numbers are numbers."""
    family = _FAMILIES.get(key[0])
    fits = family is not None and len(values) == family.size and len(key[1]) == len(family.labels)
    return fits and all(map(math.isfinite, values))


def _add(to: dict[Key, list[float]], more: Mapping[Key, list[float]]) -> None:
    for key, values in more.items():
        have = to.get(key)
        to[key] = values if have is None else [a + b for a, b in zip(have, values, strict=True)]

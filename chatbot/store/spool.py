"""What could not be saved waits in files until the database takes it.

One line of JSON per item, in a file of each process's own, readable by its owner alone. A file is locked while
its process appends; whoever finds one unlocked (its own, or one that a dead process left) may play it back.
A line that was torn by a crash is skipped.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from uuid import uuid4

from chatbot.core.logging import log
from chatbot.store.saved import Saved, as_dict, conversation_of, from_dict

_AT_ONCE = 200


class Spool:
    """The files in `folder`, which is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1
        self._unread: set[Path] = set()
        self._own: set[Path] = set()

    def append(self, items: list[Saved]) -> None:
        """Keep items. Raises `OSError` where that can't be."""
        if self._descriptor < 0:
            self._open()
        lines = "".join(json.dumps(as_dict(item)) + "\n" for item in items).encode()
        before = os.fstat(self._descriptor).st_size
        try:
            done = 0
            while done < len(lines):
                done += os.write(self._descriptor, lines[done:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Named by its time, since a later file may hold the end of what an earlier one begins.
        file = self._folder / f"{time.time_ns():020}-{uuid4().hex[:8]}.jsonl"
        draft = file.with_suffix(".new")  # which nobody plays back before it is locked
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(draft, flags, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        draft.rename(file)
        self._own.add(file)

    def files(self) -> list[Path]:
        """What waits, oldest first."""
        with suppress(OSError):
            return sorted(self._folder.glob("*.jsonl"))
        return []

    def has_others(self) -> bool:
        """Whether something waits that another process has put there, as far as it can be read."""
        return any(file not in self._own | self._unread for file in self.files())

    def play_back(self, write: Callable[[list[Saved]], None]) -> int:
        """Hand what waits to `write`, and remove it once that has returned; how many items it were.

        An error of `write` comes through, and what it was about is kept.
        """
        self._release()
        return sum(self._play(file, write) for file in self.files())

    def _release(self) -> None:
        """End this process's own file: the next append begins another."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _play(self, file: Path, write: Callable[[list[Saved]], None]) -> int:
        try:
            with file.open("rb") as lines:
                fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
                count = 0
                while some := list(islice(lines, _AT_ONCE)):
                    items = [item for line in some if (item := _read(line)) is not None]
                    write(items)
                    count += len(items)
                    time.sleep(0)  # others have their turn
                file.unlink(missing_ok=True)
                self._own.discard(file)
                return count
        except (FileNotFoundError, BlockingIOError):
            return 0  # somebody else's, or done by somebody else
        except OSError as error:  # of this file, which keeps no other back
            if file not in self._unread:
                self._unread.add(file)
                log("spool_unread", level=logging.ERROR, reason=type(error).__name__)
            return 0


def _read(line: bytes) -> Saved | None:
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        item = from_dict(json.loads(line))
        conversation_of(item)
        return item
    return None

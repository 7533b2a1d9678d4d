"""The one who saves: beside the streams, many items in one transaction, and never in anybody's way.

Whoever has something to save puts it down and goes on. The items of some milliseconds are written together; a
database that is away is asked again each second, and meanwhile everything goes to the spool. Answers under
way are looked at each second, and saved where they have grown: a process that is killed loses the last of an
answer at the most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection

from chatbot.core.background import Background
from chatbot.core.logging import log
from chatbot.core.waiting import now
from chatbot.store.database import LIMIT_SECONDS, Database, StoreAway
from chatbot.store.saved import Saved, conversation_of, gather
from chatbot.store.spool import Spool

LINGER_SECONDS = 0.04
"""What comes within it is written together."""
BUSY_LINGER_SECONDS, BUSY_ITEMS = 0.1, 50
"""Where so many came last time, it is longer: a transaction costs as much as what some forty turns have to save."""
LOOK_SECONDS = 1.0
"""Between two looks at the answers under way, and at a database that is away."""
_AT_ONCE = 500
_BREATH = 100
"""Answers that are looked at before others have their turn."""
WRITE_LIMIT_SECONDS = 10.0

Progress = Callable[[], Saved | None]
"""What an answer under way has to save by now; None where that is nothing."""


class Writer:
    """Saves to `database`, or else to `spool`. `lost` counts what neither of them took."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self.lost = 0
        self._database = database
        self._spool = spool
        self._waiting: list[Saved] = []
        self._saving: list[Saved] = []
        self._spooled: set[str] = set()
        self._growing: dict[str, Progress] = {}
        self._turn_lock = threading.Lock()
        self._wake = threading.Event()
        self._away_until = 0.0
        self._looked = 0.0
        self._came = 0
        self._background = Background(self._work)

    @property
    def is_away(self) -> bool:
        """Whether what is saved now goes to the spool."""
        return self._away_until > 0

    def start(self) -> None:
        """Begin to work beside the caller. Safe to call again, also after a fork."""
        self._background.start()

    def put(self, item: Saved) -> None:
        """Have this saved. Never blocks."""
        self._waiting.append(item)
        if not self._wake.is_set():
            self._wake.set()

    def follow(self, answer_id: str, progress: Progress) -> None:
        """Look at this answer while it grows, until `leave`."""
        self._growing[answer_id] = progress

    def leave(self, answer_id: str) -> None:
        """Look at it no longer. Safe to call twice."""
        self._growing.pop(answer_id, None)

    def settle(self, conversation_id: str) -> None:
        """Have everything of this conversation that was put down here saved before going on.

        Raises `StoreAway` where it waits in the spool, or may wait in another process's.
        """
        unsaved = [*self._waiting, *self._saving]  # in the order in which items move on
        if any(conversation_of(item) == conversation_id for item in unsaved):
            self.flush()
        if conversation_id in self._spooled or self._spool.has_others():
            self._with_turn(self._play_back)
            if conversation_id in self._spooled or self._spool.has_others():
                raise StoreAway("spooled")

    def flush(self) -> None:
        """Save all that was put down, now. Raises `StoreAway` where that does not come to its turn in time."""
        self._with_turn(self._save_all)

    def _save_all(self) -> None:
        """All that is there by now: with what comes meanwhile there would be no end, and many small batches."""
        left = self._came = len(self._waiting)
        while left > 0:
            left -= self._save_some()

    def _with_turn(self, work: Callable[[], None]) -> None:
        if not self._turn_lock.acquire(timeout=LIMIT_SECONDS):
            raise StoreAway("busy")
        try:
            work()
        finally:
            self._turn_lock.release()

    def close(self) -> None:
        """Save what there is, answers under way included, and work no longer."""
        self._background.stop()
        self._wake.set()
        self._look_at_growing(breathe=False)
        try:
            self.flush()
        except StoreAway:  # a write that hangs; done twice it does no harm
            self._keep([*self._saving, *self._waiting])

    def _work(self) -> None:
        """One turn of the work beside."""
        self._wake.wait(LOOK_SECONDS)
        if self._wake.is_set():
            time.sleep(BUSY_LINGER_SECONDS if self._came >= BUSY_ITEMS else LINGER_SECONDS)
            self._wake.clear()
        if now() - self._looked >= LOOK_SECONDS:
            self._looked = now()
            self._look_at_growing(breathe=True)
        self.flush()
        if self._away_until or (self._spool.files() and not self._waiting):
            with self._turn_lock:
                self._play_back()

    def _look_at_growing(self, *, breathe: bool) -> None:
        for number, (answer_id, progress) in enumerate(list(self._growing.items()), 1):
            try:
                item = progress()
            except Exception:  # of one answer, which takes no other along
                log("crash", level=logging.ERROR, exc_info=True)
                self.leave(answer_id)
                continue
            if item is not None:
                self.put(item)
            if breathe and number % _BREATH == 0:
                time.sleep(0)

    def _save_some(self) -> int:
        items = self._saving = self._waiting[:_AT_ONCE]
        del self._waiting[: len(items)]  # in place: another thread may be putting one down
        try:
            if not self._written(items):
                self._keep(items)
        finally:
            self._saving = []
        return len(items)

    def _written(self, items: list[Saved]) -> bool:
        if self._away_until:  # what is spooled comes first: an end must not overtake its begin
            return False
        try:
            self._write(items)
        except StoreAway as away:
            self._is_away(str(away))
            return False
        return True

    def _write(self, items: list[Saved]) -> None:
        """Write these together; where the database refuses one of them, each by itself."""
        try:
            self._run(items)
        except StoreAway:
            raise
        except Exception as error:
            if len(items) == 1:
                self._is_lost(items, error)
                return
            log(
                "batch_refused",
                level=logging.WARNING,
                items=len(items),
                reason=type(error).__name__,
            )
            for item in items:
                self._write([item])

    def _run(self, items: list[Saved]) -> None:
        self._database.run(gather(items).write, write=True, limit=WRITE_LIMIT_SECONDS)

    def _is_lost(self, items: list[Saved], error: Exception) -> None:
        self.lost += len(items)
        log("not_saved", level=logging.ERROR, items=len(items), reason=type(error).__name__)

    def _is_away(self, reason: str) -> None:
        if not self._away_until:
            log("database_away", level=logging.WARNING, reason=reason)
        self._away_until = now() + LOOK_SECONDS

    def _keep(self, items: list[Saved]) -> None:
        try:
            self._spool.append(items)
        except OSError as error:
            self._is_lost(items, error)
            return
        self._spooled |= {conversation_of(item) for item in items}

    def _play_back(self) -> None:
        """Save what was spooled, if the database takes it again."""
        if now() < self._away_until:
            return
        try:
            if self._away_until:
                self._database.run(_is_there, limit=LOOK_SECONDS)
            count = self._spool.play_back(self._write)
        except StoreAway as away:
            self._is_away(str(away))
            return
        if self._away_until or count:
            log("database_back", saved=count)
        self._away_until = 0.0
        self._spooled.clear()


def _is_there(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")

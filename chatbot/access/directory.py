"""All bots and keys, in memory, and up to date within seconds: no request asks the database who it is from.

Every two seconds each worker looks at one number. Where it has changed, bots and keys are read anew, and the
streams of keys that have ended are told so. While the database is away what is known goes on being known;
what was revoked meanwhile is also in the state that workers share, which is looked at as often.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chatbot.access.keys import KeyRing
from chatbot.core.api_key import PUBLISHABLE, ApiKey
from chatbot.core.background import Background
from chatbot.core.bot import Bot
from chatbot.core.errors import ChatbotError, ServiceStopped, StorageUnavailable
from chatbot.core.logging import log
from chatbot.core.origin import matches
from chatbot.core.shared_state import Record, SharedState, StateAway
from chatbot.store.database import StoreAway
from chatbot.store.directory import Contents, DirectoryStore

LOOK_SECONDS = 2.0
ALL = "all"
"""What is stopped where everything is."""
_REVOKED = "revoked-keys"
_KEPT_SECONDS = 7 * 86400.0


@dataclass(frozen=True)
class _Known:
    """What is known at one moment."""

    number: int = -1
    revoked: frozenset[str] = frozenset()
    ring: KeyRing = field(default_factory=lambda: KeyRing(()))
    keys: tuple[ApiKey, ...] = ()
    bots: dict[str, Bot] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    by_id: dict[str, ApiKey] = field(default_factory=dict)
    stops: dict[str, str] = field(default_factory=dict)


class Directory:
    """Bots and keys. `fixed` are keys that no store holds. `prepare` is called until it succeeds once, before
    the store is first read; `on_ended` is told the ids of keys that have ended, `on_stopped` those of
    keys that an operator has stopped, and with what they end."""

    def __init__(
        self,
        store: DirectoryStore,
        state: SharedState,
        fixed: tuple[ApiKey, ...],
        *,
        prepare: Callable[[], None],
        on_ended: Callable[[set[str]], None],
        on_stopped: Callable[[set[str], ChatbotError], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._state = state
        self._fixed = fixed
        self._prepare = prepare
        self._on_ended = on_ended
        self._on_stopped = on_stopped
        self._known = _Known(ring=KeyRing(fixed), keys=fixed, by_id={k.id: k for k in fixed})
        self.is_away = False
        """Whether the last look at the database was in vain: what is known is from before."""
        self._alive: set[str] = set()
        self._stopped: set[str] = set()
        self._background = Background(self.look, lambda: LOOK_SECONDS)

    def start(self) -> None:
        """Go on looking, beside the caller. Safe to call again."""
        self._background.start()

    def close(self) -> None:
        """Look no longer."""
        self._background.stop()

    def identify(self, text: str) -> ApiKey | None:
        """The living key of this text, or None.

        Raises `StorageUnavailable` where it is unknown and the database has not been read yet.
        """
        found = self._known.ring.identify(text)
        if found is None and self._known.number < 0:
            raise StorageUnavailable()
        return found

    def bot(self, bot_id: str) -> Bot | None:
        """The bot of this id."""
        return self._known.bots.get(bot_id)

    @property
    def bots(self) -> tuple[Bot, ...]:
        """All bots."""
        return tuple(self._known.bots.values())

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        """All keys, dead ones too."""
        return self._known.keys

    @property
    def stored_keys(self) -> tuple[ApiKey, ...]:
        """All keys but those of the settings."""
        return tuple(key for key in self._known.keys if key not in self._fixed)

    def origins_of(self, key: ApiKey) -> tuple[str, ...]:
        """Where a publishable key may be used: its own list, else its bot's."""
        return _origins(key, self._known.bots)

    def lists(self, origin: str) -> bool:
        """Whether any living publishable key may be used there."""
        return matches(origin, self._known.origins)

    def is_alive(self, key: ApiKey) -> bool:
        """Whether a key is accepted now, whatever it was when it was found."""
        known = self._known
        now = known.by_id.get(key.id)
        return (
            now is not None
            and now.alive(time.time())
            and now.digest not in known.revoked
            and _has_bot(now, known.bots)
        )

    def check_running(self, bot_id: str | None) -> None:
        """Raise `ServiceStopped` where an operator has stopped this bot, or everything."""
        stops = self._known.stops
        for what in (ALL, f"bot:{bot_id}") if stops else ():
            if what in stops:
                raise ServiceStopped(stops[what])

    def stopped_providers(self) -> Mapping[str, str]:
        """Providers that an operator has stopped, and the messages."""
        stops = self._known.stops
        marked = ((w.partition(":"), m) for w, m in stops.items()) if stops else ()
        return {name: message for (kind, _, name), message in marked if kind == "provider"}

    @property
    def stops(self) -> Mapping[str, str]:
        """All that is stopped, and the messages."""
        return self._known.stops

    def end_key(self, key: ApiKey) -> None:
        """Revoke a key, here and everywhere. Raises `StoreAway`."""
        revoke(self._store, self._state, key)
        self.look()

    def look(self) -> None:
        """Read what has changed. Where the database is away, what is known stays."""
        while not self._look_once():
            pass
        self._tell()

    def _look_once(self) -> bool:
        """Take what has changed; False where another look has taken something meanwhile, perhaps newer."""
        known, number, revoked = self._known, self._number(), self._revoked()
        is_new = number is not None and (number, revoked) != (known.number, known.revoked)
        found = self._contents() if is_new else None
        if found is not None:
            keys = (*self._fixed, *found.keys)
            new = _know(found.number, keys, found.bots, revoked, dict(found.stops))
        elif not revoked <= known.revoked:
            # What has ended stays so until the database is read again.
            bots = tuple(known.bots.values())
            new = _know(known.number, known.keys, bots, known.revoked | revoked, known.stops)
        else:
            return True
        if self._known is not known:
            return False
        self._known = new
        return True

    def _number(self) -> int | None:
        try:
            if self._known.number < 0:
                self._prepare()
            number = self._store.number()
        except StoreAway as away:
            self.is_away = True
            log("directory_unread", level=logging.WARNING, reason=str(away))
            return None
        self.is_away = False
        return number

    def _contents(self) -> Contents | None:
        try:
            return self._store.contents()
        except StoreAway as away:
            log("directory_unread", level=logging.WARNING, reason=str(away))
            return None

    def _tell(self) -> None:
        """Whoever streams by a key that has ended is told so; its pages are listed no longer."""
        known = self._known
        self._tell_of_stops(known)
        alive = {key.id for key in known.keys if self.is_alive(key)}
        ended, self._alive = self._alive - alive, alive
        if not ended:
            return
        bots = tuple(known.bots.values())
        new = _know(known.number, known.keys, bots, known.revoked, known.stops)
        if self._known is known:
            self._known = new
        self._on_ended(ended)

    def _tell_of_stops(self, known: _Known) -> None:
        new = known.stops.keys() - self._stopped
        self._stopped = set(known.stops)
        for what in sorted(new):
            ids = {k.id for k in known.keys if what in (ALL, f"bot:{k.bot_id}")}
            if ids:
                self._on_stopped(ids, ServiceStopped(known.stops[what]))

    def _revoked(self) -> frozenset[str]:
        try:
            record = self._state.read(_REVOKED)
        except StateAway:
            return self._known.revoked
        return frozenset(record or ())


def _know(
    number: int,
    keys: tuple[ApiKey, ...],
    bots: tuple[Bot, ...],
    revoked: frozenset[str],
    stops: dict[str, str],
) -> _Known:
    its_bots = {bot.id: bot for bot in bots}
    ours = tuple(k for k in keys if k.digest not in revoked and _has_bot(k, its_bots))
    living = [k for k in ours if k.kind == PUBLISHABLE and k.alive(time.time())]
    patterns = {origin for key in living for origin in _origins(key, its_bots)}
    by_id = {key.id: key for key in keys}
    return _Known(
        number, revoked, KeyRing(ours), keys, its_bots, tuple(sorted(patterns)), by_id, stops
    )


def _has_bot(key: ApiKey, bots: dict[str, Bot]) -> bool:
    return key.bot_id is None or key.bot_id in bots


def _origins(key: ApiKey, bots: dict[str, Bot]) -> tuple[str, ...]:
    bot = bots.get(key.bot_id or "")
    return key.origins or (bot.origins if bot else ())


def revoke(store: DirectoryStore, state: SharedState, key: ApiKey) -> None:
    """End a key in the store, and tell all workers that share the state, whether or not they reach the store.

    Raises `StoreAway`.
    """
    at = time.time()
    store.end_key(key.id, at=at)

    def add(record: Record | None) -> Record:
        recent = {d: t for d, t in (record or {}).items() if t > at - _KEPT_SECONDS}
        return {**recent, key.digest: at}

    with suppress(StateAway):  # who reaches the store knows by it
        state.change(_REVOKED, add, _KEPT_SECONDS)

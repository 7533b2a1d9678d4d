"""State of many machines, in Redis.

Redis is asked on the way of a request, so it gets 0.3 s to connect and as much to answer, twice that for all of it
with the name look-up, and no second try: where it is away, whoever uses this falls back (`shared/steady`). What was read is used for a moment, so that a healthy server
asks a few times a second and not for each request. A lease is a key with an owner and a life of some seconds, which its
process renews; with the process it ends by itself.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatbot.core.secret import Secret
from chatbot.core.shared_state import Change, Record, StateAway
from chatbot.core.waiting import now, spawn

LIMIT_SECONDS = 0.3
FRESH_SECONDS = 0.2
"""How long what was read is used."""
CONNECTIONS = 20
LEASE_SECONDS = 15.0
RENEW_SECONDS = 5.0
_TRIES = 100
_PREFIX = "chatbot:"
_RENEW = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return 0
"""
_GIVE_BACK = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class RedisState:
    """See `SharedState`. Connects when it is first used.

    Raises `ValueError` for an address or an option that can't be used.
    """

    name = "Redis"

    def __init__(self, url: Secret) -> None:
        self._redis: Any = redis.Redis(connection_pool=_pool(url))
        self._leases: dict[str, str] = {}
        self._read: dict[str, tuple[float, Record | None]] = {}
        self._stuck = 0
        self._lock = threading.Lock()
        self._renewing = False

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        at, record = self._read.get(key, (0.0, None))
        if now() - at > FRESH_SECONDS:
            record = _record(self._ask(lambda: self._redis.get(_PREFIX + key)))
            self._read[key] = (now(), record)
        return record

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`. Optimistic: tried again where somebody else was faster."""
        found: Record | None = self._ask(
            lambda: self._change(_PREFIX + key, change, int(keep * 1000))
        )
        self._read[key] = (now(), found)
        return found

    def _change(self, key: str, change: Change, keep_ms: int) -> Record | None:
        for _ in range(_TRIES):
            with self._redis.pipeline() as pipe, suppress(redis.WatchError):
                pipe.watch(key)
                record = change(_record(pipe.get(key)))
                pipe.multi()
                if record is None:
                    pipe.delete(key)
                else:
                    pipe.set(key, json.dumps(record), px=keep_ms)
                pipe.execute()
                return record
            time.sleep(random.uniform(0, 0.003))
        raise StateAway("changed by others all the time")

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """What `question` gets from the Redis client, within the limit. Raises `StateAway`."""
        return self._ask(lambda: question(self._redis))

    def script(self, text: str) -> Callable[..., Any]:
        """A script in Redis' own language, to be run within `ask`."""
        registered: Callable[..., Any] = self._redis.register_script(text)
        return registered

    def lease(self, key: str) -> Callable[[], None] | None:
        """See `SharedState.lease`. After its process it lasts `LEASE_SECONDS` at the most."""
        name, owner = f"{_PREFIX}lease:{key}", uuid4().hex
        life = int(LEASE_SECONDS * 1000)
        if not self._ask(lambda: self._redis.set(name, owner, nx=True, px=life)):
            return None
        with self._lock:
            self._leases[name] = owner
            start, self._renewing = not self._renewing, True
        if start:
            spawn(self._renew)
        return lambda: self._give_back(name, owner)

    def _give_back(self, name: str, owner: str) -> None:
        with self._lock:
            if self._leases.get(name) != owner:
                return
            del self._leases[name]
        with suppress(StateAway):  # it ends by itself then
            self._ask(lambda: self._redis.eval(_GIVE_BACK, 1, name, owner))

    def _renew(self) -> None:
        """Runs beside while there are leases."""
        while True:
            time.sleep(RENEW_SECONDS)
            with self._lock:
                if not self._leases:
                    self._renewing = False
                    return
                held = list(self._leases.items())
            with suppress(StateAway):
                self._ask(partial(self._renew_once, held))

    def _renew_once(self, held: list[tuple[str, str]]) -> None:
        for name, owner in held:
            self._redis.eval(_RENEW, 1, name, owner, int(LEASE_SECONDS * 1000))

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, within the limit whatever it is that takes long: a name look-up has none of its own.

        A question that is given up goes on beside; until it has ended no other is asked.
        """
        if self._stuck:
            raise StateAway("it has not answered yet")
        answered, answer = threading.Event(), _Answer()

        def ask() -> None:
            try:
                answer.value = question()
            except StateAway as away:
                answer.trouble = str(away)
            except (
                Exception
            ) as error:  # a driver's, a codec's, a resolver's: all mean that it is away
                answer.trouble = type(error).__name__
            answered.set()
            if answer.given_up:
                self._stuck -= 1

        spawn(ask)
        if not answered.wait(2 * LIMIT_SECONDS):
            answer.given_up = True
            self._stuck += 1
            raise StateAway("TimeoutError")
        if answer.trouble:
            raise StateAway(answer.trouble)
        return answer.value


class _Answer:
    """What came of one question."""

    value: Any = None
    trouble = ""
    given_up = False


def _pool(url: Secret) -> Any:
    # More callers than connections wait for one, within the limit, and are no sign of trouble.
    pool = redis.BlockingConnectionPool.from_url(
        url.reveal(), max_connections=CONNECTIONS, timeout=LIMIT_SECONDS, retry=Retry(NoBackoff(), 0), protocol=2
    )  # fmt: skip
    pool.connection_kwargs |= {
        "socket_timeout": LIMIT_SECONDS,
        "socket_connect_timeout": LIMIT_SECONDS,
    }
    try:
        pool.make_connection()  # type: ignore[no-untyped-call]  # connects to nobody: options that it does not know are refused here
        (pool.connection_kwargs.get("host") or "").encode("idna")
    except (TypeError, UnicodeError) as error:
        raise ValueError(type(error).__name__) from None
    return pool


def _record(text: bytes | None) -> Record | None:
    if text is None:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None

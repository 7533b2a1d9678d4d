"""State of many machines, in Redis.

Redis is asked on the way of a request, so it gets 0.3 s and no second try: where it is away, whoever uses
this falls back (`shared/steady`). A lease is a key with an owner and a life of some seconds, which its
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
from chatbot.core.waiting import spawn

LIMIT_SECONDS = 0.3
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
    """See `SharedState`. Connects when it is first used. Raises `ValueError` for an address it can't read."""

    name = "Redis"

    def __init__(self, url: Secret) -> None:
        self._redis: Any = redis.Redis.from_url(
            url.reveal(),
            socket_timeout=LIMIT_SECONDS,
            socket_connect_timeout=LIMIT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._leases: dict[str, str] = {}
        self._lock = threading.Lock()
        self._renewing = False

    def read(self, key: str) -> Record | None:
        """See `SharedState.read`."""
        return _record(self._ask(lambda: self._redis.get(_PREFIX + key)))

    def change(self, key: str, change: Change, keep: float) -> Record | None:
        """See `SharedState.change`. Optimistic: tried again where somebody else was faster."""
        found: Record | None = self._ask(
            lambda: self._change(_PREFIX + key, change, int(keep * 1000))
        )
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

        def give_back() -> None:
            if self._leases.pop(name, None) is not None:
                with suppress(StateAway):  # it ends by itself then
                    self._ask(lambda: self._redis.eval(_GIVE_BACK, 1, name, owner))

        return give_back

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
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            raise StateAway(type(error).__name__) from None


def _record(text: bytes | None) -> Record | None:
    if text is None:
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None

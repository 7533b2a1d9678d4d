"""Limits that many machines share, in Redis: see `core/meter`.

One script takes all of a request's at once, by Redis' own clock: one round trip, and nothing between the look and
the taking. Slots are counted per worker, and a worker that has not been heard of for some seconds has none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from secrets import token_hex
from typing import Any

from chatbot.core.background import Background
from chatbot.core.meter import Changes, Take, Taken
from chatbot.core.shared_state import StateAway
from chatbot.shared.redis import RedisState

ALIVE_SECONDS = 15.0
"""After its last word a worker's slots are free."""
RENEW_SECONDS = 5.0
_PREFIX = "chatbot:limit:"
_FIELDS = """
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local worker, prefix, once = ARGV[1], ARGV[2], ARGV[3]
local function field(i, n) return ARGV[3 + (i - 1) * 4 + n] end
local function number(i, n) return tonumber(field(i, n)) end
local function bounded(value, low, high) return math.max(low, math.min(high, value)) end
"""
_TAKE = (
    _FIELDS
    + """
redis.call('SET', prefix .. 'worker:' .. worker, 1, 'PX', ARGV[#ARGV])
local function live(key)
  local sum, found = 0, redis.call('HGETALL', key)
  for i = 1, #found, 2 do
    if redis.call('EXISTS', prefix .. 'worker:' .. found[i]) == 1 then sum = sum + tonumber(found[i + 1])
    else redis.call('HDEL', key, found[i]) end
  end
  return sum
end
local after, free, left, refused, wait = {}, {}, {}, 0, 0
for i, key in ipairs(KEYS) do
  local kind, cost, limit, period = field(i, 1), number(i, 2), number(i, 3), number(i, 4)
  local over = 0
  if kind == 'rate' then
    local begin = bounded(tonumber(redis.call('GET', key)) or 0, at, at + period)
    after[i] = begin + cost * period / limit
    over = after[i] - at - period
    if over <= 0.000001 then over = 0
    else redis.call('SET', key, string.format('%.6f', begin), 'PX', math.ceil(period * 1000) + 1000) end
    free[i] = (at + period - begin) * limit / period
  else
    local used = kind == 'live' and live(key) or tonumber(redis.call('GET', key)) or 0
    after[i] = used + cost
    free[i] = limit - used
    if after[i] > limit then over = kind == 'live' and 2 or math.max(1, period - at) end
  end
  if over > wait then refused, wait = i, over end
end
for i = 1, #KEYS do
  left[i] = string.format('%.6f', math.max(0, refused == 0 and free[i] - number(i, 2) or free[i]))
end
if refused == 0 then
  for i, key in ipairs(KEYS) do
    local kind, period = field(i, 1), number(i, 4)
    if kind == 'rate' then
      redis.call('SET', key, string.format('%.6f', after[i]), 'PX', math.ceil((after[i] - at) * 1000) + 1000)
    elseif kind == 'live' then
      redis.call('HINCRBY', key, worker, 1)
      redis.call('EXPIRE', key, 86400)
    else
      redis.call('SET', key, string.format('%.0f', after[i]))
      redis.call('EXPIREAT', key, math.floor(period) + 86400)
    end
  end
end
return {refused, string.format('%.6f', wait), left}
"""
)
_CHANGE = (
    _FIELDS
    + """
if once ~= '' and not redis.call('SET', prefix .. 'once:' .. once, 1, 'NX', 'PX', 600000) then return 0 end
for i, key in ipairs(KEYS) do
  local kind, delta, limit, period = field(i, 1), number(i, 2), number(i, 3), number(i, 4)
  if kind == 'rate' then
    local begin = bounded(tonumber(redis.call('GET', key)) or 0, at, at + period)
    local after = begin + delta * period / limit
    if after > at then
      redis.call('SET', key, string.format('%.6f', after), 'PX', math.ceil((after - at) * 1000) + 1000)
    else redis.call('DEL', key) end
  elseif kind == 'live' then
    if redis.call('HINCRBY', key, worker, string.format('%.0f', delta)) <= 0 then redis.call('HDEL', key, worker) end
  else
    local after = math.max(0, (tonumber(redis.call('GET', key)) or 0) + delta)
    redis.call('SET', key, string.format('%.0f', after))
    redis.call('EXPIREAT', key, math.floor(period) + 86400)
  end
end
return 0
"""
)


class RedisMeter:
    """Counts in Redis, asked as `state` asks it. Raises `StateAway` where that is away or slow."""

    name = "Redis"
    is_away = False

    def __init__(self, state: RedisState) -> None:
        self._state = state
        self._take, self._change = state.script(_TAKE), state.script(_CHANGE)
        self._process = 0
        self._worker = ""
        self._held = 0
        self._background = Background(self._renew, lambda: RENEW_SECONDS)

    def take(self, takes: Sequence[Take]) -> Taken:
        """See `Meter`."""
        arguments = self._arguments((t, t.cost) for t in takes)
        refused, wait, left = self._run(self._take, *arguments)
        if not refused:
            self._held += sum(t.kind == "live" for t in takes)
        number = int(refused) - 1 if refused else None
        return Taken(number, float(wait), tuple(float(rest) for rest in left), self)

    def change(self, changes: Changes, once: str = "") -> None:
        """See `Meter`."""
        changes = list(changes)
        self._run(self._change, *self._arguments(changes, once))
        self._held += sum(int(delta) for take, delta in changes if take.kind == "live")

    def used(self, take: Take) -> float:
        """See `Meter`."""
        return float(self._state.ask(lambda redis: redis.get(_name(take.key))) or 0)

    def at_least(self, take: Take, used: float) -> bool:
        """See `Meter`."""
        missing = used - self.used(take)
        if missing > 0:
            self.change([(take, missing)])
        return missing > 0

    def _arguments(self, changes: Changes, once: str = "") -> tuple[list[str], list[object]]:
        keys: list[str] = []
        arguments: list[object] = [self._me(), _PREFIX, once]
        for take, delta in changes:
            keys.append(_name(take.key))
            arguments += (take.kind, delta, take.limit, take.period)
        return keys, [*arguments, int(ALIVE_SECONDS * 1000)]

    def _run(self, script: Callable[..., Any], keys: list[str], arguments: list[object]) -> Any:
        return self._state.ask(lambda _: script(keys=keys, args=arguments))

    def _me(self) -> str:
        """This worker's name. Whoever has a slot is heard of, however long its answer is."""
        if self._process != os.getpid():
            self._process, self._worker, self._held = os.getpid(), token_hex(8), 0
            self._background.start()
        return self._worker

    def _renew(self) -> None:
        if self._held <= 0:
            return
        name, life = f"{_PREFIX}worker:{self._worker}", int(ALIVE_SECONDS * 1000)
        with suppress(StateAway):
            self._state.ask(lambda redis: redis.set(name, 1, px=life))


def _name(key: str) -> str:
    """A key's name in Redis. It tells no address and no session."""
    return _PREFIX + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

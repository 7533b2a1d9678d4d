"""Operators' logins that have ended before their time: noted in what workers share, until they would have ended."""

from __future__ import annotations

import time
from contextlib import suppress

from chatbot.access.sessions import Token
from chatbot.core.shared_state import Record, SharedState, StateAway

_ENDED = "ended-logins"
LOGIN_SECONDS = 8 * 3600


class Logins:
    """Which logins were ended."""

    def __init__(self, state: SharedState) -> None:
        self._state = state

    def end(self, login: Token) -> None:
        """Accept this login no longer. Where the state can't be written its cookie is gone all the same."""

        def add(record: Record | None) -> Record:
            now = time.time()
            recent = {i: until for i, until in (record or {}).items() if until > now}
            return {**recent, login.id: login.expires_at}

        with suppress(StateAway):
            self._state.change(_ENDED, add, LOGIN_SECONDS)

    def has_ended(self, login: Token) -> bool:
        """Whether it was ended."""
        with suppress(StateAway):
            return login.id in (self._state.read(_ENDED) or {})
        return False

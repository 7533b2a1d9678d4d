"""The mock as a provider like the others: plays a script inside this process, faults and all."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from chatbot.core.errors import UpstreamUnreachable
from chatbot.core.provider_config import Timeouts
from chatbot.core.waiting import now
from chatbot.upstream.mock_api import script_for
from chatbot.upstream.mock_script import Script, Step
from chatbot.upstream.provider import Aborted, BodyCut, Exchange, Head


class MockProvider:
    """Answers without a network; see `Provider`."""

    name = "mock"
    retries = 0

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts or Timeouts()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeouts: Timeouts | None = None,
    ) -> Exchange:
        """Start a request; see `Provider.ask`."""
        return MockExchange(script_for(method, path, body or b""))


class MockExchange:
    """A script being played by the clock; see `Exchange`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._steps: Iterator[Step] = iter(script.steps)
        self._step: Step | None = None
        self._clock = self.sent_at = now()
        self._stopped = threading.Event()

    def head(self, until: float) -> Head | None:
        """See `Exchange.head`."""
        delay = self._script.head_delay
        if not self._reached(self._clock + (1e9 if delay is None else delay), until):
            return None
        self._clock += delay or 0.0
        self._script.head_delay = 0.0
        if self._script.head_reset:
            raise UpstreamUnreachable(
                "The provider can't be reached at the moment.", may_recover=True
            )
        headers = {name.lower(): value for name, value in self._script.headers.items()}
        return Head(self._script.status, headers)

    def read(self, until: float) -> bytes | None:
        """See `Exchange.read`."""
        if self._step is None:
            self._step = next(self._steps, None)
        if self._step is None:
            return self._end(until)
        delay, data = self._step
        if not self._reached(self._clock + delay, until):
            return None
        self._clock += delay
        self._step = None
        return data or self.read(until)

    def _end(self, until: float) -> bytes | None:
        script = self._script
        if script.end == "open":
            self._reached(until + 1, until)
            return None
        if script.end in ("reset", "cut") or script.framing == "long":
            raise BodyCut(script.end)
        return b""

    def _reached(self, due: float, until: float) -> bool:
        """Wait for `due`, at most until `until`; whether it was reached. Raises `Aborted`."""
        seconds = min(due, until) - now()
        if seconds > 0:
            self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise Aborted
        return due <= now()

    def abort(self) -> None:
        """See `Exchange.abort`."""
        self._stopped.set()

    def close(self, *, finished: bool = False) -> None:
        """See `Exchange.close`."""
        self._stopped.set()

"""Name look-ups that nobody else has to wait for.

A look-up is a blocking call of the system's, so gevent gives it a thread, of ten: ten look-ups that a dead
name server does not answer, and no provider can be connected to any more. So a name is asked for by
one look-up at a time, whoever waits for it waits for so long as a connection may take, and what was found
is used for a while. Addresses need no look-up at all.
"""

from __future__ import annotations

import ipaddress
import socket
import threading

from chatbot.core.waiting import now, spawn

KEEP_SECONDS = 30.0
"""How long an answer is used. A provider that moves is found again after that, or a failed connection."""


class _LookUp:
    """One question to the system."""

    def __init__(self, host: str) -> None:
        self.answered = threading.Event()
        self.addresses: list[str] = []
        self.error: OSError | None = None
        self.at = 0.0
        self._host = host

    def run(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
            self.addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        except (OSError, UnicodeError) as error:
            self.error = error if isinstance(error, OSError) else socket.gaierror(str(error))
        self.at = now()
        self.answered.set()

    @property
    def is_good(self) -> bool:
        """Under way, or answered and not too long ago."""
        fresh = self.error is None and now() - self.at < KEEP_SECONDS
        return fresh or not self.answered.is_set()


class Names:
    """Addresses by name; as many names as providers are configured."""

    def __init__(self) -> None:
        self._look_ups: dict[str, _LookUp] = {}

    def addresses(self, host: str, seconds: float) -> list[str]:
        """The addresses of `host`, at least one.

        Raises `TimeoutError` after `seconds`, `OSError` where the name has none.
        """
        if _is_address(host):
            return [host]
        look_up = self._look_ups.get(host)
        if look_up is None or not look_up.is_good:
            look_up = self._look_ups[host] = _LookUp(host)
            spawn(look_up.run)
        if not look_up.answered.wait(seconds):
            raise TimeoutError("the name was not found in time")
        if look_up.error is not None:
            raise look_up.error
        return look_up.addresses

    def forget(self, host: str) -> None:
        """Ask anew next time: none of the addresses answered."""
        look_up = self._look_ups.get(host)
        if look_up is not None and look_up.answered.is_set():
            del self._look_ups[host]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True

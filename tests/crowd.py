"""A steady crowd: streams and plain calls, on new connections and on kept ones, and what became of each.

It runs from before to after a deploy, and sees what visitors would see.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.server import KEY, Client, wait_for

ANSWER = {"first_token": 0, "pace": 0.05, "tokens": 15}
TOLD = "server_restarting"
WHOLE = "whole"
PATIENCE = 60.0
"""Seconds that a member waits for a word."""


@dataclass
class Member:
    """Asks again and again. `kept`: on one connection, as long as the server keeps it."""

    port: int
    stream: bool
    kept: bool
    host: str = "127.0.0.1"
    key: str = KEY
    ends: list[str] = field(default_factory=list)
    client: Client | None = None

    def ask(self) -> str:
        """One question, and how it ended: `whole`, an error's code, a status, or what broke."""
        try:
            self.client = self.client or Client(self.port, self.host, PATIENCE)
            reply = self.client.chat(self.key, stream=self.stream, mock=ANSWER)
        except Exception as error:  # whatever it is, it is how the question ended
            self.leave()
            return type(error).__name__
        if not self.kept or not reply.clean or reply.headers.get("connection") == "close":
            self.leave()
        return how_it_ended(reply, stream=self.stream)

    def leave(self) -> None:
        """End the connection, where there is one."""
        client, self.client = self.client, None
        if client is not None:
            client.sock.close()


def how_it_ended(reply, *, stream: bool) -> str:
    if reply.status != 200:
        return f"{reply.status} {code_of(reply.body)}"
    if not reply.clean:
        return "cut"
    if not stream:
        return WHOLE if reply.json["choices"][0]["message"]["content"] else "empty"
    last = reply.events[-1] if reply.events else ""
    return WHOLE if last == "[DONE]" else code_of(last) or "no end"


def code_of(body: bytes | str) -> str:
    """The code of an error's body or event; empty where it is none."""
    import json

    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


class Crowd:
    """Members side by side, as a context: they begin with it, and end with it."""

    def __init__(
        self, port: int, streams: int = 6, plain: int = 3, host: str = "127.0.0.1", key: str = KEY
    ) -> None:
        kinds = [(True, n % 2 == 1) for n in range(streams)]
        kinds += [(False, n % 2 == 1) for n in range(plain)]
        self.members = [Member(port, stream, kept, host, key) for stream, kept in kinds]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(m,)) for m in self.members]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        try:
            self.each_asked()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        for member in self.members:
            member.leave()

    def _go_on(self, member: Member) -> None:
        while not self._over.is_set():
            member.ends.append(member.ask())
            if member.ends[-1] != WHOLE:
                self._over.wait(0.05)  # who is refused asks again, and not at once

    def each_asked(self, times: int = 1, seconds: float = 60) -> None:
        """Wait until every member has had `times` more answers."""
        wanted = [len(m.ends) + times for m in self.members]

        def late() -> list[Member]:
            return [m for m, n in zip(self.members, wanted, strict=True) if len(m.ends) < n]

        try:
            wait_for(lambda: not late(), seconds)
        except AssertionError:
            raise AssertionError(f"without {times} answers in {seconds} s: {late()}") from None

    def is_well(self) -> bool:
        """Whether the last answer of every member was whole."""
        return all(m.ends[-1] == WHOLE for m in self.members)

    @property
    def ends(self) -> Counter[str]:
        """How the questions ended, and how often."""
        return Counter(end for member in self.members for end in member.ends)

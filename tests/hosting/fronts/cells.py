"""Which fronts and servers are tried, and what each can do in other words than the rest.

A cell is one front before one server, both started with the files of `deploy/`. What it is expected to say of a check
is here; a cell that says something else fails, also where it says something better: then the table is out of date.
"""

from __future__ import annotations

from dataclasses import dataclass

CHECKS = {
    "live": "words arrive as they are sent",
    "silence": "70 s of silence",
    "departure": "who leaves is noticed",
    "large": "question of 1 MB",
    "too_large": "question of 100 MB",
    "gzip": "gzip",
    "doctor": "the doctor finds",
    "many": "200 answers at once",
    "http1": "HTTP/1.1",
    "http2": "HTTP/2",
    "killed": "a killed worker",
}
"""Each check, and its column's head. They run in this order; the last one ends the worker."""
USUAL = {
    "live": "live",
    "silence": "survives",
    "departure": "at once",
    "large": "passes",
    "too_large": "413",
    "gzip": "files only",
    "doctor": "nothing",
    "many": "all whole",
    "http1": "kept alive",
    "http2": "live",
    "killed": "seen",
}
_PLAIN = {"http2": "a front's to do"}
"""Nothing here speaks TLS before itself."""
_HELD = {"doctor": "`worker-class`"}
"""Each answer holds a thread, which is so."""
_UWSGI = {"http1": "a connection each"}
NO_END = "the end is missing"
"""The transfer looks whole, and `[DONE]` is not there, which the widget and every SDK take for a broken answer."""
SEEN_BY_1, SEEN_BY_2 = "seen by HTTP/1.1", "seen by HTTP/2"
"""By the other one, the end is missing."""
APACHE_WAITS = "at the next word or heartbeat"


@dataclass(frozen=True)
class Cell:
    """A front (`none`: the visitor's connection is the server's) and a server; `told` is what differs from `USUAL`."""

    front: str
    server: str
    told: tuple[tuple[str, str], ...] = ()

    def expects(self, check: str) -> str:
        """What this cell says of a check."""
        return dict(self.told).get(check, USUAL[check])

    @property
    def is_tls(self) -> bool:
        """Whether it is asked by https."""
        return self.front != "none"

    def __str__(self) -> str:
        return f"{self.front}-{self.server}"


def _cell(front: str, server: str, **told: str) -> Cell:
    return Cell(front, server, tuple(told.items()))


CELLS = (
    _cell("none", "gevent", **_PLAIN),
    _cell("none", "threads", **_PLAIN, **_HELD),
    _cell("none", "uwsgi", **{**_PLAIN, **_UWSGI}),
    _cell("nginx", "gevent"),
    _cell("nginx", "threads", **_HELD),
    _cell("nginx", "uwsgi"),
    _cell("apache", "gevent", departure=APACHE_WAITS),
    _cell("caddy", "gevent", killed=NO_END),
    _cell("haproxy", "gevent", killed=SEEN_BY_1),
    _cell("apache", "mod_wsgi", departure=APACHE_WAITS, killed=NO_END, **_HELD),
)
NAMES = {
    "none": "none", "nginx": "nginx", "apache": "Apache", "caddy": "Caddy", "haproxy": "HAProxy",
    "gevent": "gunicorn, gevent", "threads": "gunicorn, threads", "uwsgi": "uWSGI, gevent", "mod_wsgi": "mod_wsgi",
}  # fmt: skip


def table(said: dict[tuple[Cell, str], str]) -> str:
    """What the cells said, in Markdown."""
    rows = ["| front | server | " + " | ".join(CHECKS.values()) + " |", "| --- " * (2 + len(CHECKS)) + "|"]  # fmt: skip
    for cell in CELLS:
        words = [said.get((cell, check), "not run") for check in CHECKS]
        rows.append(f"| {NAMES[cell.front]} | {NAMES[cell.server]} | " + " | ".join(words) + " |")
    return "\n".join(rows) + "\n"

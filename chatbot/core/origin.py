"""Origins, as browsers send them, and the patterns that an owner lists: exact, and nothing by accident.

Scheme, host and port must all be the same. A leading `*.` stands for any sub-domain where it is written, and
a port `*` for any port of this machine's own names, for developing. There is no other pattern: prefix and
suffix matches are how other products were opened.

Source: https://html.spec.whatwg.org/multipage/browsers.html#origin, RFC 6454
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PATTERN = re.compile(
    rf"(https?)://((?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::([0-9]{{1,5}}|\*))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def check_pattern(value: object) -> str:
    """A pattern for the list of origins, as it is compared. Raises `ValueError`."""
    if not isinstance(value, str):
        raise ValueError("expected origins such as https://shop.example")
    found = _PATTERN.fullmatch(value.strip().lower().removesuffix("/")) if value.isascii() else None
    try:
        scheme, host, port = found.groups() if found else ("", "", "")
        host = _as_sent(host, port)
    except ValueError:
        raise ValueError(
            f"{value!r} is no origin: expected scheme and host, such as https://shop.example, "
            "https://*.shop.example or http://localhost:*"
        ) from None
    if port == "*" and host not in _LOOPBACK:
        raise ValueError(f"{value!r}: any port is for localhost only")
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    return f"{scheme}://{host}" + (f":{port}" if port else "")


def _as_sent(host: str, port: str | None) -> str:
    """The host as browsers write it. Raises `ValueError` where none would ever send this host and port."""
    if not host or (port and port != "*" and (port[0] == "0" or int(port) > 65535)):
        raise ValueError
    if host.startswith("*.") and "." not in host[2:] and host[2:] != "localhost":
        raise ValueError  # all of a top-level domain is nobody's
    return f"[{IPv6Address(host[1:-1])}]" if host[0] == "[" else host


@lru_cache(maxsize=1024)
def matches(origin: str, patterns: tuple[str, ...]) -> bool:
    """Whether an `Origin` header, as it was sent, fits one of the patterns."""
    return any(_fits(origin, pattern) for pattern in patterns)


def _fits(origin: str, pattern: str) -> bool:
    if pattern.endswith(":*"):
        host, _, port = origin.rpartition(":")
        bare = pattern.removesuffix(":*")
        return origin == bare or (host == bare and re.fullmatch("[0-9]{1,5}", port) is not None)
    scheme, mark, suffix = pattern.partition("*.")
    if not mark:
        return origin == pattern
    found = _PATTERN.fullmatch(origin)
    return (
        found is not None
        and origin.startswith(scheme)
        and origin.endswith("." + suffix)
        and "*" not in origin
    )

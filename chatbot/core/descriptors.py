"""How many files and sockets this process may have open, and how many answers that is enough for.

A worker that runs out of descriptors accepts nothing and logs nothing; one that knows its limit refuses
the next question with a 503, and those under way never notice.
"""

from __future__ import annotations

import resource

_ENOUGH = 65536
_OWN = 100
"""Descriptors that are no stream's: listeners, files, health checks, idle callers."""
_POOLED = 1024
"""Idle connections that a provider's pool may hold besides."""


def raise_limit() -> None:
    """Use what the system allows: the soft limit is often 1024, which is 300 answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def room_for_streams() -> int:
    """Answers that may be under way at once, at least 1."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = _ENOUGH
    left = soft - _OWN
    # The caller's socket, the provider's, and where there are few, an idle one in the pool for each.
    return max(1, left // 3, (left - _POOLED) // 2)


def descriptors_for(streams: int) -> int:
    """The limit at which a worker has room for so many answers: see `room_for_streams`."""
    return _OWN + min(3 * streams, 2 * streams + _POOLED)

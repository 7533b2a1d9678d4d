"""A clock that stands still while the machine has no core free for this process: what is late by it is late by itself."""

from __future__ import annotations

import time
from pathlib import Path

_KNOWN = Path("/proc/self/schedstat")
"""Its second number: nanoseconds for which the first thread was ready to run and had to wait. Absent from some kernels."""


def awake() -> float:
    """Seconds, as `time.monotonic` counts them."""
    waited = int(_KNOWN.read_text().split()[1]) if _KNOWN.exists() else 0
    return time.monotonic() - waited / 1e9

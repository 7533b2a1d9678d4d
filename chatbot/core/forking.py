"""A fork in which no signal is lost.

What reaches a child before it has its own handlers is put to where its parent would look, and nobody does; in the first instants the
interpreter even throws it away. So the parent holds such signals up before it forks, and the child takes them when it can: the kernel
keeps them until then.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

_masks: list[set[signal.Signals | int]] = []
"""What this thread held up before; empty where it holds nothing."""


def hold_signals(numbers: Iterable[signal.Signals]) -> None:
    """From now on these wait: here until the next fork is over, in its child until `let_signals_come`."""
    _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, numbers))


def let_signals_come() -> None:
    """What has waited comes now, and nothing waits any more. Safe to call twice."""
    if _masks:
        signal.pthread_sigmask(signal.SIG_SETMASK, _masks[0])
        _masks.clear()


os.register_at_fork(after_in_parent=let_signals_come)

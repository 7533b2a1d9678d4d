"""Whether this machine is being taken out of traffic: a file in the data directory, seen by every worker.

A balancer has to hear it before the listener goes: gunicorn stops listening within a second of SIGTERM. So
an operator drains first (`/readyz` says 503 while everything still answers), waits for the balancer, and
stops the server then.
"""

from __future__ import annotations

from pathlib import Path


class Drain:
    """The switch. Reading it is one look into the file system."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "draining"

    @property
    def active(self) -> bool:
        """Whether new traffic should go elsewhere."""
        return self._file.exists()

    def begin(self) -> None:
        """Ask for no more traffic. Raises `OSError`."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch()

    def end(self) -> None:
        """Take traffic again. Raises `OSError`."""
        self._file.unlink(missing_ok=True)

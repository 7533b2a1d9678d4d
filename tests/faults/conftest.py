"""The server and the provider of the relay's tests."""

from __future__ import annotations

from tests.relay.conftest import client, server, upstream

__all__ = ["client", "server", "upstream"]

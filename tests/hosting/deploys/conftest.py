"""What changes a running server, under load: outside of the ordinary runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.relay.conftest import upstream

__all__ = ["upstream"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.hosting)

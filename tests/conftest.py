"""No test touches the developer's settings or files: folders and environment are its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatbot.core.settings import Settings, load_settings
from chatbot.core.settings_table import TABLE
from tests.databases import (
    database,
    database_url,
    open_database,
    postgresql_server,
    running_postgresql,
)

__all__ = ["database", "database_url", "open_database", "postgresql_server", "running_postgresql"]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    for setting in TABLE:
        monkeypatch.delenv(setting.name, raising=False)
    for name in [n for n in os.environ if n.startswith("CHATBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_settings(tmp_path):
    """Settings as from an environment of only these variables."""

    def make(**environ: str) -> Settings:
        return load_settings(
            {"CHATBOT_DATA_DIR": str(tmp_path / "data"), **environ}, Path("absent.env")
        )

    return make

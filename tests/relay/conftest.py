"""A server in front of a scripted provider, shared by the tests of one module."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatbot.upstream.mock_script import Script, write_script
from chatbot.upstream.mock_server import MockServer
from tests.server import Client, Server, running


@pytest.fixture(scope="module")
def upstream():
    server = MockServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(upstream, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with running(
        folder, OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-upstream00"
    ) as found:
        yield found


@pytest.fixture
def client(server):
    with Client(server.port) as found:
        yield found


@contextmanager
def queued(
    folder: Path, timeouts: str, **options: float
) -> Iterator[tuple[Server, list[Script], MockServer]]:
    """A server before one provider that plays the scripts in its queue, then good answers."""
    scripts: list[Script] = []

    def next_script(_method, _path, body):
        return scripts.pop(0) if scripts else write_script(json.loads(body))

    upstream = MockServer(scripts=next_script).start()
    config = folder / "c.toml"
    config.write_text(
        f"""[[provider]]\nname = "odd"\nbase_url = "{upstream.base_url}"\ntimeouts = {{ {timeouts} }}\n"""
    )
    with running(folder, CHATBOT_CONFIG=str(config), **options) as server:
        yield server, scripts, upstream
    upstream.stop()

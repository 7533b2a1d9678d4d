"""A server in front of a scripted provider, shared by the tests of one module."""

from __future__ import annotations

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.server import Client, running


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

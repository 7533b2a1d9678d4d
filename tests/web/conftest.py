"""An application with a provider that can be looked at, and bots on it."""

from __future__ import annotations

import json

import pytest

from chatbot.app import create_app
from chatbot.upstream.mock_server import MockServer
from tests.visitor import Visitor, add_bot

KEY = "sk_test_0123456789abcdef"


@pytest.fixture
def provider():
    server = MockServer().start()
    yield server
    server.stop()


@pytest.fixture
def site(make_settings, provider, database_url):
    """The application, on each database."""
    app = create_app(
        make_settings(
            CHATBOT_API_KEYS=KEY, OPENAI_BASE_URL=provider.base_url,
            **({"CHATBOT_DATABASE_URL": database_url} if database_url else {}),
        )
    )  # fmt: skip
    yield app
    services = app.extensions["chatbot"]
    services.close()
    while connection := services.router.default._pool.take():
        connection.close()


@pytest.fixture
def shop(site):
    """A bot's publishable key."""
    return add_bot(site, "shop", prompt="You sell tea.", max_tokens=100)


@pytest.fixture
def visitor(site, shop):
    return Visitor(site.test_client(), shop)


def asked(provider) -> dict:
    """What the provider was asked last."""
    return json.loads(provider.log[-1]["body"])

"""Everything that is built once from the settings: the only place that chooses backends."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.access.keys import KeyRing, first_key
from chatbot.chat.answer import ChatService
from chatbot.core.logging import hide
from chatbot.core.settings import Settings
from chatbot.relay.running import Running
from chatbot.shared.drain import Drain
from chatbot.upstream.mock import MockProvider
from chatbot.upstream.openai_http import HTTPProvider
from chatbot.upstream.provider import Provider
from chatbot.upstream.route import Router


@dataclass(frozen=True)
class Services:
    """What the web and the library use."""

    settings: Settings
    keys: KeyRing
    router: Router
    chat: ChatService
    running: Running
    drain: Drain


def build_router(settings: Settings) -> Router:
    """The providers of the settings; the mock where there is none."""
    for config in settings.providers:
        hide(config.api_key)
    providers: list[Provider] = [HTTPProvider(config) for config in settings.providers]
    if settings.uses_mock:
        return Router([MockProvider()], (), settings.model or "mock")
    return Router(providers, settings.routes, settings.model)


def build_services(settings: Settings) -> Services:
    """Build all services. Raises `SettingsError`."""
    keys = settings.api_keys or (first_key(settings.data_dir)[0],)
    for key in keys:
        hide(key)
    router = build_router(settings)
    return Services(
        settings,
        KeyRing(keys),
        router,
        ChatService(router),
        Running(settings.max_streams),
        Drain(settings.data_dir),
    )

"""Everything that is built once from the settings: the only place that chooses backends."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.access.keys import KeyRing, first_key
from chatbot.chat.answer import ChatService
from chatbot.core.descriptors import room_for_streams
from chatbot.core.logging import hide
from chatbot.core.settings import Settings, SettingsError
from chatbot.core.shared_state import SharedState
from chatbot.metrics.registry import Registry
from chatbot.relay.running import Running
from chatbot.shared.drain import Drain
from chatbot.shared.files import FilesState
from chatbot.shared.process import ProcessState
from chatbot.shared.steady import SteadyState
from chatbot.upstream.breaker import Breakers
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
    state: SharedState
    breakers: Breakers
    metrics: Registry

    def standing(self) -> dict[str, object]:
        """How this server is, for its operator: breakers by target, where shared state is kept."""
        standings = self.breakers.standings(self.router.target_names)
        return {"breakers": standings, "shared_state": self.state.name}


def build_metrics(router: Router, breakers: Breakers) -> Registry:
    """What `/metrics` shows."""

    def open_breakers() -> dict[tuple[str, ...], float]:
        standings = breakers.standings(router.target_names)
        return {tuple(n.split("/", 1)): float(s != "closed") for n, s in standings.items()}

    registry = Registry()
    registry.gauge(
        "chatbot_breaker_open",
        "1 where a target has failed repeatedly and is asked last.",
        ("gen_ai_provider_name", "gen_ai_request_model"),
        open_breakers,
    )
    return registry


def build_router(settings: Settings) -> Router:
    """The providers of the settings; the mock where there is none."""
    for config in settings.providers:
        hide(config.api_key)
    providers: list[Provider] = [HTTPProvider(config) for config in settings.providers]
    if settings.uses_mock:
        return Router([MockProvider()], (), settings.model or "mock")
    return Router(providers, settings.routes, settings.model)


def build_state(settings: Settings) -> SharedState:
    """What workers share: Redis where it is given, else files of the machine. Raises `SettingsError`."""
    files = SteadyState(FilesState(settings.data_dir / "state"), ProcessState())
    if not settings.redis_url:
        return files
    from chatbot.shared.redis import RedisState

    hide(settings.redis_url)
    try:
        return SteadyState(RedisState(settings.redis_url), files)
    except ValueError:
        raise SettingsError(
            "CHATBOT_REDIS_URL can't be used: expected redis://host:6379/0"
        ) from None


def build_services(settings: Settings) -> Services:
    """Build all services. Raises `SettingsError`."""
    keys = settings.api_keys or (first_key(settings.data_dir)[0],)
    for key in keys:
        hide(key)
    router, state = build_router(settings), build_state(settings)
    breakers = Breakers(state)
    return Services(
        settings,
        KeyRing(keys),
        router,
        ChatService(router, breakers),
        Running(min(settings.max_streams, room_for_streams())),
        Drain(settings.data_dir),
        state,
        breakers,
        build_metrics(router, breakers),
    )

"""Which targets a model's requests go to: the first route whose pattern fits, else the first provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from chatbot.core.provider_config import RouteConfig, Timeouts
from chatbot.upstream.provider import Provider


@dataclass(frozen=True)
class Target:
    """One provider to ask for one model, with its timeouts."""

    provider: Provider
    model: str
    timeouts: Timeouts


class Router:
    """Resolves models to targets. `providers` is not empty; the first is the default."""

    def __init__(
        self, providers: Sequence[Provider], routes: Sequence[RouteConfig], default_model: str
    ) -> None:
        self.default = providers[0]
        self._by_name: Mapping[str, Provider] = {p.name: p for p in providers}
        self._routes = routes
        self._default_model = default_model

    def targets(self, asked: str) -> list[Target]:
        """The targets for the model asked for (empty: the default model), in order; never none."""
        model = asked or self._default_model
        for route in self._routes:
            if fnmatchcase(model, route.model):
                return [self._target(text, model, route) for text in route.targets]
        return [Target(self.default, model, self.default.timeouts)]

    def _target(self, text: str, model: str, route: RouteConfig) -> Target:
        name, _, target_model = text.partition("/")
        provider = self._by_name[name]
        timeouts = replace(provider.timeouts, **route.timeouts)
        return Target(provider, model if target_model == "*" else target_model, timeouts)

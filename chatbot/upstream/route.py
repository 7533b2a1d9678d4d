"""Which targets a model's requests go to: the first route whose pattern fits, else the first provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from chatbot.core.provider_config import RouteConfig, Timeouts
from chatbot.upstream.provider import Provider


@dataclass(frozen=True)
class Target:
    """One provider to ask for one model, with its timeouts.

    `name` is its own among those of the configuration: a model that only a caller named is `*` in it, so
    that there are as many names as the configuration has.
    """

    provider: Provider
    model: str
    timeouts: Timeouts
    name: str


class Router:
    """Resolves models to targets. `providers` is not empty; the first is the default."""

    def __init__(
        self, providers: Sequence[Provider], routes: Sequence[RouteConfig], default_model: str
    ) -> None:
        self.default = providers[0]
        self._by_name: Mapping[str, Provider] = {p.name: p for p in providers}
        self._routes = routes
        self._default_model = default_model

    @property
    def target_names(self) -> list[str]:
        """The names of all targets that requests can go to."""
        names = [
            _name(text, route.model, literal=_is_literal(route.model))
            for route in self._routes
            for text in route.targets
        ]
        default = [f"{self.default.name}/*"]
        if self._default_model:
            default.append(f"{self.default.name}/{self._default_model}")
        return list(dict.fromkeys([*names, *default]))

    def targets(self, asked: str) -> list[Target]:
        """The targets for the model asked for (empty: the default model), in order; never none."""
        model = asked or self._default_model
        for route in self._routes:
            if fnmatchcase(model, route.model):
                return [self._target(text, model, route) for text in route.targets]
        text = f"{self.default.name}/*"
        name = _name(text, model, literal=model == self._default_model)
        return [Target(self.default, model, self.default.timeouts, name)]

    def _target(self, text: str, model: str, route: RouteConfig) -> Target:
        provider_name, _, target_model = text.partition("/")
        provider = self._by_name[provider_name]
        timeouts = replace(provider.timeouts, **route.timeouts)
        return Target(
            provider,
            model if target_model == "*" else target_model,
            timeouts,
            _name(text, model, literal=_is_literal(route.model)),
        )


def _is_literal(pattern: str) -> bool:
    return not any(mark in pattern for mark in "*?[")


def _name(text: str, model: str, *, literal: bool) -> str:
    return text.removesuffix("*") + model if literal and model and text.endswith("/*") else text

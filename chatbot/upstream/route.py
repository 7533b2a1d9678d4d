"""Which targets a model's requests go to: the first route whose pattern fits, else the first provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from zlib import crc32

from chatbot.core.provider_config import RouteConfig, Timeouts
from chatbot.upstream.provider import Provider

BUCKETS = 16
"""Breakers of a target that takes any model."""


@dataclass(frozen=True)
class Target:
    """One provider to ask for one model, with its timeouts.

    `name` is what its breaker goes by. A model that only a caller named is `*` and a number below `BUCKETS` in it:
    so there are no more names than the configuration allows, and one model's failures leave most others alone.
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
    def target_names(self) -> dict[str, list[str]]:
        """All targets that requests can go to, as the configuration has them, and their breakers' names."""
        shown = [
            _shown(text, route.model, literal=_is_literal(route.model))
            for route in self._routes
            for text in route.targets
        ]
        shown.append(f"{self.default.name}/*")
        if self._default_model:
            shown.append(f"{self.default.name}/{self._default_model}")
        return {
            name: [f"{name}#{n}" for n in range(BUCKETS)] if name.endswith("/*") else [name]
            for name in shown
        }

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


def _shown(text: str, model: str, *, literal: bool) -> str:
    return text.removesuffix("*") + model if literal and model and text.endswith("/*") else text


def _name(text: str, model: str, *, literal: bool) -> str:
    shown = _shown(text, model, literal=literal)
    bucket = crc32(model.encode("utf-8", "replace")) % BUCKETS
    return f"{shown}#{bucket}" if shown.endswith("/*") else shown

"""Providers and routes as the TOML file describes them. Every key is checked: an unknown one is an
error that names file, key and the nearest known key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError, nearest, url

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Timeouts:
    """Seconds. A non-streaming call obeys `connect` and `total` only."""

    connect: float = 5.0
    first_token: float = 10.0
    first_token_last: float = 120.0
    idle: float = 30.0
    total: float = 600.0


@dataclass(frozen=True)
class ProviderConfig:
    """One server that speaks OpenAI's API."""

    name: str
    base_url: str
    api_key: Secret = field(default_factory=lambda: Secret(""))
    retries: int = 2
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True)
class RouteConfig:
    """Where a model's requests go: `targets` are `provider/model`, `*` the model asked for."""

    model: str
    targets: tuple[str, ...]
    timeouts: Mapping[str, float] = field(default_factory=dict)
    """Those of `Timeouts` that the route overrides, for each of its targets."""


def default_providers(key: Secret, base_url: str) -> tuple[ProviderConfig, ...]:
    """The provider of the environment, named `openai`; none where neither key nor address is set."""
    if not key and not base_url:
        return ()
    return (ProviderConfig("openai", base_url or OPENAI, key),)


def load_toml(
    path: Path, environ: Mapping[str, str | None]
) -> tuple[tuple[ProviderConfig, ...], tuple[RouteConfig, ...]]:
    """Providers and routes of the file at `path`. Raises `SettingsError`."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"CHATBOT_CONFIG: there is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from None
    reader = _Reader(path, environ)
    reader.known("", document, {"provider", "route"})
    providers = tuple(
        reader.provider(f"provider {n}", entry)
        for n, entry in enumerate(reader.tables(document, "provider"), 1)
    )
    if not providers:
        raise SettingsError(f"{path}: no [[provider]] in it.")
    by_name = {provider.name: provider for provider in providers}
    if len(by_name) < len(providers):
        raise SettingsError(f"{path}: two providers have the same name.")
    routes = tuple(
        reader.route(f"route {n}", entry, by_name)
        for n, entry in enumerate(reader.tables(document, "route"), 1)
    )
    return providers, routes


class _Reader:
    """Reads one file's tables; every complaint names the file and the place in it."""

    def __init__(self, path: Path, environ: Mapping[str, str | None]) -> None:
        self._path = path
        self._environ = environ

    def fail(self, where: str, what: str) -> SettingsError:
        return SettingsError(f"{self._path}: {where}: {what}")

    def known(self, where: str, table: Mapping[str, Any], keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                raise self.fail(where or "top level", f"unknown key {key}.{nearest(key, keys)}")

    def tables(self, document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.fail(key, f"expected [[{key}]] tables")
        return value

    def text(self, where: str, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value:
            raise self.fail(where, f"{key} must be a text")
        return value

    def provider(self, where: str, table: Mapping[str, Any]) -> ProviderConfig:
        self.known(where, table, {"name", "base_url", "api_key_env", "retries", "timeouts"})
        name = self.text(where, table, "name")
        if "/" in name:
            raise self.fail(where, "name must not contain a slash")
        try:
            base_url = url(self.text(where, table, "base_url"))
        except ValueError as error:
            raise self.fail(where, f"base_url: {error}") from None
        retries = table.get("retries", 2)
        if type(retries) is not int or not 0 <= retries <= 10:
            raise self.fail(where, "retries must be a whole number from 0 to 10")
        return ProviderConfig(
            name, base_url, self.key(where, table), retries,
            Timeouts(**self.timeouts(where, table.get("timeouts", {}))),
        )  # fmt: skip

    def key(self, where: str, table: Mapping[str, Any]) -> Secret:
        if "api_key_env" not in table:
            return Secret("")
        name = self.text(where, table, "api_key_env")
        value = self._environ.get(name)
        if not value:
            raise self.fail(where, f"api_key_env names {name}, which is not set")
        return Secret(value)

    def timeouts(self, where: str, table: object) -> dict[str, float]:
        if not isinstance(table, dict):
            raise self.fail(where, "timeouts must be a table")
        self.known(f"{where}, timeouts", table, {f.name for f in fields(Timeouts)})
        for key, value in table.items():
            if type(value) not in (int, float) or not 0 < value <= 86400:
                raise self.fail(where, f"timeouts.{key} must be seconds above 0")
        return table

    def route(
        self, where: str, table: Mapping[str, Any], providers: Mapping[str, ProviderConfig]
    ) -> RouteConfig:
        self.known(where, table, {"model", "targets", "timeouts"})
        targets = table.get("targets")
        if not isinstance(targets, list) or not targets:
            raise self.fail(where, "targets must be a list of provider/model")
        for target in targets:
            name, slash, model = str(target).partition("/")
            if not slash or not model:
                raise self.fail(where, f"target {target!r} is not provider/model")
            if name not in providers:
                raise self.fail(where, f"no provider {name}.{nearest(name, providers)}")
        timeouts = self.timeouts(where, table.get("timeouts", {}))
        return RouteConfig(self.text(where, table, "model"), tuple(targets), timeouts)

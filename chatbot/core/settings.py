"""Settings are read once, at the start, and are plain typed values from then on.

They come from the environment, from `.env` beside the working directory (the environment wins), and
providers and routes from the TOML file that `CHATBOT_CONFIG` names. What can't be used stops the start
with one line that says which setting, where it stands, and what was probably meant: a typing error in
a setting must never become a surprise in production.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from dotenv import dotenv_values

from chatbot.core.logging import log
from chatbot.core.provider_config import (
    OPENAI,
    ProviderConfig,
    RouteConfig,
    default_providers,
    load_toml,
)
from chatbot.core.secret import Secret
from chatbot.core.settings_table import TABLE, SettingsError, nearest

__all__ = ["Settings", "SettingsError", "is_loopback", "load_settings", "settings_now", "url_host"]


@dataclass(frozen=True)
class Settings:
    """All settings, as `settings_table.TABLE` describes them, with the providers and routes."""

    host: str
    port: int
    workers: int
    openai_api_key: Secret
    openai_base_url: str
    model: str
    mock: bool
    config: Path | None
    api_keys: tuple[Secret, ...]
    data_dir: Path
    hosts: tuple[str, ...]
    public_url: str
    trusted_proxies: int
    drain_seconds: int
    max_streams: int
    log_level: str
    database_url: Secret
    redis_url: Secret
    secret_key: Secret
    webhook_url: str
    webhook_secret: Secret
    latency_metrics_enabled: bool
    perceived: bool
    providers: tuple[ProviderConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()

    @property
    def uses_mock(self) -> bool:
        """Whether answers come from the mock, which every page then says."""
        return not self.providers

    @property
    def model_of_bots(self) -> str:
        """The model of bots that name none: the default one, or a small one of OpenAI's; empty: the provider's
        to choose, since only OpenAI's are known by name."""
        if self.model or self.uses_mock:
            return self.model
        return "gpt-4o-mini" if self.providers[0].base_url == OPENAI else ""


_OF_A_MACHINE = {"host", "port", "workers", "data_dir", "config", "max_streams"}


def fingerprint(settings: Settings) -> str:
    """A few letters that are the same on machines whose settings are, and of secrets whether there is one. Tells nothing else."""
    shared = {f.name: getattr(settings, f.name) for f in fields(settings)}
    text = repr([(name, value) for name, value in shared.items() if name not in _OF_A_MACHINE])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """`host` as it stands in an address: lower-case, IPv6 in brackets; loopback for "all addresses"."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104
        return "127.0.0.1"
    return f"[{host.lower()}]" if ":" in host else host.lower()


def load_settings(
    environ: Mapping[str, str] | None = None, env_file: Path | None = None
) -> Settings:
    """Read all settings. Raises `SettingsError`, whose text is the one line to show."""
    environ = os.environ if environ is None else environ
    file = env_file or Path(".env")
    in_file = dotenv_values(file, interpolate=False) if file.is_file() else {}
    values, sources = _gather(environ, str(file), in_file)
    read = {setting.field: _read(setting.name, values, sources) for setting in TABLE}
    providers, routes = _providers(read, {**in_file, **environ})
    settings = Settings(**read, providers=providers, routes=routes)  # type: ignore[arg-type]
    _check(settings)
    return settings


_started_with: Settings | None = None


def settings_now() -> Settings:
    """The settings as they are; where they can't be used, those that this process, or the one it comes from,
    has started with, and a line in the log: a typing error must not end a server that is being reloaded.

    Raises `SettingsError` at the first start.
    """
    global _started_with  # noqa: PLW0603  a server has one set of settings, and its workers come from it
    try:
        _started_with = load_settings()
    except SettingsError as error:
        if _started_with is None:
            raise
        log("settings_kept", level=logging.ERROR, reason=str(error))
    return _started_with


def _gather(
    environ: Mapping[str, str], file: str, in_file: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str]]:
    """Values by name, and where each stands. Unknown CHATBOT_ names stop the start."""
    known = {setting.name for setting in TABLE}
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for source, pairs in ((file, in_file), ("the environment", environ)):
        for name, value in pairs.items():
            if name.startswith("CHATBOT_") and name not in known:
                raise SettingsError(f"{name} in {source}: no such setting.{nearest(name, known)}")
            if name in known and value is not None:
                values[name], sources[name] = value.strip(), source
    return values, sources


def _read(name: str, values: dict[str, str], sources: dict[str, str]) -> object:
    setting = next(s for s in TABLE if s.name == name)
    value = values.get(name, "")
    if not value:
        return setting.default
    try:
        return setting.read(value)
    except ValueError as error:
        shown = "its value" if setting.secret else repr(value)
        raise SettingsError(f"{name} in {sources[name]}: {shown} can't be used: {error}") from None


def _providers(
    read: dict[str, object], environ: Mapping[str, str | None]
) -> tuple[tuple[ProviderConfig, ...], tuple[RouteConfig, ...]]:
    config = read["config"]
    if config is not None:
        return load_toml(Path(str(config)), environ)
    key, base_url = read["openai_api_key"], read["openai_base_url"]
    return default_providers(key if isinstance(key, Secret) else Secret(""), str(base_url)), ()


def _check(settings: Settings) -> None:
    if settings.webhook_url and not settings.webhook_secret:
        raise SettingsError(
            "CHATBOT_WEBHOOK_URL needs CHATBOT_WEBHOOK_SECRET, by which its receiver knows this server."
        )
    if settings.uses_mock and not settings.mock and not is_loopback(settings.host):
        raise SettingsError(
            f"HOST is {settings.host} and no provider is set: give OPENAI_API_KEY, OPENAI_BASE_URL or "
            "CHATBOT_CONFIG, or CHATBOT_MOCK=1 to answer from the mock."
        )

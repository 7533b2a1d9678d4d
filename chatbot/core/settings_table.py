"""Every setting, described once: name, kind, default, help. The loader, the documentation and the
"did you mean" of an error all read this table; a test holds `docs/configuration.md` against it."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from chatbot.core.secret import Secret


class SettingsError(ValueError):
    """A setting that can't be used. Its text is one line: which, where, and what was meant."""


@dataclass(frozen=True)
class Setting:
    """One setting: the variable's name, the field of `Settings`, how to read it, its default."""

    name: str
    field: str
    read: Callable[[str], object]
    default: object
    help: str
    shown: str = ""
    secret: bool = False


def text(value: str) -> str:
    """Any text."""
    return value


def secret(value: str) -> Secret:
    """Any text, hidden from then on."""
    return Secret(value)


def long_secret(value: str) -> Secret:
    """A text of at least 32 characters, hidden from then on."""
    if len(value) < 32:
        raise ValueError("expected at least 32 characters")
    return Secret(value)


def webhook_secret(value: str) -> Secret:
    """A long secret, or `whsec_` and base64, as receivers by Standard Webhooks make one."""
    if value.startswith("whsec_"):
        try:
            b64decode(value.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("expected base64 behind whsec_") from None
    return long_secret(value)


def secrets(value: str) -> tuple[Secret, ...]:
    """Comma-separated secrets of at least 16 characters."""
    keys = [part.strip() for part in value.split(",") if part.strip()]
    if any(len(key) < 16 or not key.isascii() or not key.isprintable() for key in keys):
        raise ValueError("each key must have at least 16 printable ASCII characters")
    return tuple(Secret(key) for key in keys)


def names(value: str) -> tuple[str, ...]:
    """Comma-separated host names, lower-cased."""
    return tuple(part.strip().lower() for part in value.split(",") if part.strip())


def boolean(value: str) -> bool:
    """1, true, yes, on or 0, false, no, off."""
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False, "": False}
    if value.lower() not in known:
        raise ValueError("expected true or false")
    return known[value.lower()]


def number(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value[:12]) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(value)

    return read


def url(value: str) -> str:
    """An http or https address without query; a trailing slash is taken off."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as https://api.example/v1")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("expected an address without user, query or fragment")
    return value.rstrip("/")


def link(value: str) -> str:
    """An http or https address."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("expected an address such as https://hooks.example/chatbot")
    return value


def level(value: str) -> str:
    """debug, info, warning or error."""
    if value.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("expected debug, info, warning or error")
    return value.lower()


def path(value: str) -> Path:
    """A path in the file system."""
    return Path(value).expanduser()


TABLE: tuple[Setting, ...] = (
    Setting("HOST", "host", text, "127.0.0.1", "Address to listen on."),
    Setting("PORT", "port", number(0, 65535), 8000, "Port to listen on."),
    Setting(
        "WEB_CONCURRENCY", "workers", number(1, 256), os.cpu_count() or 1,
        "Number of gunicorn workers.", shown="one per core",
    ),
    Setting(
        "OPENAI_API_KEY", "openai_api_key", secret, Secret(""),
        "Key of the default provider.", secret=True,
    ),
    Setting(
        "OPENAI_BASE_URL", "openai_base_url", url, "",
        "Address of the default provider: any server that speaks OpenAI's API.",
        shown="https://api.openai.com/v1 where a key is given",
    ),
    Setting(
        "CHATBOT_MODEL", "model", text, "", "Model for requests that name none.",
        shown="the provider's to choose; `mock` for the mock",
    ),
    Setting(
        "CHATBOT_MOCK", "mock", boolean, False,
        "Answer from the mock where no provider is set, also off loopback.",
    ),
    Setting("CHATBOT_CONFIG", "config", path, None, "TOML file with providers and routes.",
            shown="none"),
    Setting(
        "CHATBOT_API_KEYS", "api_keys", secrets, (),
        "Secret keys that are accepted, comma-separated, 16 characters or more each.",
        shown="one key, made at the first start and kept in the data directory", secret=True,
    ),
    Setting("CHATBOT_DATA_DIR", "data_dir", path, Path("instance"), "Folder for what is kept."),
    Setting(
        "CHATBOT_HOSTS", "hosts", names, (),
        "Host names that requests may be addressed to, comma-separated; `.example.com` includes "
        "its sub-domains.", shown="loopback names, HOST and the host of CHATBOT_PUBLIC_URL",
    ),
    Setting("CHATBOT_PUBLIC_URL", "public_url", url, "", "Address that visitors use.",
            shown="none"),
    Setting(
        "CHATBOT_TRUSTED_PROXIES", "trusted_proxies", number(0, 10), 0,
        "Number of proxies in front whose X-Forwarded-* headers are believed.",
    ),
    Setting(
        "CHATBOT_DRAIN_SECONDS", "drain_seconds", number(1, 3600), 60,
        "Seconds that running streams are given after SIGTERM.",
    ),
    Setting(
        "CHATBOT_MAX_STREAMS", "max_streams", number(1, 100_000), 2000,
        "Answers that one worker has under way at the most; over it, 503 with Retry-After. "
        "Fewer where the system allows fewer open files.",
    ),
    Setting("CHATBOT_LOG_LEVEL", "log_level", level, "info", "debug, info, warning or error."),
    Setting(
        "CHATBOT_DATABASE_URL", "database_url", secret, Secret(""),
        "PostgreSQL instead of SQLite: `postgresql://user:password@host/name`.", secret=True,
        shown="SQLite in the data directory",
    ),
    Setting(
        "CHATBOT_REDIS_URL", "redis_url", secret, Secret(""),
        "Redis for state shared between machines; without it the data directory is shared by the "
        "workers of one.", secret=True,
    ),
    Setting(
        "CHATBOT_SECRET_KEY", "secret_key", long_secret, Secret(""),
        "Signs sessions: 32 characters or more, the same on all machines.",
        secret=True, shown="made at the first start and kept in the data directory",
    ),
    Setting(
        "CHATBOT_WEBHOOK_URL", "webhook_url", link, "",
        "Address that is told where a budget is used to 80 and to 100 percent.", shown="none",
    ),
    Setting(
        "CHATBOT_WEBHOOK_SECRET", "webhook_secret", webhook_secret, Secret(""),
        "Signs what CHATBOT_WEBHOOK_URL is told: 32 characters or more, or `whsec_` and base64.", secret=True,
    ),
    Setting(
        "LATENCY_METRICS_ENABLED", "latency_metrics_enabled", boolean, True,
        "Whether requests are counted, and `/metrics` answers.",
    ),
    Setting(
        "CHATBOT_PERCEIVED", "perceived", boolean, False,
        "Whether the chat tells this server how soon its visitor saw the first words: two numbers an answer, and nothing else.",
    ),
)  # fmt: skip


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, or nothing where no known name is near."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""


def as_markdown() -> str:
    """The table of all settings for the documentation."""
    rows = ["| name | default | what |", "| --- | --- | --- |"]
    for setting in TABLE:
        default = setting.shown or _shown(setting.default)
        notes = " Secret: never printed." if setting.secret else ""
        rows.append(f"| `{setting.name}` | {default} | {setting.help}{notes} |")
    return "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default and not isinstance(default, Secret) else "none"

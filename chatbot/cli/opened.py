"""The store as commands use it: opened, brought up to date, and closed again, with errors as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from chatbot.core.bot import BotError
from chatbot.core.settings import Settings, SettingsError, load_settings, url_host
from chatbot.services import build_database, prepare
from chatbot.store.database import Database, StoreAway
from chatbot.store.directory import DirectoryStore

_ASK_OF_A_SERVER = (
    " Does it run, and are host, name, user and password in CHATBOT_DATABASE_URL right?"
)


@dataclass(frozen=True)
class Opened:
    """Settings and store of one command."""

    settings: Settings
    database: Database
    store: DirectoryStore


@contextmanager
def opened() -> Iterator[Opened]:
    """The store of this machine's settings. What goes wrong ends the command with its reason."""
    with unprepared() as (settings, database):
        prepare(settings, database)
        yield Opened(settings, database, DirectoryStore(database))


@contextmanager
def unprepared() -> Iterator[tuple[Settings, Database]]:
    """Settings and the database as it is: not brought up to date, perhaps empty. Errors end the command with their reason."""
    with _one_line():
        settings = load_settings()
        database = build_database(settings)
        try:
            yield settings, database
        finally:
            database.close()


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except StoreAway as away:
        hint = _ASK_OF_A_SERVER if load_settings().database_url else ""
        raise click.ClickException(f"The database can't be used ({away}).{hint}") from None
    except (SettingsError, BotError) as error:
        raise click.ClickException(str(error)) from None


def base_url(settings: Settings) -> str:
    """Where visitors reach this server."""
    return settings.public_url or f"http://{url_host(settings.host)}:{settings.port}"

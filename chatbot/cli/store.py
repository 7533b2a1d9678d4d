"""`db`: the database."""

from __future__ import annotations

import click

from chatbot.cli.opened import opened
from chatbot.services import build_redis, build_state
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import revision
from chatbot.store.upkeep import Upkeep


@click.group()
def db() -> None:
    """The database: its standing, its clearing up."""


@db.command()
def upgrade() -> None:
    """Make the tables, or bring them up to date; every start does the same."""
    with opened() as here:
        found = here.database.run(revision)
        click.echo(f"{here.database.name}, at {found}.")


@db.command()
def sweep() -> None:
    """Delete now what is past its time; a running server does so by itself."""
    with opened() as here:
        Upkeep(
            ConversationStore(here.database), build_state(here.settings, build_redis(here.settings))
        ).once()
        click.echo("Swept.")

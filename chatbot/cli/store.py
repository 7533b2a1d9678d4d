"""`db`: the database."""

from __future__ import annotations

from pathlib import Path

import click

from chatbot.access.first_run import FIRST_KEY_FILE
from chatbot.cli.opened import opened, unprepared
from chatbot.services import SECRET_KEY_FILE, build_redis, build_state
from chatbot.store.backup import BackupError, NothingToKeep, back_up, restore
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import revision
from chatbot.store.upkeep import Upkeep

NOTHING_TO_KEEP = 3
"""How `db backup` ends where there is no database yet: scripts tell it from a failure by this."""


class _Nothing(click.ClickException):
    exit_code = NOTHING_TO_KEEP


@click.group()
def db() -> None:
    """The database: its standing, its clearing up, its backups."""


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


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write all of it into FILE, which is new and for you alone; the server may run.

    Bots, keys (not their texts), conversations, usage, and the secrets this server has made for itself. Not in it: `.env`
    and other files of yours. Ends with 3 where the database is empty.
    """
    with unprepared() as (settings, database):
        secrets = [settings.data_dir / name for name in (SECRET_KEY_FILE, FIRST_KEY_FILE)]
        try:
            rows = back_up(database, file, secrets)
        except NothingToKeep as error:
            raise _Nothing(str(error)) from None
        except BackupError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{file}: {_counted(rows)}.")


@db.command(name="restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore_from(file: Path) -> None:
    """Make an empty database from FILE, of this version or an earlier one, SQLite or PostgreSQL.

    What visitors had forgotten since the backup was made is back with it.
    """
    with unprepared() as (settings, database):
        try:
            rows = restore(database, file, settings.data_dir)
        except BackupError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"Restored {_counted(rows)}.")


def _counted(rows: dict[str, int]) -> str:
    shown = {"bots": "bots", "api_keys": "keys", "conversations": "conversations"}
    return ", ".join(f"{rows.get(table, 0)} {name}" for table, name in shown.items())

"""The tables are the same, whether they were made at once or step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from chatbot.core.settings_table import SettingsError
from chatbot.store import tables
from chatbot.store.database import Database, revision
from chatbot.store.upgrade import upgrade

FOLDER = Path(tables.__file__).parent / "migrations"


@pytest.fixture
def scripts():
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return ScriptDirectory.from_config(config)


@pytest.fixture
def empty(open_database, database_url, tmp_path):
    """A database without tables."""
    return open_database(database_url)


def shape(database: Database) -> dict:
    """All that the database says of its tables, as text."""

    def read(connection):
        seen = inspect(connection)
        names = set(seen.get_table_names()) - {"alembic_version"}
        return {
            name: {
                "columns": {
                    c["name"]: (str(c["type"]), c["nullable"], c["default"])
                    for c in seen.get_columns(name)
                },
                "key": seen.get_pk_constraint(name)["constrained_columns"],
                "foreign": sorted(str(sorted(f.items())) for f in seen.get_foreign_keys(name)),
                "indexes": sorted(str(sorted(i.items())) for i in seen.get_indexes(name)),
                "unique": sorted(str(u["column_names"]) for u in seen.get_unique_constraints(name)),
            }
            for name in names
        }

    return database.run(read)


def test_steps_lead_to_the_same_tables(empty):
    empty.run(upgrade, write=True)
    stepwise = shape(empty)
    assert empty.run(revision) == tables.REVISION

    def anew(connection):
        connection.execute(text("DROP TABLE alembic_version"))
        tables.metadata.drop_all(connection)

    empty.run(anew, write=True)
    empty.prepare()
    assert shape(empty) == stepwise
    assert stepwise.keys() == tables.metadata.tables.keys()


def test_nothing_is_left_for_one_more_step(empty):
    empty.run(upgrade, write=True)

    def compare(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, tables.metadata)

    assert empty.run(compare) == []


def test_the_newest_step_is_the_one_that_is_stamped(scripts):
    assert scripts.get_current_head() == tables.REVISION


def test_steps_are_in_the_order_of_their_numbers(scripts):
    numbers = [step.revision for step in scripts.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)


def test_a_database_of_an_earlier_version_is_brought_up_to_date(empty, scripts):
    first = scripts.get_bases()[0]
    empty.run(lambda connection: upgrade(connection, first), write=True)
    assert empty.run(revision) == first
    empty.prepare()
    assert empty.run(revision) == tables.REVISION


def test_a_newer_database_is_refused_in_one_line(database):
    set_to = text("UPDATE alembic_version SET version_num = '9999'")
    database.run(lambda connection: connection.execute(set_to), write=True)
    with pytest.raises(SettingsError, match=r"9999.*newer than this version") as refused:
        database.prepare()
    assert "\n" not in str(refused.value)

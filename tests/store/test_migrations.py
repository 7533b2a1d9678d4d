"""The tables are the same, whether they were made at once or step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from chatbot.core.bot import Limits
from chatbot.core.settings_table import SettingsError
from chatbot.store import tables
from chatbot.store.conversations import ConversationStore, Scope
from chatbot.store.database import Database, revision
from chatbot.store.directory import DirectoryStore
from chatbot.store.upgrade import upgrade
from chatbot.store.usage import UsageStore

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


KEPT = (
    'INSERT INTO bots VALUES (\'shop\', \'{"id": "shop", "limits": {"history_tokens": 9}}\', 1, 1)',
    "INSERT INTO api_keys VALUES ('key_1', 'sk', 'd', 'sk_p', 'sk_p…', 'n', 'shop', '[\"chat\"]', '[]', 1, NULL, NULL)",
    "INSERT INTO conversations VALUES ('c', 'shop', 'ses_ada', 'Tea', 1, 1, 9e9)",
)


def test_what_a_database_had_before_there_were_limits_is_as_it_was(empty):
    empty.run(lambda connection: upgrade(connection, "0001"), write=True)
    empty.run(lambda c: [c.exec_driver_sql(statement) for statement in KEPT], write=True)
    empty.prepare()
    found = DirectoryStore(empty).contents()
    assert [(bot.id, bot.limits) for bot in found.bots] == [("shop", Limits(history_tokens=9))]
    assert [(k.id, k.bot_id, k.scopes, k.limits) for k in found.keys] == [("key_1", "shop", ("chat",), ())]  # fmt: skip
    assert found.stops == ()
    (talk,) = ConversationStore(empty).newest(Scope("shop", "ses_ada"), limit=9, before=None)
    assert talk.title == "Tea"
    assert UsageStore(empty).used("2026") == []
    DirectoryStore(empty).stop("all", "Closed.")
    assert DirectoryStore(empty).contents().stops == (("all", "Closed."),)


def test_a_newer_database_is_refused_in_one_line(database):
    set_to = text("UPDATE alembic_version SET version_num = '9999'")
    database.run(lambda connection: connection.execute(set_to), write=True)
    with pytest.raises(SettingsError, match=r"9999.*newer than this version") as refused:
        database.prepare()
    assert "\n" not in str(refused.value)

"""The database's commands, and how a command ends whose settings or database can't be used."""

from __future__ import annotations

import pytest

from chatbot.store.tables import REVISION


def test_the_database_is_made_and_says_where_it_stands(run, data_dir):
    for _ in range(2):
        assert run("db", "upgrade") == f"SQLite, at {REVISION}.\n"
    assert (data_dir / "chatbot.db").stat().st_mode & 0o777 == 0o600


def test_sweeping_an_empty_database_is_nothing(run):
    assert run("db", "sweep") == "Swept.\n"


@pytest.mark.parametrize(
    "command",
    [("bots", "list"), ("bots", "show", "demo"), ("keys", "list"), ("keys", "create", "--bot", "demo"),
     ("keys", "revoke", "key_x"), ("db", "upgrade"), ("db", "sweep")],
)  # fmt: skip
def test_what_can_not_be_used_ends_a_command_with_one_line(run, data_dir, monkeypatch, command):
    data_dir.write_text("a file where a folder is wanted")
    assert run.refused(*command).startswith(f"CHATBOT_DATA_DIR {data_dir}: ")
    monkeypatch.setenv("CHATBOT_DATABASE_URL", "mysql://canary:canary@db.example/x")
    said = run.refused(*command)
    assert said.startswith("CHATBOT_DATABASE_URL can't be used")
    assert "canary" not in said
    monkeypatch.setenv("CHATBOT_PROT", "1")
    assert "CHATBOT_PROT in the environment: no such setting." in run.refused(*command)


def test_a_database_that_is_none_is_said(run, data_dir):
    data_dir.mkdir()
    (data_dir / "chatbot.db").write_bytes(b"this is no database, but long enough to be one" * 99)
    assert run.refused("bots", "list") == "The database can't be used (DatabaseError)."


def test_there_is_help_for_everything(run):
    for command in (
        (),
        ("bots",),
        ("bots", "create"),
        ("apply",),
        ("keys",),
        ("keys", "create"),
        ("db",),
    ):
        assert "Usage: " in run(*command, "--help")

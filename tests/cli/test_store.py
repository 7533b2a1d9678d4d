"""The database's commands, and how a command ends whose settings or database can't be used."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from chatbot.cli import main
from chatbot.cli.store import NOTHING_TO_KEEP
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


def test_a_database_server_that_is_not_there_is_said_and_not_its_password(run, monkeypatch):
    monkeypatch.setenv("CHATBOT_DATABASE_URL", "postgresql://ada:canary@127.0.0.1:1/chat")
    said = run.refused("bots", "list")
    assert said.startswith("The database can't be used (OperationalError). Does it run, ")
    assert "canary" not in said


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


def test_a_backup_made_on_one_machine_is_another_one(run, data_dir, tmp_path, monkeypatch):
    run("bots", "create", "shop", "--name", "Tea")
    key = run.stdout("keys", "create", "--bot", "shop", "--origin", "https://shop.example")
    assert run("db", "backup", tmp_path / "kept.zip") == f"{tmp_path / 'kept.zip'}: 2 bots, 3 keys, 0 conversations.\n"  # fmt: skip
    before, secret = run.contents, (data_dir / "first-key").read_text()
    assert secret.strip() not in run.seen
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "another"))
    run.data_dir = tmp_path / "another"
    assert run("db", "restore", tmp_path / "kept.zip") == "Restored 2 bots, 3 keys, 0 conversations.\n"  # fmt: skip
    assert run.contents == before
    assert (tmp_path / "another" / "first-key").read_text() == secret
    assert run("db", "upgrade") == f"SQLite, at {REVISION}.\n"
    assert run.contents == before
    assert "pk_" in key


def test_neither_of_them_does_half_of_it(run, data_dir, tmp_path):
    assert run.refused("db", "backup", tmp_path / "kept.zip").startswith("There is nothing to keep")
    assert not data_dir.exists()
    run("db", "upgrade")
    run("db", "backup", tmp_path / "kept.zip")
    assert "give another name" in run.refused("db", "backup", tmp_path / "kept.zip")
    assert run.refused("db", "restore", tmp_path / "kept.zip").startswith("The database is not empty.")  # fmt: skip


def test_a_script_can_tell_an_empty_database_from_a_backup_that_failed(run, tmp_path):
    def ends(file) -> int:
        return CliRunner().invoke(main, ["db", "backup", str(file)]).exit_code

    assert ends(tmp_path / "kept.zip") == NOTHING_TO_KEEP
    run("db", "upgrade")
    assert ends(tmp_path / "nowhere" / "kept.zip") == 1
    assert ends(tmp_path / "kept.zip") == 0

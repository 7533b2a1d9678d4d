"""Commands as somebody types them, each test with a data directory of its own."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from chatbot.cli import main
from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.directory import Contents, DirectoryStore


@pytest.fixture(autouse=True)
def data_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


class Shell:
    """Runs commands; `seen` is all that was printed."""

    def __init__(self, data_dir) -> None:
        self.data_dir = data_dir
        self.seen = ""

    def __call__(self, *args: object) -> str:
        """What a command that must succeed prints."""
        result = CliRunner().invoke(main, list(map(str, args)))
        self.seen += result.output
        assert result.exit_code == 0, result.output
        return result.output

    def stdout(self, *args: object) -> str:
        """Of what a command prints that which goes into a file."""
        result = CliRunner().invoke(main, list(map(str, args)))
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused_by_no(self, *args: object) -> str:
        """What a command asks before it does anything; the answer is no."""
        result = CliRunner().invoke(main, list(map(str, args)), input="n\n")
        assert result.exit_code == 1, result.output
        return result.output

    def refused(self, *args: object) -> str:
        """The one line with which a command must fail."""
        result = CliRunner().invoke(main, list(map(str, args)))
        self.seen += result.output
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in (1, 2, 3)
        (line,) = [text for text in result.output.splitlines() if text.startswith("Error: ")]
        return line.removeprefix("Error: ")

    @property
    def contents(self) -> Contents:
        """What is kept by now."""
        database = Database(Secret(""), self.data_dir)
        try:
            return DirectoryStore(database).contents()
        finally:
            database.close()


@pytest.fixture
def run(data_dir):
    return Shell(data_dir)

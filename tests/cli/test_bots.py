"""Bots on the command line: made, shown, deleted, and made as a file says."""

from __future__ import annotations

import dataclasses
import re
import time
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.chat.prompt import told_facts
from chatbot.cli.bots_file import as_toml, read_bots_file
from chatbot.core.bot import Bot, BotError, Fact, read_bot
from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.tables import conversations
from tests.core.test_bot import FULL

FILE = """
[[bot]]
id = "shop"
prompt = "Sell tea."
origins = ["https://shop.example"]
facts = ["facts/tea.md"]

[[bot]]
id = "club"
identify = "required"
"""


@pytest.fixture
def file(tmp_path):
    """A file of two bots, in a folder that is not the working one."""
    folder = tmp_path / "bots"
    (folder / "facts").mkdir(parents=True)
    (folder / "facts" / "tea.md").write_text("# Tea\n\nGreen, black.")
    (folder / "bots.toml").write_text(FILE)
    return folder / "bots.toml"


def bot(run, bot_id: str) -> Bot | None:
    return next((b for b in run.contents.bots if b.id == bot_id), None)


def test_a_bot_is_made_listed_shown_and_deleted(run, tmp_path):
    (tmp_path / "tea.md").write_text("# Tea")
    said = run(
        "bots", "create", "shop", "--name", "The Shop", "--prompt", "Sell.", "--model", "m", "--contact", "c",
        "--greeting", "Hi", "--origin", "https://shop.example/", "--origin", "https://*.shop.example",
        "--facts", tmp_path / "tea.md",
    )  # fmt: skip
    assert "Bot shop is made." in said
    assert "keys create --bot shop" in said
    made = bot(run, "shop")
    assert dataclasses.replace(made, identity_generation=1) == Bot(
        "shop", "The Shop", "m", "Sell.", contact="c", greeting="Hi",
        origins=("https://shop.example", "https://*.shop.example"), facts=(Fact("tea.md", "# Tea"),),
    )  # fmt: skip
    assert re.search(r"^shop  The Shop  m  1 facts, \d+ tokens$", run("bots", "list"), re.MULTILINE)
    (shown,) = tomllib.loads(run("bots", "show", "shop"))["bot"]
    assert shown["origins"] == ["https://shop.example", "https://*.shop.example"]
    assert "is deleted, with 0 conversations" in run("bots", "delete", "shop", "--yes")
    assert bot(run, "shop") is None
    assert run("bots", "list").startswith("demo  ")


def test_a_bot_is_not_deleted_without_a_yes(run):
    run("bots", "create", "shop")
    assert "all of its conversations?" in run.refused_by_no("bots", "delete", "shop")
    assert bot(run, "shop")


@pytest.fixture
def server(run, data_dir):
    """Somebody else who has the database open, so that its log stays."""
    run("db", "upgrade")
    database = Database(Secret(""), data_dir)
    database.run(lambda c: c.execute(conversations.select()).all())
    yield database
    database.close()


def test_a_deleted_bot_takes_keys_and_conversations_with_it(run, server, data_dir):
    run("bots", "create", "shop")
    run("keys", "create", "--bot", "shop")
    _converse(server, "shop", "canary-in-a-title")
    assert "with 1 conversations" in run("bots", "delete", "shop", "--yes")
    assert not [key for key in run.contents.keys if key.bot_id == "shop"]
    assert b"canary" not in _bytes_of(data_dir)


def _converse(database: Database, bot_id: str, title: str) -> None:
    at = time.time()
    row = {
        "id": "c" * 32, "bot_id": bot_id, "owner": "s:1", "title": title, "created_at": at,
        "updated_at": at, "expires_at": at + 99,
    }  # fmt: skip
    database.run(lambda c: c.execute(conversations.insert().values(row)), write=True)


def _bytes_of(folder) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


@pytest.mark.parametrize("command", [("show",), ("delete", "--yes"), ("signing-key",)])
def test_a_bot_that_is_not_there_is_said(run, command):
    assert run.refused("bots", *command, "none") == "There is no bot 'none': see `bots list`."


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["Shop"], "bot 'Shop': id: expected lower-case letters"),
        (["demo"], "There is a bot 'demo' already: change it by `apply`."),
        (["shop", "--origin", "*"], "bot 'shop': origins: '*' is no origin"),
        (["shop", "--name", "a\x1bb"], "bot 'shop': name: expected a text without control characters"),
        (["shop", "--facts", "absent.md"], "File 'absent.md' does not exist."),
        (["shop", "--facts", "."], "is a directory."),
        (["shop", "--promt", "x"], "No such option"),
    ],
)  # fmt: skip
def test_a_bot_that_can_not_be_made_is_refused(run, args, says):
    assert says in run.refused("bots", "create", *args)
    run("bots", "list")
    assert [b.id for b in run.contents.bots] == ["demo"]


def test_facts_that_are_no_text_are_refused_by_name(run, tmp_path):
    (tmp_path / "x.md").write_bytes(b"\xff")
    said = run.refused("bots", "create", "shop", "--facts", tmp_path / "x.md")
    assert said.endswith("x.md: can't be read as UTF-8 text (UnicodeDecodeError)")


def test_facts_that_do_not_fit_are_said_where_they_are_given(run, file):
    text = FILE.replace('"Sell tea."', '"Sell tea."\nlimits = { facts_tokens = 1 }')
    file.write_text(text)
    for _ in range(2):
        said = run("apply", file, "--dry-run")
        assert "facts/tea.md does not fit whole into 1 tokens of facts" in said
    (file.parent / "long.md").write_text("word " * 50_000)
    said = run("bots", "create", "long", "--facts", file.parent / "long.md")
    assert "long.md does not fit whole into 8000 tokens" in said
    assert told_facts(bot(run, "long").facts, 8000).cut == ("long.md",)


def test_a_bots_signing_key_stays_until_a_new_one_is_asked_for(run):
    run("bots", "create", "shop")
    first = run.stdout("bots", "signing-key", "shop")
    assert re.fullmatch(r"vis_[0-9a-f]{64}\n", first)
    assert run.stdout("bots", "signing-key", "shop") == first
    assert "does not ask for tokens yet" in run("bots", "signing-key", "shop")
    second = run.stdout("bots", "signing-key", "shop", "--new")
    assert second != first
    assert run.stdout("bots", "signing-key", "shop") == second
    run("bots", "create", "other")
    assert run.stdout("bots", "signing-key", "other") not in (first, second)


def test_applying_a_file_anew_does_not_bring_an_old_signing_key_back(run, file):
    run("apply", file)
    new = run.stdout("bots", "signing-key", "club", "--new")
    file.write_text(FILE.replace("required", "optional"))
    assert "~ bot club" in run("apply", file)
    assert run.stdout("bots", "signing-key", "club") == new


def test_a_file_is_applied_with_its_facts_beside_it_and_the_second_time_changes_nothing(run, file):
    said = run("apply", file)
    assert "+ bot shop\n" in said
    assert "+ bot club\n" in said
    assert "    facts: facts/tea.md added\n" in said
    assert said.endswith("2 changed, 2 in the file.\n")
    assert bot(run, "shop").facts == (Fact("facts/tea.md", "# Tea\n\nGreen, black."),)
    before = run.contents
    assert run("apply", file) == "0 changed, 2 in the file.\n"
    assert run.contents == before


def test_a_dry_run_changes_nothing_and_says_what_would(run, file):
    run("bots", "list")
    before = run.contents
    said = run("apply", file, "--dry-run", "--prune")
    assert "+ bot shop\n" in said
    assert "- bot demo is deleted\n" in said
    assert said.endswith("3 would change, 2 in the file.\n")
    assert run.contents == before


def test_what_changes_is_shown_line_by_line(run, file):
    run("apply", file)
    (file.parent / "facts" / "tea.md").write_text("# Tea\n\nGreen.")
    file.write_text(FILE.replace("Sell tea.", "Sell coffee."))
    assert run("apply", file, "--dry-run").splitlines() == [
        "~ bot shop",
        '    -prompt = "Sell tea."',
        '    +prompt = "Sell coffee."',
        "    facts: facts/tea.md changed",
        "1 would change, 2 in the file.",
    ]
    file.write_text(FILE.replace('facts = ["facts/tea.md"]', ""))
    said = run("apply", file)
    assert "    facts: facts/tea.md removed\n" in said
    assert bot(run, "shop").facts == ()


def test_bots_that_are_not_in_the_file_stay_and_are_deleted_by_prune(run, server, file, data_dir):
    run("bots", "create", "old")
    run("keys", "create", "--bot", "old")
    _converse(server, "old", "canary-in-a-title")
    run("apply", file)
    assert [b.id for b in run.contents.bots] == ["club", "demo", "old", "shop"]
    said = run("apply", file, "--prune")
    assert "- bot old is deleted\n" in said
    assert said.endswith("2 changed, 2 in the file.\n")
    assert [b.id for b in run.contents.bots] == ["club", "shop"]
    assert not [key for key in run.contents.keys if key.bot_id == "old"]
    assert b"canary" not in _bytes_of(data_dir)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected [[bot]] tables and nothing else"), ("[bot]\nid = 'x'", "expected [[bot]] tables"),
        ("[[bots]]\nid = 'x'", "expected [[bot]] tables"), ("bot = [1]", "expected [[bot]] tables"),
        ("[[bot]", "at line 1, column 6"), ("a = 1\n[[bot]]\nid = 'x'", "nothing else"),
        ("[[bot]]\nname = 'x'", "a bot without id"),
        ("[[bot]]\nid = 'x'\npromt = 'y'", "bot 'x': 'promt' is no field. Did you mean prompt?"),
        ("[[bot]]\nid = 'x'\norigins = ['*']", "bot 'x': origins: '*' is no origin"),
        ("[[bot]]\nid = 'x'\nlimits = { facts_token = 1 }", "bot 'x': limits: 'facts_token' is no limit."),
        ("[[bot]]\nid = 'x'\n[[bot]]\nid = 'x'", "two bots have the same id"),
        ("[[bot]]\nid = 'x'\nidentity_generation = 2", "identity_generation is set by `bots signing-key"),
        ("[[bot]]\nid = 'x'\nfacts = ['absent.md']", "bot 'x': facts: 'absent.md': FileNotFoundError"),
        ("[[bot]]\nid = 'x'\nfacts = ['.']", "bot 'x': facts: '.': IsADirectoryError"),
        ("[[bot]]\nid = 'x'\nfacts = ['bad.md']", "bot 'x': facts: 'bad.md': UnicodeDecodeError"),
        ("[[bot]]\nid = 'x'\nfacts = [\"a\\u0000\"]", "bot 'x': facts: 'a\\x00': ValueError"),
        ("[[bot]]\nid = 'x'\nfacts = [\"a\\nError: b\"]", "bot 'x': facts: 'a\\nError: b': FileNotFoundError"),
        ("[[bot]]\nid = 'x'\nfacts = 'facts/tea.md'", "bot 'x': facts: expected names of files such as"),
        ("[[bot]]\nid = 'x'\nfacts = 5", "bot 'x': facts: expected names of files such as"),
        ("[[bot]]\nid = 'x'\nfacts = [5]", "bot 'x': facts: expected names of files such as"),
        ("[[bot]]\nid = 'x'\nfacts = [{ name = 'a', text = 'b' }]", "bot 'x': facts: expected names of files"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_whole_with_file_and_field(run, file, text, says):
    run("bots", "list")
    before = run.contents
    (file.parent / "bad.md").write_bytes(b"\xff")
    file.write_text("[[bot]]\nid = 'first'\n" + text if text.startswith("[[bot]]\n") else text)
    said = run.refused("apply", file)
    assert said.startswith(f"{file}: ")
    assert says in said
    assert run.contents == before


def test_a_file_that_is_not_there_or_no_text_is_said(run, file):
    assert "does not exist" in run.refused("apply", "absent.toml")
    file.write_bytes(b"\xff")
    assert run.refused("apply", file).startswith(f"{file}: ")


def written(bot: Bot, folder) -> Bot:
    """The bot, written to a file with its facts beside it, and read again."""
    folder.mkdir(exist_ok=True)
    for fact in bot.facts:
        (folder / fact.name).write_text(fact.text, "utf-8", newline="")
    (folder / "bots.toml").write_bytes(as_toml(bot).encode())
    (again,) = read_bots_file(folder / "bots.toml")
    return again


@pytest.mark.parametrize("field", [*FULL, "all"])
def test_a_bot_is_shown_as_apply_reads_it(run, tmp_path, field):
    values = FULL if field == "all" else {"id": "shop-2", field: FULL[field]}
    bot = dataclasses.replace(read_bot(values), identity_generation=1)
    written(bot, tmp_path / "bots")
    file = tmp_path / "bots" / "bots.toml"
    run("apply", file)
    made = next(b for b in run.contents.bots if b.id == bot.id)
    assert dataclasses.replace(made, identity_generation=1) == bot
    file.write_text(run.stdout("bots", "show", bot.id), "utf-8")
    assert run("apply", file) == "0 changed, 1 in the file.\n"
    made = run.contents.bots[-1]
    assert dataclasses.replace(made, identity_generation=1) == bot


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"id": st.just("shop")},
        optional={
            "name": ANY, "prompt": ANY, "greeting": ANY, "model": ANY, "contact": ANY,
            "suggestions": st.lists(ANY, max_size=3), "temperature": st.floats(0, 2),
            "theme": st.dictionaries(st.sampled_from(["accent", "mode", "a-1"]), ANY),
            "limits": st.dictionaries(st.sampled_from(["facts_tokens", "question_chars"]), st.integers(0, 99)),
            "max_tokens": st.integers(1, 99),
        },
    )
)  # fmt: skip
def test_any_bot_is_written_as_it_is_read(tmp_path_factory, values):
    try:
        bot = read_bot(values)
    except BotError:
        return
    assert written(bot, tmp_path_factory.getbasetemp() / "written") == bot


def test_a_bot_that_is_made_again_has_another_signing_key(run):
    run("bots", "create", "shop")
    former = run("bots", "signing-key", "shop").split()[0]
    run("bots", "delete", "shop", "--yes")
    run("bots", "create", "shop")
    assert run("bots", "signing-key", "shop").split()[0] != former

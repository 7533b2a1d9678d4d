"""A database is kept in a file, and made again from it: all of it or nothing, in either engine, by any later version."""

from __future__ import annotations

import json
import resource
import threading
from contextlib import contextmanager
from pathlib import Path
from random import randbytes
from zipfile import ZipFile

import pytest
from sqlalchemy import select, text

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError
from chatbot.store import backup, tables
from chatbot.store.backup import BackupError, back_up, restore
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import Database, StoreAway, revision
from chatbot.store.upgrade import upgrade
from tests.store.turns import HERS, START, Talk, save, saved_talk

RELEASED = sorted((Path(__file__).parent / "released").glob("*.zip"))
"""A backup by each version that was released, as that version wrote it."""
KEY = {
    "id": "key_1", "kind": "pk", "digest": "d", "prefix": "pk_1", "shown": "pk_1", "name": "n", "bot_id": "shop",
    "scopes": ["chat"], "origins": ["https://shop.example"], "created_at": 1.1, "limits": [{"requests": 3}],
}  # fmt: skip
CHARGE = {
    "id": "r", "day": "2026-11-28", "bot_id": "shop", "key_id": "key_1", "model": "m",
    "requests": 1, "input_tokens": 2**40, "output_tokens": 2,
}  # fmt: skip
BOT = {
    "id": "shop",
    "settings": {"name": "Tee é", "facts": []},
    "created_at": 0.1,
    "updated_at": 1 / 3,
}
STOP = {"what": "all", "message": "Zu.", "stopped_at": 0.1}


def content(database: Database) -> dict[str, list[str]]:
    """All rows of all tables."""

    def read(connection):
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).fetchall()))
            for table in tables.metadata.sorted_tables
        }

    return database.run(read)


def fill(database: Database) -> Talk:
    """All that a column may hold: text in all scripts, JSON, nothing."""
    talk = Talk(at=START, lasts=9e9)
    begun = talk.begin("Was kostet Tee? 茶 \U0001f375 \"\\'\n\t")
    ended = talk.end(begun, "4 €", sources=[{"n": 1, "title": "é"}], input_tokens=3)
    save(database, [begun, ended, talk.begin()])
    ConversationStore(database).rate(HERS, str(begun.answer["id"]), 1, "gut")

    def write(connection):
        for table, row in (
            (tables.bots, BOT), (tables.api_keys, KEY), (tables.stops, STOP), (tables.charges, CHARGE),
        ):  # fmt: skip
            connection.execute(table.insert().values(row))

    database.run(write, write=True)
    return talk


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def empty(request, tmp_path):
    """Another machine's database, of each kind in turn, with nothing in it."""
    url = ""
    if request.param == "PostgreSQL":
        url = request.getfixturevalue("running_postgresql").new_database()
    database = Database(Secret(url), tmp_path / "other")
    yield database
    database.close()
    if url:
        request.getfixturevalue("running_postgresql").give_back(url)


@pytest.fixture
def kept(tmp_path):
    """A backup of a database of this version, and what was in that."""
    database = Database(Secret(""), tmp_path / "first")
    database.prepare()
    fill(database)
    (tmp_path / "secret-key").write_text("of the first machine\n")
    back_up(database, tmp_path / "kept.zip", [tmp_path / "secret-key"])
    yield tmp_path / "kept.zip", content(database)
    database.close()


def test_all_of_it_is_there_again_in_either_engine(database, empty, tmp_path):
    talk = fill(database)
    counted = back_up(database, tmp_path / "kept.zip")
    assert restore(empty, tmp_path / "kept.zip", tmp_path) == counted
    assert content(empty) == content(database)
    assert {name for name, count in counted.items() if not count} <= {"meta", "forgotten"}
    empty.prepare()
    assert ConversationStore(empty).whole(HERS, talk.id) == ConversationStore(database).whole(HERS, talk.id)  # fmt: skip


def test_a_backup_is_for_its_owner_alone_and_takes_no_file_s_place(database, tmp_path):
    file = tmp_path / "kept.zip"
    back_up(database, file)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    with pytest.raises(BackupError, match="give another name"):
        back_up(database, file)
    assert file.read_bytes() == before
    assert [f.name for f in tmp_path.glob("*.part")] == []


def test_it_is_of_one_moment_while_others_write(database, other, empty, tmp_path):
    """Each conversation comes with its messages: none without, none that refer to nothing."""
    stop, saved = threading.Event(), []

    def write():
        while not stop.is_set():
            saved.append(saved_talk(other))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(saved) < 20:
            assert writer.is_alive()
        back_up(database, tmp_path / "kept.zip")
    finally:
        stop.set()
        writer.join()
    counted = restore(empty, tmp_path / "kept.zip", tmp_path)
    assert 20 <= counted["conversations"] <= len(saved)
    assert counted["messages"] == 2 * counted["conversations"]


def test_a_database_that_is_not_empty_stays_as_it_is(database, kept, tmp_path):
    fill(database)
    before = content(database)
    with pytest.raises(BackupError, match="not empty"):
        restore(database, kept[0], tmp_path)
    assert content(database) == before


def test_an_empty_one_is_nothing_to_keep_and_is_not_made(empty, tmp_path):
    with pytest.raises(BackupError, match="nothing to keep"):
        back_up(empty, tmp_path / "kept.zip")
    assert not (tmp_path / "kept.zip").exists()
    assert not (tmp_path / "other" / "chatbot.db").exists()


def test_a_folder_that_is_not_there_is_said(database, tmp_path):
    with pytest.raises(BackupError, match=r"can't be written \(No such file or directory\)"):
        back_up(database, tmp_path / "nowhere" / "kept.zip")


@pytest.mark.parametrize("place", ["a file/kept.zip", "n" * 300])
def test_a_place_where_no_file_can_be_is_said(database, tmp_path, place):
    (tmp_path / "a file").touch()
    with pytest.raises(BackupError, match="can't be written"):
        back_up(database, tmp_path / place)


def test_a_link_that_somebody_has_put_beside_it_is_not_followed(database, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "token_hex", lambda _: "guessed")
    (tmp_path / "kept.zip.guessed.part").symlink_to(tmp_path / "somebody's")
    with pytest.raises(BackupError, match="can't be written"):
        back_up(database, tmp_path / "kept.zip")
    assert not (tmp_path / "somebody's").exists()


@contextmanager
def full_disk():
    """What a full disk does to whoever writes: a file may not grow over 8 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_there_is_no_file(database, tmp_path):
    database.run(lambda c: c.execute(tables.bots.insert().values({**BOT, "settings": {"facts": [randbytes(9999).hex()]}})), write=True)  # fmt: skip
    with full_disk(), pytest.raises(BackupError, match=r"can't be written \(File too large\)"):
        back_up(database, tmp_path / "kept.zip")
    assert list(tmp_path.glob("kept.zip*")) == []


def test_a_full_disk_is_not_the_backup_s_fault(kept, tmp_path):
    there = Database(Secret(""), tmp_path / "small")
    with full_disk(), pytest.raises((BackupError, StoreAway), match=r"disk full|OperationalError"):
        restore(there, kept[0], tmp_path)
    restore(there, kept[0], tmp_path)
    assert content(there) == kept[1]
    there.close()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def change_a_byte(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    at = whole.index(b"tables/messages.jsonl") + 60
    whole[at] ^= 0x55
    file.write_bytes(whole)


def rewrite(member: str, change) -> None:
    """Write an archive anew, with one of its files changed."""

    def damage(file: Path) -> None:
        with ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members[member] = change(members[member])
        with ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "no whole backup"),
        (change_a_byte, "no whole backup"),
        (lambda file: file.write_bytes(b""), "no whole backup"),
        (lambda file: file.write_text("a letter"), "no whole backup"),
        (rewrite("manifest.json", lambda _: b"{}"), "no whole backup"),
        (rewrite("manifest.json", lambda _: b"[" * 100_000), "no whole backup"),
        (rewrite("manifest.json", lambda m: m.replace(tables.REVISION.encode(), b"0000")), "no whole backup"),
        (rewrite("manifest.json", lambda m: m.replace(tables.REVISION.encode(), b"")), "no whole backup"),
        (rewrite("files/secret-key", lambda _: b"\xe9"), "no whole backup"),
        (rewrite("manifest.json", lambda m: m.replace(b'"messages": 4', b'"messages": 5')), "messages has other than 5 rows"),
        (rewrite("tables/messages.jsonl", lambda m: m.replace(b'"state"', b'"stat"')), "rows of messages"),
        (rewrite("tables/conversations.jsonl", lambda _: b""), "conversations has other than"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said_and_leaves_the_database_empty(empty, kept, tmp_path, damage, said):
    file, whole = kept
    good = file.read_bytes()
    damage(file)
    with pytest.raises(BackupError, match=said):
        restore(empty, file, tmp_path)
    assert empty.is_missing or empty.run(revision) is None
    file.write_bytes(good)
    restore(empty, file, tmp_path)
    assert content(empty) == whole


def test_one_of_a_newer_version_is_refused(empty, kept, tmp_path):
    newer = {"format": 1, "revision": "9999", "version": "7.0", "rows": {}}
    rewrite("manifest.json", lambda _: json.dumps(newer).encode())(kept[0])
    with pytest.raises(BackupError, match=r"7\.0, which is newer"):
        restore(empty, kept[0], tmp_path)


@pytest.mark.parametrize("stands_at", ["0001", "0002"])
def test_a_database_is_kept_as_it_is_before_it_is_brought_up_to_date(database_url, open_database, empty, tmp_path, stands_at):  # fmt: skip
    old = open_database(database_url)
    old.prepare(lambda connection: upgrade(connection, stands_at))
    row = text("INSERT INTO conversations VALUES ('c', 'shop', 'ses_ada', 'Tea', 1, 1, 9e9)")
    old.run(lambda connection: connection.execute(row), write=True)
    back_up(old, tmp_path / "kept.zip")
    assert old.run(revision) == stands_at
    restore(empty, tmp_path / "kept.zip", tmp_path)
    assert empty.run(revision) == tables.REVISION
    (talk,) = ConversationStore(empty).newest(HERS, limit=9, before=None)
    assert talk.title == "Tea"


def test_each_version_s_own_backup_is_here():
    assert tables.REVISION in {file.stem for file in RELEASED}


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_what_an_earlier_version_has_written_can_be_used(empty, tmp_path, file):
    restore(empty, file, tmp_path)
    empty.prepare()
    (talk,) = ConversationStore(empty).newest(HERS, limit=9, before=None)
    found = ConversationStore(empty).whole(HERS, talk.id)
    assert [m["content"] for m in found.messages[:2]] == [
        "Was kostet Tee? 茶 \U0001f375 \"\\'\n\t",
        "4 €",
    ]


def test_secrets_come_back_where_there_are_none_and_take_nobody_s_place(database, empty, tmp_path):
    for name in ("secret-key", "first-key"):
        (tmp_path / name).write_text(f"{name} of the first machine\n")
    back_up(
        database, tmp_path / "k.zip", [tmp_path / n for n in ("secret-key", "first-key", "none")]
    )
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "first-key").write_text("this machine's own")
    restore(empty, tmp_path / "k.zip", folder)
    assert (folder / "secret-key").read_text() == "secret-key of the first machine\n"
    assert (folder / "secret-key").stat().st_mode & 0o777 == 0o600
    assert (folder / "first-key").read_text() == "this machine's own"
    assert not (folder / "none").exists()


def test_a_database_that_is_newer_is_not_kept_by_an_older_version(database, tmp_path):
    set_to = text("UPDATE alembic_version SET version_num = '9999'")
    database.run(lambda connection: connection.execute(set_to), write=True)
    with pytest.raises(SettingsError, match="newer"):
        back_up(database, tmp_path / "kept.zip")

"""What waits in files: kept whole, played back once it can be, by whoever finds it unlocked."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import stat

import pytest

from chatbot.store import spool as module
from chatbot.store.database import StoreAway
from chatbot.store.saved import as_dict
from chatbot.store.spool import Spool
from tests.store.processes import at_once
from tests.store.turns import Talk


@pytest.fixture
def make_spool(spool_folder):
    made = []

    def make() -> Spool:
        made.append(Spool(spool_folder))
        return made[-1]

    yield make
    for spool in made:
        spool._release()


def played(spool: Spool) -> list:
    """All that waits, in order."""
    items = []
    assert spool.play_back(items.extend) == len(items)
    return items


def test_what_was_kept_comes_back_in_order_and_once(make_spool):
    spool, items = make_spool(), Talk().turn("¿Té? \ud83c\n\0", "☕" * 1000)
    spool.append(items[:1])
    spool.append(items[1:])
    assert played(spool) == items
    assert played(spool) == []
    assert spool.files() == []


def test_files_are_for_their_owner_alone(make_spool, spool_folder):
    spool = make_spool()
    assert not spool_folder.exists()
    spool.append(Talk().turn())
    (file,) = spool.files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool_folder.stat().st_mode) == 0o700


def test_nothing_waits_where_nothing_was_kept(make_spool):
    assert make_spool().files() == []
    assert played(make_spool()) == []


def test_files_are_played_in_the_order_in_which_they_were_begun(make_spool):
    spool, items = make_spool(), [Talk().begin() for _ in range(20)]
    for item in items:
        spool.append([item])
        spool._release()
    for file in spool.files():
        os.utime(file, (1.0, 1.0))
    assert played(spool) == items


def test_what_could_not_be_written_is_kept(make_spool):
    spool, items = make_spool(), Talk().turn()
    spool.append(items)

    def away(_):
        raise StoreAway("TimeoutError")

    for _ in range(2):
        with pytest.raises(StoreAway):
            spool.play_back(away)
    later = Talk().turn()
    spool.append(later)
    assert played(spool) == [*items, *later]


def test_many_items_are_handed_on_in_parts(make_spool, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    spool, sizes = make_spool(), []
    spool.append([Talk().begin() for _ in range(8)])
    assert spool.play_back(lambda items: sizes.append(len(items))) == 8
    assert sizes == [3, 3, 2]


def test_a_file_that_its_process_still_holds_is_left_alone(make_spool):
    living, other, items = make_spool(), make_spool(), Talk().turn()
    living.append(items[:1])
    assert played(other) == []
    living.append(items[1:])
    assert played(living) == items


def test_a_file_of_a_process_that_died_is_played_by_another(make_spool, spool_folder, tmp_path):
    items = Talk().turn()

    def die():
        Spool(spool_folder).append(items)

    at_once(tmp_path, die)
    assert played(make_spool()) == items


def test_of_many_who_find_a_file_one_plays_it(make_spool, spool_folder, tmp_path):
    spool, items = make_spool(), [Talk().begin() for _ in range(200)]
    spool.append(items)
    spool._release()
    counts = at_once(tmp_path, *[lambda: Spool(spool_folder).play_back(lambda _: None)] * 6)
    assert sorted(counts) == ["0"] * 5 + ["200"]


def test_no_file_is_seen_before_it_is_locked(make_spool, monkeypatch):
    """Whoever came in between would remove it, and what is kept in it afterwards would be lost."""
    spool, other, items = make_spool(), make_spool(), Talk().turn()
    lock = fcntl.flock

    def look_first(descriptor, how):
        monkeypatch.setattr(module.fcntl, "flock", lock)
        assert played(other) == []
        lock(descriptor, how)

    monkeypatch.setattr(module.fcntl, "flock", look_first)
    spool.append(items)
    assert played(spool) == items


TORN = [
    b"",
    b"\n",
    b'{"kind": "Begin", "conv',
    b"null\n",
    b"1\n",
    b'"text"\n',
    b"[]\n",
    b"{}\n",
    b'{"kind": "Begin"}\n',
    b'{"kind": "Begin", "conversation": {}, "question": {}, "answer": {}, "new": true}\n',
    b'{"kind": "Begin", "conversation": null, "question": {}, "answer": {}, "new": true}\n',
    b'{"kind": "Other", "a": 1}\n',
    b"\xff\xfe\n",
]


@pytest.mark.parametrize("line", TORN)
def test_a_line_that_is_no_item_is_skipped(make_spool, spool_folder, line):
    items = Talk().turn()
    whole = [json.dumps(as_dict(item)).encode() + b"\n" for item in items]
    spool_folder.mkdir()
    (spool_folder / "1.jsonl").write_bytes(whole[0] + line.removesuffix(b"\n") + b"\n" + whole[1])
    (spool_folder / "2.jsonl").write_bytes(whole[0] + line)
    assert played(make_spool()) == [*items, items[0]]


def test_a_file_that_cannot_be_read_keeps_no_other_back(make_spool, spool_folder, caplog):
    (spool_folder / "0.jsonl").mkdir(parents=True)
    spool, items = make_spool(), Talk().turn()
    spool.append(items)
    assert played(spool) == items
    assert played(spool) == []
    assert [r.getMessage() for r in caplog.records] == ["spool_unread"]


def test_a_folder_that_cannot_be_made_says_so(make_spool, spool_folder):
    spool_folder.write_text("a file")
    with pytest.raises(OSError, match="File exists"):
        make_spool().append(Talk().turn())


@pytest.fixture
def small_disk():
    """No file can grow beyond a megabyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_keeps_whole_lines(make_spool):
    spool, first, last = make_spool(), Talk().turn(), Talk().turn()
    spool.append(first)
    with pytest.raises(OSError) as full:
        spool.append(Talk().turn(answer="x" * 2_000_000))
    assert full.value.errno == errno.EFBIG
    spool.append(last)
    assert played(spool) == [*first, *last]

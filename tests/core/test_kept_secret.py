"""A secret is made once, is its owner's alone, and is the same for whoever comes at the same moment."""

from __future__ import annotations

import os

import pytest

from chatbot.core.kept_secret import kept_secret
from chatbot.core.settings import SettingsError

ONE, OTHER = "one" * 10, "other" * 10


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "secret-key"


def test_it_is_made_once_and_read_ever_after(file):
    first, made = kept_secret(file, lambda: ONE)
    assert (first.reveal(), made) == (ONE, True)
    again, made = kept_secret(file, lambda: OTHER)
    assert (again.reveal(), made) == (ONE, False)


def test_nobody_but_its_owner_can_read_it_and_no_draft_is_left(file):
    before = os.umask(0)
    try:
        kept_secret(file, lambda: ONE)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_of_two_who_make_one_the_later_takes_the_earlier_ones(file):
    inner = []

    def slow() -> str:
        inner.append(kept_secret(file, lambda: ONE))
        return OTHER

    secret, made = kept_secret(file, slow)
    assert (secret.reveal(), made) == (ONE, False)
    assert inner[0][1]
    assert list(file.parent.iterdir()) == [file]


def test_two_of_the_same_process_number_do_not_write_into_each_others_draft(file, monkeypatch):
    """As in two containers that share a folder."""
    link = os.link

    def overtaken(draft, to):
        monkeypatch.setattr(os, "link", link)
        kept_secret(file, lambda: ONE)
        link(draft, to)

    monkeypatch.setattr(os, "link", overtaken)
    secret, made = kept_secret(file, lambda: OTHER)
    assert (secret.reveal(), made) == (ONE, False)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"   " + b"x" * 15 + b"   ", bytes(64)])
def test_a_file_that_holds_no_secret_stops_with_one_line_and_is_left_alone(file, content):
    """Zeros, which a power cut may leave, would be one that everybody knows."""
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="Delete the file to have a new one made") as error:
        kept_secret(file, lambda: ONE)
    assert "\n" not in str(error.value)
    assert file.read_bytes() == content


def test_bytes_that_are_no_text_are_said_and_not_shown(file):
    file.parent.mkdir()
    file.write_bytes(b"canary\xff" * 9)
    with pytest.raises(SettingsError, match="Delete the file") as error:
        kept_secret(file, lambda: ONE)
    assert "canary" not in str(error.value)


def test_a_folder_that_can_not_be_used_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match=r"CHATBOT_DATA_DIR .*data: secret-key can't be kept"):
        kept_secret(tmp_path / "data" / "secret-key", lambda: ONE)


def test_a_line_end_is_not_part_of_it(file):
    file.parent.mkdir()
    file.write_text(f"{ONE}\r\n")
    assert kept_secret(file, lambda: OTHER)[0].reveal() == ONE

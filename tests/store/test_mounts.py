"""What kind of file system a folder is on, by lines as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError
from chatbot.store import mounts
from chatbot.store.database import Database


def line(point: str, kind: str, *, root: str = "/", optional: str = "shared:1") -> str:
    """One mount: proc_pid_mountinfo(5)."""
    fields = f"36 35 98:0 {root} {point} rw,noatime {optional} - {kind} server:/x rw"
    return fields.replace("  ", " ")


ROOT = line("/", "ext4")
DATA = line("/srv/data", "nfs4")


@pytest.mark.parametrize(
    ("folder", "lines", "expected"),
    [
        ("/srv/data", [ROOT, DATA], "nfs4"),
        ("/srv/data/chatbot/deep", [ROOT, DATA], "nfs4"),
        ("/srv", [ROOT, DATA], "ext4"),
        ("/srv/database", [ROOT, DATA], "ext4"),
        ("/srv/data/disk/a", [ROOT, DATA, line("/srv/data/disk", "xfs")], "xfs"),
        ("/srv/data/a", [ROOT, DATA, line("/srv/data/disk", "xfs")], "nfs4"),
        ("/srv/data/disk", [line("/srv/data/disk", "xfs"), DATA, ROOT], "xfs"),
        ("/srv/data", [ROOT, line("/srv/data", "ext4"), DATA], "nfs4"),
        ("/srv/data", [ROOT, DATA, line("/srv/data", "ext4")], "ext4"),
        ("/srv/my data/a", [ROOT, line(r"/srv/my\040data", "cifs")], "cifs"),
        ("/srv/a\\b", [ROOT, line(r"/srv/a\134b", "cifs")], "cifs"),
        ("/srv/data", [ROOT, line("/srv/data", "9p", optional="")], "9p"),
        ("/srv/data", [ROOT, line("/srv/data", "9p", optional="shared:1 master:2")], "9p"),
        ("/srv/data", [ROOT, "torn", "", "1 2 3 4 /srv/data rw -", "- - - -"], "ext4"),
        ("/srv/data", [], ""),
    ],
)
def test_a_folder_is_on_the_last_mount_of_the_nearest_point_above_it(folder, lines, expected):
    assert mounts.file_system_of(Path(folder), lines) == expected


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Has a folder be on a file system of some kind, as far as the list of mounts says."""

    def mount(folder: Path, kind: str) -> None:
        listed = tmp_path / "mountinfo"
        escaped = str(folder.resolve()).replace(" ", r"\040")
        listed.write_text(f"{ROOT}\n{line(escaped, kind)}\n")
        monkeypatch.setattr(mounts, "MOUNTS", listed)

    return mount


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_sqlite_is_not_kept_on_a_network_file_system(tmp_path, mounted, kind):
    folder = tmp_path / "on a share" / "chatbot"
    mounted(tmp_path / "on a share", kind)
    with pytest.raises(SettingsError, match=f"network file system.*{kind}") as refused:
        Database(Secret(""), folder).prepare()
    assert "\n" not in str(refused.value)
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "overlay", "fuse"])
def test_sqlite_is_kept_on_any_other(tmp_path, mounted, kind):
    mounted(tmp_path, kind)
    database = Database(Secret(""), tmp_path)
    database.prepare()
    database.close()


def test_a_link_is_on_the_file_system_that_it_leads_to(tmp_path, mounted):
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "data").symlink_to(share)
    mounted(share, "nfs")
    assert mounts.network_file_system(tmp_path / "data") == "nfs"


def test_where_mounts_are_not_listed_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "absent")
    assert mounts.network_file_system(tmp_path) == ""

"""What may go wrong where a machine is installed and upgraded, each on purpose: the server goes on, and the next call mends it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosting.vps.machine import Machine, vps
from tests.hosting.vps.site import HOME, RELEASE, STATE, Site, install_lines, site_on
from tests.server import ROOT, Client, wait_for

__all__ = ["vps"]
DAMAGED = "/tmp/damaged"


@pytest.fixture(scope="module")
def site(vps: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Where the first start has failed, by a mistake in the settings."""
    with site_on(vps, tmp_path_factory.mktemp("origin"), "CHATBOT_MOK=1") as found:
        tried = vps.tried("bash", "-ec", install_lines(found.origin))
        assert "v1.0.0 did not start, there is none before it" in tried.stderr
        yield found


def answers(site: Site) -> bool:
    with Client(site.port) as client:
        return client.chat(stream=True).events[-1] == "[DONE]"


def goes_on(site: Site, version: str, pid: str) -> None:
    assert (site.version, site.main_pid) == (version, pid)
    assert answers(site)


def releases(site: Site) -> set[str]:
    return set(site.machine.run("ls", f"{HOME}/releases").split())


def test_after_a_first_start_that_failed_the_same_command_installs_it(site):
    site.machine.run("sed", "-i", "s/CHATBOT_MOK=/CHATBOT_MOCK=/", f"{STATE}/.env")
    assert "v1.0.0 runs." in site.machine.run(RELEASE)
    assert answers(site)


def test_without_the_network_nothing_is_changed_and_it_says_so(site):
    before = site.main_pid
    site.machine.run("git", "-C", f"{HOME}/source", "remote", "set-url", "origin", "/nowhere")
    newest, known = site.machine.tried(RELEASE), site.machine.tried(RELEASE, "v1.0.0")
    site.machine.run("git", "-C", f"{HOME}/source", "remote", "set-url", "origin", site.origin.folder)  # fmt: skip
    assert newest.returncode == 1
    assert "nothing was changed" in newest.stderr
    assert (known.returncode, known.stdout) == (0, "v1.0.0 runs already.\n")
    goes_on(site, "v1.0.0", before)


def test_a_version_that_is_not_there_is_said(site):
    tried = site.machine.tried(RELEASE, "v9.9.9")
    assert (tried.returncode, tried.stderr) == (1, "release: there is no version v9.9.9\n")


def test_packages_that_can_t_be_had_leave_nothing_behind(site):
    before = site.main_pid
    good = site.origin.folder.joinpath("requirements.txt").read_text()
    site.origin.folder.joinpath("requirements.txt").write_text("no-such-package-zz==1 --hash=sha256:00\n")  # fmt: skip
    site.origin.publish("1.0.1")
    tried = site.machine.tried(RELEASE)
    site.origin.folder.joinpath("requirements.txt").write_text(good)
    site.origin.publish("1.0.2")
    assert tried.returncode == 1
    assert releases(site) == {"v1.0.0"}
    goes_on(site, "v1.0.0", before)


def test_a_full_disk_leaves_nothing_behind(site):
    before = site.main_pid
    site.machine.run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", f"{HOME}/releases")
    tried = site.machine.tried("bash", "-c", f"{RELEASE} v1.0.2; rc=$?; ls {HOME}/releases; exit $rc")  # fmt: skip
    site.machine.run("umount", f"{HOME}/releases")
    assert tried.returncode == 1
    assert re.search(r"v1\.0\.2 could not be built, so nothing was changed \((0|\d+K) free", tried.stderr)  # fmt: skip
    assert tried.stdout == ""
    goes_on(site, "v1.0.0", before)


def test_killed_while_it_builds_it_is_called_again(site):
    before = site.main_pid
    building = subprocess.Popen(site.machine.command(RELEASE), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: "v1.0.2" in releases(site), 30)
        second = site.machine.tried(RELEASE)
        assert (second.returncode, second.stderr) == (1, "release: another one is at work\n")
        site.machine.run("pkill", "-KILL", "-f", RELEASE)
    finally:
        building.wait(30)
    goes_on(site, "v1.0.0", before)
    wait_for(lambda: site.machine.tried("flock", "-n", f"{HOME}/.lock", "true").returncode == 0, 60)
    assert "v1.0.2 runs." in site.machine.run(RELEASE)
    assert site.is_up()


def test_files_of_root_that_nobody_else_reads_are_no_matter_and_neither_is_a_candidate(site):
    site.origin.publish("1.0.3")
    site.origin.publish("1.1.0-rc1")
    assert "v1.0.3 runs." in site.machine.run("bash", "-c", f"umask 077; {RELEASE}")
    assert "v1.1.0-rc1 runs." in site.machine.run(RELEASE, "v1.1.0-rc1")
    assert "v1.0.3 runs." in site.machine.run(RELEASE, "--back")
    assert answers(site)


def test_interrupted_while_versions_change_places_it_is_called_again(site):
    """By a connection that breaks: systemd goes on with what it was told, and nobody notes how that ends."""
    before = site.version
    site.origin.publish("1.1.0")
    changing = subprocess.Popen(site.machine.command(RELEASE), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: site.version == "v1.1.0", 60)
        site.machine.run("pkill", "-KILL", "-f", RELEASE)
    finally:
        changing.wait(30)
    wait_for(lambda: site.machine.tried("flock", "-n", f"{HOME}/.lock", "true").returncode == 0, 90)
    assert "v1.1.0 runs" in site.machine.run(RELEASE)
    assert Path(site.machine.run("readlink", f"{HOME}/previous").strip()).name == before
    assert site.machine.run(RELEASE) == "v1.1.0 runs already.\n"
    assert answers(site)


def test_backups_of_one_s_own_stay_where_they_are(site):
    own = [f"nightly-2026-11-{day}.zip" for day in range(10, 17)]
    for name in own:
        site.machine.run("/usr/local/bin/chatbot", "db", "backup", f"{STATE}/backups/{name}")
    site.origin.publish("1.2.0")
    site.machine.run(RELEASE)
    there = set(site.machine.run("ls", f"{STATE}/backups").split())
    assert there >= set(own)
    assert len(there - set(own)) == 3


def test_the_page_s_line_for_each_night_does_what_it_says(site):
    """As cron runs it: a short PATH, and `%` behind a backslash."""
    (line,) = re.findall(r"^10 3 \* \* \* root (.*)$", (ROOT / "docs/hosting/backup.md").read_text(), re.M)  # fmt: skip
    site.machine.run("touch", "-d", "9 days ago", f"{STATE}/backups/nightly-2026-11-10.zip")
    site.machine.run("env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", line.replace("\\%", "%"))
    there = site.machine.run("ls", f"{STATE}/backups").split()
    assert f"nightly-{site.machine.run('date', '+%F').strip()}.zip" in there
    assert "nightly-2026-11-10.zip" not in there
    assert "nightly-2026-11-11.zip" in there


def test_a_backup_that_can_t_be_used_takes_nothing_away(site):
    before, version = site.main_pid, site.version
    shown = site.machine.run("readlink", f"{HOME}/previous").strip()
    (kept, *_) = sorted(
        site.machine.run("find", f"{STATE}/backups", "-name", f"2*-{Path(shown).name}.zip").split(), reverse=True
    )  # fmt: skip
    site.machine.run("cp", "-p", kept, DAMAGED)
    site.machine.run("truncate", "-s", "-40", kept)
    tried = site.machine.tried(RELEASE, "--back", "--restore")
    site.machine.run("mv", DAMAGED, kept)
    assert tried.returncode == 1
    assert "was not restored, so nothing was changed" in tried.stderr
    goes_on(site, version, before)


def test_where_the_program_before_can_t_run_any_more_the_new_one_keeps_the_database(site):
    """As after an upgrade of the system, which has another Python."""
    site.machine.run("rm", f"{HOME}/current/.venv/bin/python")
    site.origin.publish("1.3.0")
    site.machine.run("systemctl", "stop", "chatbot")
    assert "v1.3.0 runs." in site.machine.run(RELEASE)
    assert answers(site)
    assert site.machine.run("find", f"{STATE}/backups", "-name", "2*-v1.2.0.zip")

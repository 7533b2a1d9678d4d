"""An empty machine, one command, and it answers; then upgrades, under visitors who are not to notice."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.crowd import TOLD, WHOLE, Crowd
from tests.hosting.vps.machine import Machine, vps
from tests.hosting.vps.site import (
    BACK,
    BOT,
    HOME,
    RELEASE,
    RELOAD,
    STATE,
    UPGRADE,
    Site,
    install_lines,
    site_on,
)
from tests.server import Client, wait_for

__all__ = ["vps"]
SLOW = {"first_token": 0, "pace": 0.5, "tokens": 600}
NEWER = """
from alembic import op
revision = "9998"
down_revision = "{head}"

def upgrade():
    op.execute("CREATE TABLE later (id INTEGER)")
"""


@pytest.fixture(scope="module")
def site(vps: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Installed as the page says."""
    with site_on(vps, tmp_path_factory.mktemp("origin")) as found:
        vps.run("bash", "-ec", install_lines(found.origin))
        yield found


def test_after_one_command_it_answers(site):
    assert site.is_up()
    with Client(site.port) as client:
        assert client.chat(stream=True).events[-1] == "[DONE]"
    assert site.version == "v1.0.0"


def test_it_may_do_nothing_but_its_work(site):
    status = site.machine.run("cat", f"/proc/{site.main_pid}/status")
    fields = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.M))
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert "0" not in fields["Uid"].split()
    for path in (f"{HOME}/current/chatbot/app.py", "/etc/passwd", f"{STATE}/../x"):
        tried = site.machine.tried(
            "nsenter", "-t", site.main_pid, "-m", "-S", fields["Uid"].split()[0], "bash", "-c", f"echo >> {path}"
        )  # fmt: skip
        assert tried.returncode != 0, path


def test_what_it_keeps_is_its_own(site):
    for path in (STATE, f"{STATE}/backups"):
        assert site.machine.run("stat", "-c", "%a %U", path) == "700 chatbot\n"
    assert site.machine.run("stat", "-c", "%a %U", f"{STATE}/instance/chatbot.db") == "600 chatbot\n"  # fmt: skip


def test_commands_are_those_of_the_server(site):
    assert 'data-key="pk_' in site.machine.run("bash", "-ec", BOT)
    assert "shop" in site.machine.run("/usr/local/bin/chatbot", "bots", "list")
    assert site.machine.run("stat", "-c", "%U", f"{STATE}/instance/chatbot.db") == "chatbot\n"


def test_an_upgrade_is_not_noticed_and_neither_is_the_way_back(site):
    site.origin.publish("1.1.0")
    before = site.main_pid
    with Crowd(site.port) as crowd:
        assert "v1.1.0 runs." in site.machine.run("bash", "-ec", UPGRADE)
        crowd.each_asked()
        upgraded = site.main_pid
        assert site.is_up()
        assert site.version == "v1.1.0"
        assert site.machine.run(RELEASE) == "v1.1.0 runs already.\n"
        assert "v1.0.0 runs." in site.machine.run("bash", "-ec", BACK)
        crowd.each_asked()
        assert site.version == "v1.0.0"
    assert len({before, upgraded, site.main_pid}) == 3
    assert set(crowd.ends) == {WHOLE}, crowd.ends
    assert site.is_up()


def test_a_version_that_does_not_start_leaves_the_old_one_running(site):
    before, version = site.main_pid, site.version
    good = site.origin.read("chatbot/app.py")
    site.origin.publish("1.2.0", chatbot__app="raise SystemExit(3)\n")
    with Crowd(site.port) as crowd:
        tried = site.machine.tried(RELEASE)
        crowd.each_asked()
    site.origin.publish("1.2.1", chatbot__app=good)
    assert tried.returncode == 1
    assert "v1.2.0 did not start, " in tried.stderr
    assert (site.main_pid, site.version) == (before, version)
    assert set(crowd.ends) == {WHOLE}, crowd.ends


def test_a_mistake_in_the_settings_is_refused_and_the_server_goes_on(site):
    before = site.main_pid
    site.machine.run("cp", "-p", f"{STATE}/.env", f"{STATE}/.env.kept")
    site.machine.run("bash", "-c", f"echo CHATBOT_MOK=1 >> {STATE}/.env")
    with Crowd(site.port) as crowd:
        assert site.machine.tried("systemctl", "reload", "chatbot").returncode != 0
        site.machine.run("mv", f"{STATE}/.env.kept", f"{STATE}/.env")
        site.machine.run("bash", "-ec", RELOAD)
        crowd.each_asked()
    assert set(crowd.ends) == {WHOLE}, crowd.ends
    assert site.main_pid != before


def test_where_the_database_is_newer_the_way_back_is_its_backup(site):
    head = re.search(r'REVISION = "(\d+)"', site.origin.read("chatbot/store/tables.py"))[1]
    tables = site.origin.read("chatbot/store/tables.py")
    site.origin.publish(
        "1.3.0",
        chatbot__store__tables=tables.replace(f'REVISION = "{head}"', 'REVISION = "9998"'),
        chatbot__store__migrations__versions__v9998_later=NEWER.format(head=head),
    )
    before = site.version
    site.machine.run(RELEASE)
    assert site.version == "v1.3.0"
    site.machine.run("/usr/local/bin/chatbot", "bots", "create", "late", "--name", "Late")
    refused = site.machine.tried(RELEASE, "--back")
    assert "--restore" in refused.stderr
    assert site.version == "v1.3.0"
    site.machine.run(RELEASE, "--back", "--restore")
    assert site.version == before
    with Client(site.port) as client:
        assert client.chat(stream=True).events[-1] == "[DONE]"
    bots = site.machine.run("/usr/local/bin/chatbot", "bots", "list")
    assert "shop" in bots
    assert "late" not in bots


def test_a_worker_that_is_killed_is_replaced_and_the_service_goes_on(site):
    before = site.main_pid
    worker = site.machine.run("pgrep", "-P", before).split()[0]
    site.machine.run("kill", "-9", worker)
    wait_for(lambda: worker not in site.machine.tried("pgrep", "-P", before).stdout.split())
    wait_for(lambda: site.machine.tried("pgrep", "-P", before).stdout, 30)
    with Client(site.port) as client:
        assert client.chat(stream=True).events[-1] == "[DONE]"
    assert site.main_pid == before


def test_it_stops_as_long_as_its_drain_takes_with_a_truthful_end(site):
    with Client(site.port) as client:
        client.send_chat(stream=True, mock=SLOW)
        reply = client.head()
        stopping = subprocess.Popen(site.machine.command("systemctl", "stop", "chatbot"))
        client._body(reply)
        assert stopping.wait(60) == 0
    assert TOLD in reply.events[-1]
    assert not site.is_up()

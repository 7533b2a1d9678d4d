"""Below a path of the site, as the documents tell it: pages and answers, behind each front, and where the server does it itself."""

from __future__ import annotations

import contextlib
import re

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.hosting.fronts import fronts, servers
from tests.hosting.fronts.client import CHAT, Visitor, question
from tests.hosting.fronts.mounts import MOUNTS, PREFIX
from tests.hosting.fronts.servers import NAME
from tests.hosting.fronts.started_cells import folder_for_all
from tests.server import KEY

PUBLIC = f"https://{NAME}{PREFIX}"
ALL = [*MOUNTS, "gunicorn", "uwsgi"]


@contextlib.contextmanager
def below(way: str, certificates):
    """A port where the chat is below the path; whether it is asked by https."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(folder_for_all())
        provider = MockServer().start()
        stack.callback(provider.stop)
        if way == "mod_wsgi":
            servers.checkout(folder, provider.base_url)
            yield stack.enter_context(fronts.mod_wsgi(folder, certificates, MOUNTS[way])).port, True
            return
        if way == "uwsgi":
            changes = [("module = wsgi:app", f"manage-script-name = true\nmount = {PREFIX}=wsgi:app")]  # fmt: skip
            yield stack.enter_context(servers.uwsgi(folder, provider.base_url, behind=False, changes=changes)).port, False  # fmt: skip
            return
        own = {"SCRIPT_NAME": PREFIX} if way == "gunicorn" else {"CHATBOT_PUBLIC_URL": PUBLIC}
        app = stack.enter_context(
            servers.gunicorn("gunicorn.conf.py", folder, provider.base_url, behind=way != "gunicorn", **own)
        )  # fmt: skip
        if way == "gunicorn":
            yield app.port, False
            return
        (folder / "front").mkdir()
        started = fronts.FRONTS[way](folder / "front", app.port, certificates, MOUNTS[way])
        yield stack.enter_context(started).port, True


@pytest.mark.parametrize("way", ALL)
def test_pages_files_and_answers_are_below_the_path(certificates, way):
    with below(way, certificates) as (port, is_tls):
        ca = certificates / "site.pem" if is_tls else None
        with Visitor(port, ca) as visitor:
            page = visitor.fetch(f"{PREFIX}/")
        assert page.status == 200, page
        addresses = re.findall(r'(?:src|href|data-base)="(/[^"]*)"', page.body.decode())
        assert len(addresses) > 5
        for address in dict.fromkeys(addresses):
            assert address.startswith(f"{PREFIX}/"), address
            with Visitor(port, ca) as visitor:
                assert visitor.fetch(address).status == 200, address
        with Visitor(port, ca) as visitor:
            visitor._send("POST", PREFIX + CHAT, question(), {"Host": visitor.name, "Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})  # fmt: skip
            assert visitor.reply().body.endswith(b"data: [DONE]\n\n")

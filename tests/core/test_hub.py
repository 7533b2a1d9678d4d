"""The watch over the event loop, behind a real server: it names the call that holds everybody up."""

from __future__ import annotations

from chatbot.core import hub
from tests.metrics.prometheus import Metrics
from tests.server import KEY, Client, running, wait_for

BLOCKING = """
import chatbot.core.hub as hub
import chatbot.web.health as health
hub._QUIET_SECONDS = 0  # the machine may be busy just then

def a_call_that_blocks():
    from gevent.monkey import get_original
    get_original("time", "sleep")(0.4)

alive = health.alive
def slow():
    a_call_that_blocks()
    return alive()

import chatbot.app as app
make = app.create_app
def create_app():
    made = make()
    made.view_functions["health.alive"] = lambda: slow() if os.path.exists("block") else alive()
    return made
app.create_app = create_app
"""


def shown(server) -> Metrics:
    with Client(server.port) as client:
        return Metrics(client.get("/metrics").body.decode())


def seen(server):
    """The line that names the call, once one of a few calls was looked at."""
    with Client(server.port) as client:
        assert client.get("/healthz").status == 200
    return next((n for n in server.log() if named(n)), None)


def named(line) -> bool:
    return line["event"] == "hub_blocked" and "in a_call_that_blocks" in line["by"]


def test_a_blocking_call_is_named_in_the_log_and_counted(tmp_path):
    with running(tmp_path, extra=BLOCKING) as server:
        wait_for(lambda: shown(server).value("chatbot_hub_lag_seconds_count"))
        before = shown(server).value("chatbot_hub_blocked_total")
        (tmp_path / "block").touch()
        line = wait_for(lambda: seen(server), 30)
        (tmp_path / "block").unlink()
        assert line["seconds"] >= hub.BLOCKED_SECONDS
        assert KEY not in str(line)
        assert shown(server).value("chatbot_hub_blocked_total") > before

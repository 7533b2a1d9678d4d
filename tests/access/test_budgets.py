"""What is said of budgets, by whom, and to whom; and counts that were lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chatbot.access import budgets as module
from chatbot.access.budgets import Budgets
from chatbot.access.limits import Asker, budgets_of
from chatbot.access.ticket import Gate
from chatbot.core.api_key import describe, new_text
from chatbot.core.bot import read_bot
from chatbot.core.errors import BudgetExceeded
from chatbot.core.secret import Secret
from chatbot.shared.files import FilesState
from chatbot.shared.machine_meter import MachineMeter
from chatbot.shared.webhook import Webhook
from chatbot.store.saved import Charge, gather
from chatbot.store.usage import UsageStore
from tests.server import wait_for

SECRET = "whsec_0123456789abcdef0123456789abcdef"
BOT = read_bot(
    {
        "id": "shop",
        "limits": {"tokens_per_day": 1000, "visitor_requests_per_minute": 0, "visitor_streams": 0},
    }
)
KEY = describe(new_text("pk"), bot_id="shop")


class Directory:
    bots, keys = (BOT,), (KEY,)


class Receiver:
    """An owner's server: what it got, and what it answers, in turn."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    @property
    def data(self) -> list[dict]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver():
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def usage(open_database):
    database = open_database("")
    database.prepare()
    return UsageStore(database)


@pytest.fixture
def place(tmp_path, usage):
    """Makes one worker of several: all count and say in one folder."""

    def worker(send=None) -> tuple[Budgets, Gate]:
        meter = MachineMeter(tmp_path / "state")
        found = Budgets(Directory(), meter, usage, FilesState(tmp_path / "state"), send)
        return found, Gate(meter, found.on_used)

    return worker


def spend(gate: Gate, tokens: int) -> None:
    gate.admit(Asker(KEY, BOT, "s:1", "127.0.0.1"), tokens)


def said(caplog) -> list[dict]:
    return [r.fields for r in caplog.records if r.message == "budget"]


def test_it_is_said_once_at_80_and_once_at_100_percent_whoever_finds_out(place, caplog, receiver):
    caplog.set_level(logging.INFO)
    workers = [place(Webhook(receiver.url, Secret(SECRET)).send) for _ in range(3)]
    for _, gate in workers:
        spend(gate, 260)
    assert not said(caplog)
    for _, gate in workers:
        spend(gate, 10)
    wait_for(lambda: len(said(caplog)) == 1)
    for _, gate in workers * 2:
        with pytest.raises(BudgetExceeded):
            spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 2)
    assert [f["percent"] for f in said(caplog)] == [80, 100]
    assert said(caplog)[1] == {
        "bot": "shop", "budget": "tokens_per_day", "period": time.strftime("%Y-%m-%d", time.gmtime()),
        "percent": 100, "limit": 1000, "used": 810,
    }  # fmt: skip
    for found, _ in workers * 2:
        found.look()
    assert sorted(d["data"]["percent"] for d in receiver.data) == [80, 100]


def test_a_message_is_signed_as_standard_webhooks_says(place, receiver):
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 900)
    wait_for(lambda: found.look() or receiver.got)
    headers, body = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert "." not in headers["webhook-id"]
    assert receiver.data[0]["type"] == "budget.warning"
    assert SECRET not in str(receiver.got)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_receiver_that_fails_is_told_again_also_by_another_worker(place, receiver, monkeypatch, status):  # fmt: skip
    monkeypatch.setattr(module, "_AGAIN_SECONDS", (0.0,) * 6)
    receiver.answers = [status, status]
    first, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 900)
    wait_for(lambda: first.look() or receiver.got)
    second, _ = place(Webhook(receiver.url, Secret(SECRET)).send)
    for _ in range(4):
        second.look()
    assert len(receiver.got) == 3  # two that failed, and no redirect was followed
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_a_receiver_that_is_gone_is_given_up_after_the_last_try(place, monkeypatch, caplog):
    monkeypatch.setattr(module, "_AGAIN_SECONDS", (0.0, 0.0))
    tries = []
    found, gate = place(lambda *message: bool(tries.append(message)))
    spend(gate, 900)
    wait_for(lambda: found.look() or tries)
    for _ in range(5):
        found.look()
    assert len(tries) == 3
    assert [r.message for r in caplog.records].count("webhook_given_up") == 1


def test_a_new_day_says_it_again(place, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    _, gate = place()
    spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 1)
    tomorrow = time.time() + 86400
    from chatbot.access import limits

    monkeypatch.setattr(limits.time, "time", lambda: tomorrow)
    spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 2)
    assert len({f["period"] for f in said(caplog)}) == 2


def charged(usage: UsageStore, number: int, tokens: int) -> None:
    row = {"id": f"req_{number}", "day": time.strftime("%Y-%m-%d", time.gmtime()), "bot_id": "shop",
           "key_id": KEY.id, "model": "m", "requests": 1, "input_tokens": tokens, "output_tokens": 0}  # fmt: skip
    usage._database.run(gather([Charge(row)]).write, write=True)


def test_counts_that_were_lost_are_made_again_from_the_ledger_once(place, usage):
    charged(usage, 1, 300)
    charged(usage, 2, 400)
    workers = [place() for _ in range(3)]
    threads = [threading.Thread(target=found.count_anew) for found, _ in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers[0][0].count_anew()
    spend(workers[0][1], 300)
    with pytest.raises(BudgetExceeded):
        spend(workers[1][1], 1)


def test_counts_above_the_ledger_stay(place, usage):
    found, gate = place()
    spend(gate, 800)
    charged(usage, 1, 300)
    found.count_anew()
    spend(gate, 200)
    with pytest.raises(BudgetExceeded):
        spend(gate, 1)


@contextmanager
def broken(monkeypatch, usage):
    from chatbot.store.database import StoreAway

    def away(*_, **__):
        raise StoreAway("away")

    monkeypatch.setattr(usage, "used", away)
    yield


def test_a_database_that_is_away_is_no_end_of_counting(place, usage, monkeypatch, caplog):
    found, gate = place()
    with broken(monkeypatch, usage):
        found.count_anew()
    spend(gate, 10)
    assert "budgets_unread" in [r.message for r in caplog.records]


def test_only_budgets_are_made_again():
    parts = budgets_of("key", "key_1", (("requests_per_minute", 5), ("tokens_per_month", 9))).parts
    assert [part.name for part in parts] == ["tokens_per_month"]

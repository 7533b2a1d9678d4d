"""What is said of budgets, by whom, and to whom; and counts that were lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import SimpleNamespace

import pytest

from chatbot.access import budgets as module
from chatbot.access import limits
from chatbot.access.budgets import Budgets
from chatbot.access.limits import Asker, budgets_of
from chatbot.access.ticket import Gate
from chatbot.core.api_key import ApiKey, describe, new_text
from chatbot.core.bot import Bot, read_bot
from chatbot.core.errors import BudgetExceeded
from chatbot.core.secret import Secret
from chatbot.shared import webhook
from chatbot.shared.files import FilesState
from chatbot.shared.machine_meter import MachineMeter
from chatbot.shared.webhook import Webhook
from chatbot.store.saved import Charge, gather
from chatbot.store.usage import UsageStore
from tests.server import free_port, wait_for

SECRET = "whsec_0123456789abcdef0123456789abcdef"
BOT = read_bot(
    {
        "id": "shop",
        "limits": {"tokens_per_day": 1000, "visitor_requests_per_minute": 0, "visitor_streams": 0},
    }
)
KEY = describe(new_text("pk"), bot_id="shop")


SLOW = 0
"""What a receiver answers that lets others wait."""


class Directory:
    def __init__(self) -> None:
        self.bots, self.keys = (BOT,), (KEY,)


class Receiver:
    """An owner's server: what it got, and what it answers, in turn."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.asked: list[str] = []
        self.wakes = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(f"{self.command} {self.path}")
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = outer.answers.pop(0) if outer.answers else 204
                if status == SLOW:
                    outer.wakes.wait(20)
                    return
                self.send_response(status)
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
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.wakes.set()
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

    def worker(send=None, counts: str = "state") -> tuple[Budgets, Gate]:
        meter = MachineMeter(tmp_path / counts)
        found = Budgets(Directory(), meter, usage, FilesState(tmp_path / "state"), send)
        return found, Gate(meter, found.on_used)

    return worker


def spend(gate: Gate, tokens: int, bot: Bot = BOT, key: ApiKey = KEY) -> None:
    gate.admit(Asker(key, bot, "s:1", "127.0.0.1"), tokens).settle(tokens)


def said(caplog) -> list[dict]:
    return [r.fields for r in caplog.records if r.message == "budget"]


def test_it_is_said_once_at_80_and_once_at_100_percent_whoever_finds_out(place, caplog, receiver, monkeypatch):  # fmt: skip
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
    monkeypatch.setattr(module, "spawn", lambda say: say())
    late, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    with pytest.raises(BudgetExceeded):
        spend(gate, 900)
    late.look()
    assert len(said(caplog)) == len(receiver.got) == 2


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """What a receiver does with a message.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/standardwebhooks/webhooks.py
    """
    raw = not secret.startswith("whsec_")
    key = secret.encode() if raw else base64.b64decode(secret.removeprefix("whsec_"))
    if abs(int(headers["webhook-timestamp"]) - time.time()) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.split(",") for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(one, mac) for version, one in given)


@pytest.mark.parametrize("secret", [SECRET, "as it is written, with no prefix at all"])
def test_a_message_is_signed_as_its_receiver_checks_it(place, receiver, secret):
    found, gate = place(Webhook(receiver.url, Secret(secret)).send)
    spend(gate, 900)
    wait_for(lambda: found.look() or receiver.got)
    (headers, body), (data,) = receiver.got[0], receiver.data
    assert is_signed(headers, body, secret)
    assert not is_signed(headers, body.replace(b"900", b"901"), secret)
    assert not is_signed({**headers, "webhook-id": "another"}, body, secret)
    assert not is_signed(headers, body, SECRET[:-4] + "cdee")
    assert headers["content-type"] == "application/json"
    assert data.pop("timestamp").startswith(time.strftime("%Y-", time.gmtime()))
    assert data.pop("data").items() >= {"bot": "shop", "percent": 80, "used": 900}.items()
    assert data == {"type": "budget.warning"}


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
    assert receiver.asked == ["POST /hook"] * 3  # two that failed, and no redirect was followed
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


def test_a_receiver_that_is_slow_is_let_go_and_told_again(place, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "_LIMIT_SECONDS", 0.1)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", (0.0,) * 6)
    receiver.answers = [SLOW, SLOW]
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 900)
    wait_for(lambda: found.look() or len(receiver.got) == 3)
    found.look()
    assert len(receiver.got) == 3


def test_no_receiver_at_all_is_a_failure_like_others(monkeypatch, caplog):
    send = Webhook(f"http://127.0.0.1:{free_port()}/", Secret(SECRET)).send
    assert send("id", b"{}") is False
    assert [r.message for r in caplog.records] == ["webhook_failed"]


def test_where_a_worker_dies_while_it_tells_another_tells(place, receiver):
    if not (child := os.fork()):
        try:
            found, gate = place(lambda *_: os._exit(0))
            spend(gate, 900)
            wait_for(found.look)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    workers = [place(Webhook(receiver.url, Secret(SECRET)).send)[0] for _ in range(2)]
    for worker in workers * 2:
        worker.look()
    assert len(receiver.got) == 1


def test_while_one_worker_tells_no_other_does(place):
    told = []

    def send(*message) -> bool:
        told.append(message)
        second.look()
        return True

    second, _ = place(send)
    first, gate = place(send)
    spend(gate, 900)
    wait_for(lambda: first.look() or told)
    assert len(told) == 1


def test_tries_are_further_and_further_apart(place, monkeypatch):
    tries, clock = [], SimpleNamespace(now=time.time())
    found, gate = place(lambda *_: bool(tries.append(clock.now)))
    spend(gate, 900)
    wait_for(found._due)
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "time": lambda: clock.now}))  # fmt: skip
    for _ in range(2000):
        clock.now += 20
        found.look()
    pauses = [round(later - earlier) for earlier, later in pairwise(tries)]
    assert pauses == [20, 60, 300, 1800, 7200, 21600]


def test_a_server_that_stood_still_does_not_tell_all_at_once(place, monkeypatch):
    tries, clock = [], SimpleNamespace(now=time.time())
    found, gate = place(lambda *_: bool(tries.append(clock.now)))
    spend(gate, 900)
    wait_for(found._due)
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "time": lambda: clock.now}))  # fmt: skip
    clock.now += 86400
    for _ in range(9):
        found.look()
    assert len(tries) == 1


def test_a_budget_that_was_raised_is_said_again(place, caplog):
    caplog.set_level(logging.INFO)
    _, gate = place()
    spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 1)
    usual = BOT.as_dict()
    spend(gate, 800, read_bot({**usual, "limits": {**usual["limits"], "tokens_per_day": 2000}}))
    wait_for(lambda: len(said(caplog)) == 2)
    assert [(f["limit"], f["percent"]) for f in said(caplog)] == [(1000, 80), (2000, 80)]


def test_nothing_that_is_said_has_a_text_or_a_key_or_tells_a_visitor(place, receiver, caplog):
    caplog.set_level(logging.INFO)
    text = new_text("pk")
    key = describe(text, bot_id="shop", name="Secret-Name", limits=(("tokens_per_month", 500),))
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 490, key=key)
    with pytest.raises(BudgetExceeded):
        spend(gate, 20, key=key)
    wait_for(lambda: found.look() or len(receiver.got) == 2)
    assert all(d["data"]["key"] == key.id for d in receiver.data)
    everything = str(receiver.got) + str([vars(r) for r in caplog.records])
    for hidden in (text, text[3:], key.digest, "Secret-Name", SECRET, SECRET[6:], "s:1", "127.0.0.1:8"):  # fmt: skip
        assert hidden not in everything


def test_a_new_day_says_it_again(place, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    _, gate = place()
    spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 1)
    tomorrow = time.time() + 86400
    monkeypatch.setattr(limits.time, "time", lambda: tomorrow)
    spend(gate, 900)
    wait_for(lambda: len(said(caplog)) == 2)
    assert len({f["period"] for f in said(caplog)}) == 2


def charged(usage: UsageStore, number: int, tokens: int, key_id: str = KEY.id) -> None:
    row = {"id": f"req_{number}", "day": time.strftime("%Y-%m-%d", time.gmtime()), "bot_id": "shop",
           "key_id": key_id, "model": "m", "requests": 1, "input_tokens": tokens, "output_tokens": 0}  # fmt: skip
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


def test_counts_of_a_day_and_a_month_of_bots_and_keys_are_made_again_once_by_many_workers(place, usage, caplog):  # fmt: skip
    key = describe(new_text("sk"), limits=(("tokens_per_day", 500), ("tokens_per_month", 900)))
    bot = read_bot({"id": "shop", "limits": {"tokens_per_day": 1000, "tokens_per_month": 2000}})
    charged(usage, 1, 300)
    charged(usage, 2, 450, key_id=key.id)
    usage.roll_up()
    workers = [place(counts="new disk") for _ in range(4)]
    for found, _ in workers:
        found._directory.bots, found._directory.keys = (bot,), (KEY, key)
    threads = [threading.Thread(target=found.count_anew) for found, _ in workers * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = [r.fields for r in caplog.records if r.message == "budget_counted_anew"]
    day, month = (time.strftime(form, time.gmtime()) for form in ("%Y-%m-%d", "%Y-%m"))
    assert [(f["budget"], f["used"]) for f in counted] == [
        (f"bot:shop:{day}", 750), (f"bot:shop:{month}", 750), (f"key:{key.id}:{day}", 450), (f"key:{key.id}:{month}", 450)
    ]  # fmt: skip
    spend(workers[0][1], 250, bot)
    with pytest.raises(BudgetExceeded):
        spend(workers[1][1], 1, bot)
    workers[2][1].admit(Asker(key, None), 50)
    with pytest.raises(BudgetExceeded, match="day"):
        workers[3][1].admit(Asker(key, None), 1)


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

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
from itertools import count, pairwise
from types import SimpleNamespace

import pytest

from chatbot.access import budgets as module
from chatbot.access import limits
from chatbot.access.budgets import Budgets
from chatbot.access.limits import Asker, budgets_of
from chatbot.access.ticket import Gate, Ticket
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
from tests.ports import free_port
from tests.server import wait_for

SECRET = "whsec_0123456789abcdef0123456789abcdef"
BOT = read_bot(
    {
        "id": "shop",
        "limits": {"tokens_per_day": 1000, "visitor_requests_per_minute": 0, "visitor_streams": 0},
    }
)
KEY = describe(new_text("pk"), bot_id="shop")


NUMBERS = count(1000)
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
        return found, Till(meter, found.on_used, usage)

    return worker


class Till(Gate):
    """A gate with the ledger beside it."""

    def __init__(self, meter: MachineMeter, on_used, usage: UsageStore) -> None:
        super().__init__(meter, on_used)
        self.usage = usage


def ask(gate: Gate, tokens: int, bot: Bot = BOT, key: ApiKey = KEY) -> Ticket:
    return gate.admit(Asker(key, bot, "s:1", "127.0.0.1"), tokens)


def spend(gate: Till, tokens: int, bot: Bot = BOT, key: ApiKey = KEY) -> None:
    ask(gate, tokens, bot, key).settle(tokens)
    charged(gate.usage, next(NUMBERS), tokens, key.id)


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
    wait_for(lambda: [found.look() for found, _ in workers] and len(said(caplog)) == 1)
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
    assert [note["next_try_in"] for _, _, note in tries] == [0.0, 0.0, None]
    assert {note["type"] for _, _, note in tries} == {"budget.warning"}


def test_the_line_of_a_failed_message_says_which_it_was_and_when_it_is_sent_again(place, receiver, caplog):  # fmt: skip
    receiver.answers = [500]
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 900)
    wait_for(lambda: found.look() or receiver.got)
    (line,) = [r.fields for r in caplog.records if r.message == "webhook_failed"]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert line == {
        "message": f"bot:shop:{day}:tokens_per_day:1000:80", "type": "budget.warning",
        "next_try_in": module._AGAIN_SECONDS[0], "kind": "HTTPError", "status": 500,
    }  # fmt: skip


def test_a_receiver_that_is_slow_is_let_go_and_told_again(place, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "_LIMIT_SECONDS", 0.5)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", (0.0,) * 6)
    receiver.answers = [SLOW, SLOW]
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 900)
    wait_for(lambda: found.look() or len(receiver.got) == 3)
    found.look()
    assert len(receiver.got) == 3


def test_no_receiver_at_all_is_a_failure_like_others(monkeypatch, caplog):
    send = Webhook(f"http://127.0.0.1:{free_port()}/", Secret(SECRET)).send
    assert send("id", b"{}", {"type": "budget.warning", "next_try_in": 10.0}) is False
    (line,) = [r for r in caplog.records if r.message == "webhook_failed"]
    assert line.fields.items() >= {"message": "id", "type": "budget.warning", "next_try_in": 10.0}.items()  # fmt: skip


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
    wait_for(lambda: found._look_at_near() or found._due())
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
    wait_for(lambda: found._look_at_near() or found._due())
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "time": lambda: clock.now}))  # fmt: skip
    clock.now += 86400
    for _ in range(9):
        found.look()
    assert len(tries) == 1


def test_a_budget_that_was_raised_is_said_again(place, caplog):
    caplog.set_level(logging.INFO)
    found, gate = place()
    spend(gate, 900)
    wait_for(lambda: found.look() or len(said(caplog)) == 1)
    usual = BOT.as_dict()
    spend(gate, 800, read_bot({**usual, "limits": {**usual["limits"], "tokens_per_day": 2000}}))
    wait_for(lambda: found.look() or len(said(caplog)) == 2)
    assert [(f["limit"], f["percent"]) for f in said(caplog)] == [(1000, 80), (2000, 80)]


def test_nothing_that_is_said_has_a_text_or_a_key_or_tells_a_visitor(place, receiver, caplog):
    caplog.set_level(logging.INFO)
    text = new_text("pk")
    key = describe(text, bot_id="shop", name="Secret-Name", limits=(("tokens_per_month", 500),))
    found, gate = place(Webhook(receiver.url, Secret(SECRET)).send)
    spend(gate, 490, key=key)
    wait_for(lambda: found.look() or receiver.got)
    with pytest.raises(BudgetExceeded):
        spend(gate, 20, key=key)
    wait_for(lambda: found.look() or len(receiver.got) == 2)
    assert all(d["data"]["key"] == key.id for d in receiver.data)
    everything = str(receiver.got) + str([vars(r) for r in caplog.records])
    for hidden in (text, text[3:], key.digest, "Secret-Name", SECRET, SECRET[6:], "s:1", "127.0.0.1:8"):  # fmt: skip
        assert hidden not in everything


def test_a_new_day_says_it_again(place, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    found, gate = place()
    spend(gate, 900)
    wait_for(lambda: found.look() or len(said(caplog)) == 1)
    tomorrow = time.time() + 86400
    gmtime = time.gmtime
    monkeypatch.setattr(limits.time, "time", lambda: tomorrow)
    monkeypatch.setattr(time, "gmtime", lambda at=tomorrow: gmtime(at))
    spend(gate, 900)
    wait_for(lambda: found.look() or len(said(caplog)) == 2)
    assert len({f["period"] for f in said(caplog)}) == 2


def charged(usage: UsageStore, number: int, tokens: int, key_id: str = KEY.id) -> None:
    row = {"id": f"req_{number}", "day": time.strftime("%Y-%m-%d", time.gmtime(time.time())), "bot_id": "shop",
           "key_id": key_id, "model": "m", "requests": 1, "input_tokens": tokens, "output_tokens": 0}  # fmt: skip
    usage._database.run(gather([Charge(row)]).write, write=True)


def test_what_other_workers_have_only_reserved_is_not_said_to_be_used(place, usage, caplog, monkeypatch):  # fmt: skip
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    (_, first), (two, second) = workers = [place() for _ in range(2)]
    running = [ask(first, 300), ask(first, 300)]
    spend(second, 390)
    for found, _ in workers:
        found.look()
    for ticket in running:
        ticket.settle(0)
    two.look()
    assert not two._near  # nothing is left to look at until the next question
    spend(first, 420)
    running = ask(first, 100)
    spend(second, 10)
    wait_for(lambda: two.look() or said(caplog))
    with pytest.raises(BudgetExceeded):
        ask(second, 200)
    wait_for(lambda: len(said(caplog)) == 2)
    assert [(f["percent"], f["used"] >= 810) for f in said(caplog)] == [(80, True), (100, True)]
    assert said(caplog)[0]["used"] == 820


def test_a_ledger_that_is_late_is_asked_again_with_no_further_question(place, usage, caplog, monkeypatch):  # fmt: skip
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    found, gate = place()
    ask(gate, 900).settle(900)
    found.look()
    assert not said(caplog)
    charged(usage, 1, 900)
    wait_for(lambda: found.look() or said(caplog))
    asked = []
    monkeypatch.setattr(usage, "used", lambda *a: asked.append(a) or [])
    ask(gate, 10).settle(10)
    found.look()
    assert not asked  # what was said is not looked at again


def test_a_ledger_that_is_away_is_asked_later(place, usage, caplog, monkeypatch):
    found, gate = place()
    spend(gate, 900)
    found.count_anew()
    with monkeypatch.context() as patch, broken(patch, usage):
        found.look()
    assert not said(caplog)
    wait_for(lambda: found.look() or said(caplog))


def test_no_warning_comes_after_the_word_that_it_is_used_up(place, caplog):
    (one, first), (two, second) = [place() for _ in range(2)]
    spend(first, 790)
    with pytest.raises(BudgetExceeded):
        ask(first, 300)
    wait_for(lambda: said(caplog))
    spend(first, 50)
    spend(second, 10)
    for found in (one, two):
        found.look()
    wait_for(lambda: not one._near and not two._near)
    assert [f["percent"] for f in said(caplog)] == [100]


def test_a_budget_that_no_question_fits_into_is_said_by_what_one_needs(place, receiver, caplog):
    found, _ = place(Webhook(receiver.url, Secret(SECRET)).send)
    budgets = budgets_of("bot", "shop", (("tokens_per_day", 100),))
    for _ in range(3):
        found.on_too_small(budgets.parts[0], budgets.takes[0], 3412)
    wait_for(lambda: found.look() or receiver.got)
    (message,) = receiver.data
    day = time.strftime("%Y-%m-%d", time.gmtime())
    expected = {"bot": "shop", "budget": "tokens_per_day", "period": day, "limit": 100, "needed": 3412}  # fmt: skip
    assert (message["type"], message["data"]) == ("budget.too_small", expected)
    assert said(caplog) == [expected]


def test_what_a_worker_remembers_of_budgets_has_a_bound(place, caplog, monkeypatch):
    monkeypatch.setattr(module, "_TOLD_CAP", 5)
    found, gate = place()
    parts, takes, *_ = budgets_of("bot", "shop", (("tokens_per_day", 100),))
    others = threading.active_count()

    def are_all_said():
        """Each is refused again: what could not be put down while many did is put down then."""
        for number in range(40):
            found.on_used(parts[0], takes[0]._replace(key=f"bot:shop:day{number}"), 100, True)
        assert len(found._told) <= 5
        wait_for(lambda: threading.active_count() <= others, 60)
        return len(said(caplog)) >= 40

    wait_for(are_all_said, 60)
    assert are_all_said()
    assert len(said(caplog)) == 40  # once each, by what workers share
    for _ in range(50):
        spend(gate, 1)
    assert not gate._reserved


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
    ask(gate, 800).settle(800)
    charged(usage, 1, 300)
    found.count_anew()
    ask(gate, 200).settle(200)
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

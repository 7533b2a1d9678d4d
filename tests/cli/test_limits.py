"""`stop`, `resume`, `usage`, and a key's own limits, as they are typed."""

from __future__ import annotations

import csv
import io
import re
import time

import pytest

from chatbot.access.directory import Directory
from chatbot.access.keys import fixed_keys
from chatbot.core.errors import ServiceStopped
from chatbot.core.secret import Secret
from chatbot.relay.running import Running
from chatbot.shared.process import ProcessState
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.saved import Charge, gather

SOON = "within 5 seconds on all workers"


@pytest.fixture
def store(run, data_dir):
    run("bots", "create", "shop")
    database = Database(Secret(""), data_dir)
    yield DirectoryStore(database)
    database.close()


def test_a_stop_reaches_a_running_server_in_one_look_with_its_message(run, store):
    told = []
    directory = Directory(
        store, ProcessState(), fixed_keys(()), prepare=lambda: None, on_ended=lambda _: None,
        on_stopped=lambda ids, error: told.append((ids, error.message)),
    )  # fmt: skip
    key = re.search(r"pk_\S+", run("keys", "create", "--bot", "shop"))[0]
    directory.look()
    assert run("stop", "--bot", "shop", "--message", "Gone fishing.").splitlines() == [
        "Stopped: bot:shop, within 5 seconds on all workers. Answers under way end.",
        "Whoever asks is told: Gone fishing.",
        "Answer again: python -m chatbot resume --bot shop",
    ]
    directory.look()
    directory.look()
    with pytest.raises(ServiceStopped, match="Gone fishing"):
        directory.check_running("shop")
    directory.check_running("other")
    (ids, message), = told  # fmt: skip
    assert directory.identify(key).id in ids
    assert message == "Gone fishing."
    assert run("resume", "--bot", "shop") == f"Answers again: bot:shop, {SOON}.\n"
    directory.look()
    directory.check_running("shop")


def test_everything_and_a_provider_can_be_stopped(run, store):
    assert f"Stopped: all, {SOON}." in run("stop")
    assert "Answer again: python -m chatbot resume\n" in run("stop")
    said = run("stop", "--provider", "mock")
    assert said.startswith(f"Stopped: provider:mock, {SOON}. Its targets are passed over")
    assert "Where no other target is left, whoever asks is told: This chat is closed" in said
    assert said.endswith("Answer again: python -m chatbot resume --provider mock\n")
    assert [what for what, _ in store.contents().stops] == ["all", "provider:mock"]
    run("stop", "--message", "Another message")
    assert dict(store.contents().stops)["all"] == "Another message"
    assert run("resume").splitlines() == [f"Answers again: all, {SOON}.", "Still stopped: provider:mock."]  # fmt: skip


def test_what_is_stopped_now_is_listed_with_its_message_and_the_command_that_ends_it(run, store):
    assert run("stops") == "Nothing is stopped.\n"
    run("stop", "--bot", "shop", "--message", "Gone\nfishing.")
    run("stop")
    first, how, second, how_all = run("stops").splitlines()
    assert re.fullmatch(r"bot:shop  since \d{4}-\d\d-\d\d \d\d:\d\d UTC  Gone fishing\.", first)
    assert second.startswith("all  since ")
    commands = [line.partition("python -m chatbot ")[2].split() for line in (how, how_all)]
    for command in commands:
        run(*command)
    assert run("stops") == "Nothing is stopped.\n"


def test_what_is_not_there_is_said(run, store):
    assert "no bot 'tea'" in run.refused("stop", "--bot", "tea")
    assert "no provider 'x': mock" in run.refused("stop", "--provider", "x")
    assert "bot:shop is not stopped; stopped is: nothing" in run.refused("resume", "--bot", "shop")  # fmt: skip
    assert "--bot or --provider" in run.refused("stop", "--bot", "shop", "--provider", "mock")
    assert "500 characters" in run.refused("stop", "--message", "x" * 501)


def test_usage_is_csv_that_no_spreadsheet_runs(run, store):
    rows = [
        {"id": f"req_{n}", "day": "2026-11-27", "bot_id": "shop", "key_id": "key_1", "model": model,
         "requests": 1, "input_tokens": 5, "output_tokens": 6}
        for n, model in enumerate(["m", "m", '=HYPERLINK("x")', "a,b"])
    ]  # fmt: skip
    store._database.run(gather([Charge(row) for row in rows]).write, write=True)
    head, *lines = run("usage", "--month", "2026-11").splitlines()
    assert head == "month,bot,key,model,requests,input_tokens,output_tokens,tokens"
    assert sorted(lines) == sorted([
        '2026-11,shop,key_1,"\'=HYPERLINK(""x"")",1,5,6,11', '2026-11,shop,key_1,"a,b",1,5,6,11',
        "2026-11,shop,key_1,m,2,10,12,22",
    ])  # fmt: skip
    assert run("usage", "--month", "2026-11", "--bot", "other").splitlines() == [head]
    assert run("usage", "--month", "2025-01").splitlines() == [head]
    assert "such as 2026-11" in run.refused("usage", "--month", "november")


def test_a_key_has_limits_of_its_own_and_so_has_what_replaces_it(run, store):
    made = run(
        "keys", "create", "--secret", "--limit", "tokens_per_day=500", "--limit", "streams=2"
    )
    text = re.search(r"sk_\S+", made)[0]
    assert store.contents().keys[-1].limits == (("tokens_per_day", 500), ("streams", 2))
    run("keys", "rotate", text)
    assert store.contents().keys[-1].limits == (("tokens_per_day", 500), ("streams", 2))
    for pair in ("tokens=5", "streams", "streams=0", "streams=-1", "streams=x", "streams=9999999999999", f"streams={10**13}", "streams=" + "0" * 12 + "1" + "9" * 20, "streams=٣", "streams=1.5"):  # fmt: skip
        assert "limit" in run.refused(
            "keys", "create", "--secret", "--limit", pair
        ) or "whole number" in run.refused("keys", "create", "--secret", "--limit", pair)


class Server:
    """A running one: its directory, and the streams that it has under way, by key."""

    def __init__(self, store, *fixed: str) -> None:
        self.running = Running(9)
        self.directory = Directory(
            store, ProcessState(), fixed_keys(map(Secret, fixed)), prepare=lambda: None,
            on_ended=self.running.stop_keys, on_stopped=self.running.stop_keys,
        )  # fmt: skip
        self.directory.look()
        self.ended: dict[str, str] = {}

    def stream(self, name: str, key: str) -> None:
        """An answer begins by this key, and notes with what it is ended."""
        self.running.enter(lambda e: self.ended.setdefault(name, e.message), self.directory.identify(key).id)  # fmt: skip


@pytest.fixture
def server(run, store):
    run("bots", "create", "tea")
    texts = {
        "page": re.search(r"pk_\S+", run("keys", "create", "--bot", "shop"))[0],
        "its program": re.search(r"sk_\S+", run("keys", "create", "--secret", "--bot", "shop"))[0],
        "another page": re.search(r"pk_\S+", run("keys", "create", "--bot", "tea"))[0],
        "a program": re.search(r"sk_\S+", run("keys", "create", "--secret"))[0],
        "one of the settings": "sk_of_the_settings_0123456789",
    }
    server = Server(store, texts["one of the settings"])
    for name, text in texts.items():
        server.stream(name, text)
    return server


def test_a_stopped_bots_answers_end_in_one_look_and_no_others(run, server):
    run("stop", "--bot", "shop", "--message", "Gone fishing.")
    server.directory.look()
    assert server.ended == dict.fromkeys(("page", "its program"), "Gone fishing.")
    run("stop", "--bot", "tea")
    server.directory.look()
    assert server.ended["another page"] == "This chat is closed at the moment."
    assert len(server.ended) == 3


def test_all_answers_end_where_everything_is_stopped_and_those_begun_afterwards_do_not(run, server):
    run("stop", "--message", "Gone fishing.")
    server.directory.look()
    assert set(server.ended.values()) == {"Gone fishing."}
    assert len(server.ended) == 5
    run("resume")
    server.directory.look()
    server.stream("a new one", "sk_of_the_settings_0123456789")
    server.directory.look()
    assert "a new one" not in server.ended
    run("stop")
    server.directory.look()
    assert "a new one" in server.ended  # the second stop is told as the first was


def test_a_stopped_provider_is_known_in_one_look_and_its_answers_are_let_finish(run, server):
    run("stop", "--provider", "mock", "--message", "Gone fishing.")
    server.directory.look()
    server.directory.check_running("shop")
    assert server.directory.stopped_providers() == {"mock": "Gone fishing."}
    assert server.ended == {}
    run("resume", "--provider", "mock")
    server.directory.look()
    assert server.directory.stopped_providers() == {}


def test_the_stop_of_a_bot_that_is_deleted_can_be_taken_back(run, store):
    run("stop", "--bot", "shop")
    store.delete_bot("shop")
    assert run("resume", "--bot", "shop") == f"Answers again: bot:shop, {SOON}.\n"
    assert "is not stopped" in run.refused("resume", "--bot", "")
    assert "no bot" in run.refused("stop", "--bot", "")
    assert "no provider" in run.refused("stop", "--provider", "")


def spent(store, *rows: tuple[str, str]) -> None:
    """Charges of (day, model)."""
    charges = [
        Charge({"id": f"req_{n}", "day": day, "bot_id": "shop", "key_id": "key_1", "model": model,
                "requests": 1, "input_tokens": 5, "output_tokens": 6})
        for n, (day, model) in enumerate(rows)
    ]  # fmt: skip
    store._database.run(gather(charges).write, write=True)


def read(said: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said)))


@pytest.mark.parametrize("begin", [*"=+-@", "\t", "\r", "\n", "=\n"])
def test_any_model_name_is_a_text_in_a_spreadsheet_and_comes_back_whole(run, store, begin):
    name = begin + '1+cmd|" /C calc"!A0,é;'
    spent(store, ("2026-11-27", name))
    (row,) = csv.DictReader(io.StringIO(run.stdout("usage", "--month", "2026-11"), newline=""))
    assert row["model"] == "'" + name
    assert (row["requests"], row["tokens"]) == ("1", "11")


def test_a_month_is_that_month_alone_however_it_is_written(run, store):
    spent(store, ("2026-01-31", "m"), ("2026-10-01", "m"), ("2026-11-01", "m"), ("2026-12-31", "m"))
    for written in ("2026-1", "2026-01"):
        assert [(r["month"], r["requests"]) for r in read(run("usage", "--month", written))] == [("2026-01", "1")]  # fmt: skip
    for wrong in ("2026", "2026-13", "2026-00", "%", "", "2026-1-1"):
        assert "such as 2026-11" in run.refused("usage", "--month", wrong)


def test_without_a_month_it_is_this_one(run, store):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    spent(store, (today, "m"), ("2020-01-01", "m"))
    assert [(r["month"], r["tokens"]) for r in read(run("usage"))] == [(today[:7], "11")]

"""`stop`, `resume`, `usage`, and a key's own limits, as they are typed."""

from __future__ import annotations

import re

import pytest

from chatbot.access.directory import Directory
from chatbot.access.keys import fixed_keys
from chatbot.core.errors import ServiceStopped
from chatbot.core.secret import Secret
from chatbot.shared.process import ProcessState
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.saved import Charge, gather


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
    assert run("stop", "--bot", "shop", "--message", "Gone fishing.") == "Stopped: bot:shop.\n"
    directory.look()
    directory.look()
    with pytest.raises(ServiceStopped, match="Gone fishing"):
        directory.check_running("shop")
    directory.check_running("other")
    (ids, message), = told  # fmt: skip
    assert directory.identify(key).id in ids
    assert message == "Gone fishing."
    assert run("resume", "--bot", "shop") == "Answers again: bot:shop.\n"
    directory.look()
    directory.check_running("shop")


def test_everything_and_a_provider_can_be_stopped(run, store):
    assert run("stop") == "Stopped: all.\n"
    assert run("stop", "--provider", "mock") == "Stopped: provider:mock.\n"
    assert [what for what, _ in store.contents().stops] == ["all", "provider:mock"]
    run("stop", "--message", "Another message")
    assert dict(store.contents().stops)["all"] == "Another message"


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
    for pair in ("tokens=5", "streams", "streams=0", "streams=-1", "streams=x", "streams=9999999999999"):  # fmt: skip
        assert "limit" in run.refused(
            "keys", "create", "--secret", "--limit", pair
        ) or "whole number" in run.refused("keys", "create", "--secret", "--limit", pair)

"""The widget's transport against the server as it is run."""

from __future__ import annotations

import json
import subprocess

import pytest

from chatbot.upstream.mock_script import Script
from tests.server import ROOT
from tests.visits.shop import ORIGIN, answer, chunk, shop

VISIT = ROOT / "tests" / "widget" / "transport" / "visit_a_server.mjs"


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("widget")) as (here, scripts):
        cut = Script([(0.0, chunk("One "))], end="close")
        scripts += [answer(["Good ", "day."]), answer(["Good ", "day."]), cut, answer(["Two "]), answer(["Three "], end=False)]  # fmt: skip
        command = ["node", str(VISIT), f"http://127.0.0.1:{here.server.port}", here.key, ORIGIN]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


def text(completion):
    return completion["choices"][0]["message"]["content"]


def test_the_configuration_is_the_bot_s(seen):
    assert seen["config"]["bot"] == "shop"


def test_a_stream_comes_in_pieces_and_whole(seen):
    assert seen["chunks"] == ["Good ", "day."]
    assert text(seen["first"]) == "Good day."
    assert seen["first"]["choices"][0]["finish_reason"] == "stop"


def test_a_conversation_goes_on_and_can_be_read(seen):
    assert text(seen["second"]) == "Good day."
    assert seen["second"]["meta"]["conversationId"] == seen["first"]["meta"]["conversationId"]
    said = seen["conversation"]["messages"]
    assert [m["role"] for m in said] == ["user", "assistant"] * 2
    assert said[1]["rating"] == "up"
    assert said[1]["id"] == seen["first"]["meta"]["messageId"]
    assert said[1]["request_id"] == seen["first"]["meta"]["requestId"]


def test_an_answer_that_broke_off_keeps_its_beginning(seen):
    cut = seen["cut"]
    assert (cut["state"], cut["code"]) == ("incomplete", "stream_incomplete")
    assert cut["partial"] == "One "
    assert cut["requestId"].startswith("req_")


def test_a_visitor_may_stop(seen):
    assert seen["stopped"]["state"] == "stopped_by_visitor"
    assert seen["stopped"]["partial"] == "Three "


def test_what_is_forgotten_is_gone(seen):
    assert seen["receipt"]["remaining"] == 0
    assert seen["gone"]["code"] == "not_found"


def test_a_key_that_is_not_known_is_refused(seen):
    assert (seen["refused"]["state"], seen["refused"]["code"]) == ("refused", "invalid_api_key")

"""The test page: whom it gives a key and a pass, and what a pass is good for. What it measures is looked at in a browser
(`tests/widget/e2e/test_page.test.mjs`)."""

from __future__ import annotations

import re
import time

import pytest

from chatbot.access.sessions import Signer
from chatbot.app import create_app
from chatbot.chat.trial import Trials
from chatbot.core.secret import Secret
from tests.visitor import ORIGIN, Visitor, add_bot
from tests.web.conftest import KEY, asked
from tests.web.test_admin import log_in

ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}
PATHS = ("/test-streaming", "/test-streaming.html")


@pytest.fixture
def demo(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY, CHATBOT_MODEL="mock-instant"))
    yield app
    app.extensions["chatbot"].close()


def pass_in(page) -> str:
    return re.search(r'data-trial="([^"]*)"', page.text)[1]


def key_in(page) -> str:
    return re.search(r'name="key"[^>]* value="([^"]*)"', page.text)[1]


@pytest.mark.parametrize("path", PATHS)
def test_on_this_machine_it_works_at_once_with_the_demos_key(demo, path):
    page = demo.test_client().get(path)
    assert key_in(page).startswith("pk_")
    assert pass_in(page).startswith("trial_")
    assert '<input name="key" type="hidden"' in page.text, "another key is the operator's"
    assert 'id="profile"' in page.text
    assert KEY not in page.text


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_gets_neither_key_nor_pass_and_is_told_who_does(demo, path):
    page = demo.test_client().get(path, headers=ELSEWHERE)
    assert (key_in(page), pass_in(page)) == ("", "")
    assert page.text.count(" disabled>") >= 3
    assert 'href="/admin">log in</a>' in page.text


def test_an_operator_who_is_logged_in_uses_any_key_from_anywhere(demo):
    client = demo.test_client()
    log_in(client)
    page = client.get("/test-streaming", headers=ELSEWHERE)
    assert '<input id="key" name="key"' in page.text
    assert pass_in(page)
    assert KEY not in page.text


def test_where_asking_costs_money_only_the_operator_chooses(site):
    client = site.test_client()
    page = client.get("/test-streaming")
    assert key_in(page).startswith("pk_")
    assert pass_in(page) == ""
    assert 'id="model"' not in page.text
    log_in(client)
    page = client.get("/test-streaming")
    assert pass_in(page)
    assert 'id="model"' in page.text
    assert 'id="profile"' not in page.text


def test_below_a_path_all_of_it_stays_below_that_path(demo):
    page = demo.test_client().get("/test-streaming", environ_overrides={"SCRIPT_NAME": "/chatbot"})
    assert 'data-base="/chatbot/"' in page.text
    for address in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
        assert address.startswith("/chatbot/"), address


def test_with_a_pass_the_mocks_model_and_profile_are_chosen(demo):
    client = demo.test_client()
    page = client.get("/test-streaming")
    visitor = Visitor(client, key_in(page), "http://localhost")
    usual = visitor.ask("How do I run it?").json["choices"][0]["message"]["content"]
    chosen = {"pass": pass_in(page), "model": "mock", "profile": "instant", "seed": 1}
    reply = visitor.ask("How do I run it?", test=chosen)
    assert reply.json["model"] == "mock"
    assert "Three things happen" in reply.json["choices"][0]["message"]["content"]
    assert "Three things happen" not in usual, "a profile gets the mock's own answer, no passage"
    assert "test" not in reply.headers.get("X-Chatbot-Ignored", "")


def test_an_operators_pass_chooses_the_providers_model_and_nothing_else(site, provider):
    trials = site.extensions["chatbot"].trials
    chosen = {"pass": trials.admit(is_operator=True), "profile": "origin",
              "mock": {"fault": "503"}, "temperature": 2, "base_url": "http://127.0.0.1:1"}  # fmt: skip
    shop = add_bot(site, "shop", prompt="You sell tea.", model="never-asked")
    Visitor(site.test_client(), shop).ask("Hi", test={**chosen, "model": "mock-instant"})
    sent = asked(provider)
    assert sent["model"] == "mock-instant"
    assert not {"test", "mock", "temperature", "base_url", "profile"} & set(sent)
    assert sent["messages"][0]["content"].startswith("You sell tea.")


def test_without_a_good_pass_nothing_is_chosen_and_that_is_said(site, shop, provider):
    services = site.extensions["chatbot"]
    late = services.signer.issue("trial", time.time() - 1, "operator").text
    other = services.signer.issue("ses", time.time() + 99, "operator").text
    for given in ("", late, other, "trial_x", None, 1, ["x"], {}):
        reply = Visitor(site.test_client(), shop).ask("Hi", test={"pass": given, "model": "dear"})
        assert asked(provider)["model"] == "mock-instant"
        assert reply.headers["X-Chatbot-Ignored"] == "test"
    assert Visitor(site.test_client(), shop).ask("Hi", test="x").status_code == 200


def test_a_page_of_another_site_gets_no_pass(demo):
    page = demo.test_client().get("/test-streaming", headers={"Origin": ORIGIN})
    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in page.headers


def test_a_pass_from_when_the_mock_answered_is_none_once_a_provider_does():
    signer = Signer(Secret("s" * 32))
    mock, provider = Trials(signer, uses_mock=True), Trials(signer, uses_mock=False)
    local = {"pass": mock.admit(is_operator=False), "model": "dear"}
    assert mock.choice(local).model == "dear"
    assert provider.choice(local) is None
    assert provider.admit(is_operator=False) == ""
    assert provider.choice({**local, "pass": mock.admit(is_operator=True)}).model == "dear"


def test_of_the_mock_a_profile_and_a_seed_are_chosen_no_faults_and_no_endless_answers():
    trials = Trials(Signer(Secret("s" * 32)), uses_mock=True)
    given = {
        "pass": trials.admit(is_operator=False),
        "tokens": 10**9,
        "fault": "endless",
        "seed": "x",
    }
    assert trials.choice({**given, "profile": "origin"}).fields == {
        "mock": {"profile": "origin", "seed": 0}
    }
    for profile in ("endless", "", None, ["origin"], {"a": 1}):
        assert trials.choice({**given, "profile": profile}).fields == {}
    assert trials.choice({**given, "model": "m" * 101}).model == ""


def test_a_pass_opens_no_other_address(demo):
    client = demo.test_client()
    text = pass_in(client.get("/test-streaming"))
    for path in ("/api/v1/models", "/api/v1/conversations"):
        assert client.get(path, headers={"Authorization": f"Bearer {text}"}).status_code == 401
    client.set_cookie("chatbot_operator", f"key.{text}")
    assert "Answers under way" not in client.get("/admin").text
    assert add_bot(demo, "shop") not in client.get("/test-streaming").text

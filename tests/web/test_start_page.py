"""The front page as the server gives it: whose key is in it, and what is left of it without JavaScript."""

from __future__ import annotations

import re

import pytest

from chatbot.app import create_app

KEY_FIELD = re.compile(r'<input id="key"[^>]* value="([^"]*)"')
WITHOUT_SCRIPTS = re.compile(r"<noscript>(.*?)</noscript>", re.DOTALL)
ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def demo(make_settings):
    app = create_app(make_settings())
    yield app.test_client()
    app.extensions["chatbot"].close()


def key_in(page) -> str:
    return KEY_FIELD.search(page.text)[1]


def test_on_this_machine_the_demos_key_is_there(demo):
    assert key_in(demo.get("/")).startswith("pk_")


def test_elsewhere_no_key_is_given_out_and_one_is_asked_for(demo):
    page = demo.get("/", headers=ELSEWHERE)
    assert key_in(page) == ""
    assert "pk_" not in re.sub(r"pk_…|<code>pk_</code>|pattern=\"[^\"]*\"", "", page.text)
    assert '<details id="which" class="scripted" open>' in page.text


def test_without_scripts_a_plain_page_answers(demo):
    page = demo.get("/")
    told = WITHOUT_SCRIPTS.search(page.text)[1]
    assert f'href="/chat/{key_in(page)}"' in told
    assert demo.get(f"/chat/{key_in(page)}").status_code == 200
    assert "/chat/" in WITHOUT_SCRIPTS.search(demo.get("/", headers=ELSEWHERE).text)[1]


def test_below_a_path_all_of_it_stays_below_that_path(demo):
    page = demo.get("/", environ_overrides={"SCRIPT_NAME": "/chatbot"})
    assert 'data-base="/chatbot/"' in page.text
    for address in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
        assert address.startswith("/chatbot/"), address

"""The plain page: the chat without any script, with the same rules as with one."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import asked

OWN = {"Origin": "http://localhost"}


def fields(page) -> dict[str, str]:
    """The hidden fields of the form, as a browser would send them back."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


@pytest.fixture
def client(site):
    return site.test_client()


@pytest.fixture
def ask(client, shop):
    """Fill in the form of `page` and send it."""

    def send(question: str, page=None, **headers):
        form = {**(fields(page) if page else {}), "question": question}
        return client.post(f"/chat/{shop}", data=form, headers={**OWN, **headers})

    return send


def test_the_form_is_there_before_anything_is_asked_and_sets_no_cookie(client, shop):
    page = client.get(f"/chat/{shop}")
    assert page.status_code == 200
    assert "<form" in page.text and "<script" not in page.text
    assert "Set-Cookie" not in page.headers


def test_a_question_is_answered_in_the_page(ask, provider):
    page = ask("Which teas are there?")
    assert page.status_code == 200
    assert "Which teas are there?" in page.text
    assert asked(provider)["messages"][-1]["content"] == "Which teas are there?"
    answer = re.search(r'class="answer"[^>]*>(.*?)</li>', page.text, re.S)
    assert answer and len(re.sub("<.*?>", "", answer[1]).strip()) > 20


def test_the_next_question_goes_on_with_the_conversation(ask, provider):
    first = ask("My name is Ada.")
    second = ask("What is my name?", first)
    said = [m["content"] for m in asked(provider)["messages"]]
    assert "My name is Ada." in said
    assert second.text.count('class="question"') == 2


def test_what_is_said_is_shown_as_text(ask):
    page = ask("<script>alert(1)</script><img src=x onerror=alert(1)>")
    assert "<script>" not in page.text and "<img" not in page.text
    assert "&lt;script&gt;" in page.text


def test_an_empty_question_is_refused_in_the_page(ask):
    page = ask("   ")
    assert page.status_code == 400
    assert page.mimetype == "text/html" and 'role="alert"' in page.text


def test_a_failed_question_stays_in_the_form_with_contact_and_request_id(site, client):
    from tests.visitor import add_bot

    key = add_bot(site, "short", contact="Call 02 555 0199.", limits={"question_chars": 10})
    page = client.post(f"/chat/{key}", data={"question": "far more than ten"}, headers=OWN)
    assert page.status_code == 400
    assert "far more than ten</textarea>" in page.text
    assert "Call 02 555 0199." in page.text
    assert page.headers["X-Request-ID"] in page.text


def test_a_form_of_another_sites_page_is_not_taken(ask, provider):
    page = ask("Hello", Origin="https://evil.example")
    assert page.status_code == 403
    assert not provider.log
    assert ask("Hello", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("key", ["pk_unknown", "x", "sk_test_0123456789abcdef"])
def test_other_keys_have_no_chat(client, key):
    page = client.get(f"/chat/{key}")
    assert page.status_code in (401, 403, 404)
    assert "<form" not in page.text
    assert page.mimetype == "text/html"


def test_limits_are_those_of_the_bot(site, client):
    from tests.visitor import add_bot

    key = add_bot(site, "narrow", limits={"visitor_requests_per_minute": 1})
    first = client.post(f"/chat/{key}", data={"question": "One"}, headers=OWN)
    assert first.status_code == 200
    second = client.post(f"/chat/{key}", data={**fields(first), "question": "Two"}, headers=OWN)
    assert second.status_code == 429
    assert int(second.headers["Retry-After"]) >= 1


def test_what_was_said_stays_in_sight_when_the_next_question_is_refused(ask):
    first = ask("Which teas are there?")
    second = ask("   ", first)
    assert second.status_code == 400
    assert second.text.count('class="question"') == second.text.count('class="answer"') == 1
    assert fields(second) == fields(first)


def test_somebody_elses_conversation_is_not_shown(ask, client, shop):
    first = ask("My secret is blue.")
    stolen = {"conversation": fields(first)["conversation"], "question": "What was said?"}
    page = client.post(f"/chat/{shop}", data=stolen, headers=OWN)
    assert page.status_code == 200
    assert "My secret is blue." not in page.text

"""The plain page: the chat without any script, with the same rules as with one."""

from __future__ import annotations

import re
from html import unescape

import pytest
from markupsafe import escape

from chatbot.web.plain_words import WORDS
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


@pytest.mark.parametrize(
    ("query", "browser", "lang"),
    [
        ("", "", "en"),
        ("", "it-CH,it;q=0.9,en;q=0.8", "it"),
        ("", "de,it;q=0.5", "it"),
        ("", "de", "en"),
        ("?lang=it", "en", "it"),
        ("?lang=it_IT", "en", "it"),
        ("?lang=de", "it", "en"),
        ("?lang=%22%3E", "it", "en"),
    ],
)
def test_its_language_is_the_links_else_the_browsers_else_english(
    client, shop, query, browser, lang
):
    page = client.get(f"/chat/{shop}{query}", headers={"Accept-Language": browser})
    assert f'<html lang="{lang}">' in page.text
    words = WORDS[lang]
    assert f'<label for="question">{words["question"]}</label>' in page.text
    assert escape(words["ai"].format(name="shop")) in page.text


def test_all_of_it_is_in_the_language_and_stays_so(site, client):
    from tests.visitor import add_bot

    key = add_bot(site, "tea", name="Tè", privacy_url="https://shop.example/privacy")
    first = client.get(f"/chat/{key}?lang=it")
    action = unescape(re.search(r'action="([^"]+)"', first.text)[1])
    form = {**fields(first), "question": "Che tè avete?"}
    answered = client.post(action, data=form, headers=OWN)
    refused = client.post(action, data={"question": " "}, headers=OWN)
    for page in (first, answered, refused):
        assert '<html lang="it">' in page.text
        english = {WORDS["en"][name] for name in WORDS["en"]} - set(WORDS["it"].values())
        left = [text for text in english if re.search(f'[>"]{re.escape(text)}[<":]', page.text)]
        assert not left
    assert '<p lang="en">' in refused.text


def test_each_language_has_all_words():
    for words in WORDS.values():
        assert words.keys() == WORDS["en"].keys()
        assert all("{name}" in text for name, text in words.items() if name == "ai")


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

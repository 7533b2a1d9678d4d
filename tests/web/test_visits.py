"""A visitor's questions: whose they are, what the provider is asked, what is kept of them."""

from __future__ import annotations

import time

import jwt
import pytest

from chatbot.access.visitors import signing_key
from chatbot.upstream.mock_script import Script
from tests.visitor import Visitor, add_bot
from tests.web.conftest import asked


def code(reply) -> tuple[int, str]:
    return reply.status_code, reply.json["error"]["code"]


def test_the_first_question_is_given_ids_and_the_next_goes_on(visitor, provider):
    first = visitor.ask("Which teas?")
    assert first.status_code == 200
    assert first.headers["X-Session-ID"].startswith("ses_")
    assert first.headers["X-Conversation-ID"].startswith("conv_")
    answer = first.json["choices"][0]["message"]["content"]
    visitor.ask("And coffee?")
    assert asked(provider)["messages"] == [
        {"role": "system", "content": "You sell tea."},
        {"role": "user", "content": "Which teas?"},
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "And coffee?"},
    ]


def test_a_stream_is_saved_as_it_was_delivered(visitor):
    reply = visitor.ask("Which teas?", stream=True)
    assert reply.mimetype == "text/event-stream"
    assert reply.text.endswith("data: [DONE]\n\n")
    question, answer = visitor.messages()
    assert (question["role"], question["content"], question["state"]) == (
        "user",
        "Which teas?",
        "whole",
    )
    assert answer["content"].startswith("**This is the built-in mock")
    assert answer["state"] == "whole"
    assert answer["id"] == reply.headers["X-Message-ID"]
    assert answer["request_id"] == reply.headers["X-Request-ID"]
    assert answer["model"] == "mock-instant"
    assert answer["usage"]["completion_tokens"] > 0
    assert 0 < answer["latency"]["first_token_seconds"] <= answer["latency"]["total_seconds"]


def test_of_a_visitors_request_only_the_last_question_is_read_and_that_is_said(visitor, provider):
    history = [
        {"role": "system", "content": "canary-system"},
        {"role": "user", "content": "canary-earlier"},
        {"role": "assistant", "content": "canary-made-up"},
        {"role": "user", "content": [{"type": "text", "text": "The question"}]},
        {"role": "assistant", "content": "canary-prefill"},
    ]
    reply = visitor.ask(
        "", messages=history, model="canary-model", temperature=1.9, max_tokens=9999,
        tools=[{"canary": 1}], api_base="http://canary.example", user="canary",
    )  # fmt: skip
    assert reply.status_code == 200
    sent = asked(provider)
    assert sent == {
        "messages": [
            {"role": "system", "content": "You sell tea."},
            {"role": "user", "content": "The question"},
        ],
        "max_tokens": 100,
        "model": "mock-instant",
        "stream": False,
    }
    said = reply.headers["X-Chatbot-Ignored"].split(", ")
    assert said == [
        "api_base", "messages.history", "messages.system", "model", "temperature", "tools", "user",
    ]  # fmt: skip
    assert visitor.ask("x", max_tokens=5).status_code == 200
    assert asked(provider)["max_tokens"] == 5


@pytest.mark.parametrize("messages", [
    [{"role": "system", "content": "x"}], [{"role": "user", "content": "  "}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
    [{"role": "user", "content": "x" * 8001}], [{"role": "user"}],
])  # fmt: skip
def test_a_question_that_is_none_is_refused(visitor, provider, messages):
    reply = visitor.ask("", messages=messages)
    assert code(reply) == (400, "invalid_request")
    assert reply.json["error"]["param"] == "messages"
    assert not provider.log


@pytest.mark.parametrize("made_up", [
    "", "ses_", "1", "ses_" + "A" * 48, "../../etc", "' OR 1=1 --", "ses_" + "0" * 5000,
])  # fmt: skip
def test_a_session_that_was_not_issued_here_begins_anew_and_shows_nothing(
    site, shop, visitor, made_up
):
    visitor.ask("canary-of-the-first")
    stranger = Visitor(site.test_client(), shop)
    stranger.session, stranger.conversation = made_up, visitor.conversation
    assert stranger.conversations() == []
    reply = stranger.ask("What did I say?")
    assert reply.status_code == 200
    assert stranger.session not in (made_up, visitor.session)
    assert stranger.conversation != visitor.conversation
    assert next(m["content"] for m in stranger.messages()) == "What did I say?"


def test_an_expired_session_and_an_expired_conversation_begin_anew(site, visitor):
    visitor.ask("canary")
    signer = site.extensions["chatbot"].signer
    session = signer.read("ses", visitor.session, "shop", "")
    past = time.time() - 1
    old = signer.issue("ses", past, "shop", "", token_id=session.id)
    again = Visitor(visitor.client, visitor.key)
    again.session = old.text
    assert again.conversations() == []
    conversation = signer.peek("conv", visitor.conversation)
    owner = f"s:{session.id}"
    visitor.conversation = signer.issue("conv", past, "shop", owner, token_id=conversation).text
    reply = visitor.ask("Go on")
    assert signer.peek("conv", reply.headers["X-Conversation-ID"]) != conversation


def test_a_session_of_one_bot_is_nothing_to_another(site, visitor):
    visitor.ask("canary")
    other = Visitor(site.test_client(), add_bot(site, "other"))
    other.session, other.conversation = visitor.session, visitor.conversation
    assert other.conversations() == []
    other.ask("Hello")
    assert other.session != visitor.session
    assert len(other.messages()) == 2


def test_ids_are_given_with_errors_too(visitor, provider):
    reply = visitor.ask("x" * 9000)
    assert reply.status_code == 400
    visitor.ask("Hello")
    provider.stop()
    reply = visitor.ask("Are you there?")
    assert reply.headers["X-Conversation-ID"] == visitor.conversation


def test_a_failed_turn_is_kept_as_failed_and_is_not_in_the_next_prompt(site, shop, make_settings):
    visitor = Visitor(site.test_client(), shop)
    visitor.ask("Hello")
    chat = site.extensions["chatbot"].chat
    router, chat._router = chat._router, _Unreachable(chat._router)
    assert visitor.ask("Lost?").status_code == 502
    chat._router = router
    assert visitor.ask("Back").status_code == 200
    states = [(m["content"][:5], m["state"]) for m in visitor.messages() if m["role"] == "user"]
    assert [s[0] for s in states] == ["Hello", "Lost?", "Back"]
    answers = [m for m in visitor.messages() if m["role"] == "assistant"]
    assert [a["state"] for a in answers] == ["whole", "failed", "whole"]
    assert answers[1]["code"] == "upstream_unreachable"


class _Unreachable:
    """A router whose provider is a closed port."""

    def __init__(self, router) -> None:
        from chatbot.core.provider_config import ProviderConfig, RouteConfig  # noqa: F401
        from chatbot.upstream.openai_http import HTTPProvider
        from chatbot.upstream.route import Router
        from tests.ports import free_port

        config = ProviderConfig("gone", f"http://127.0.0.1:{free_port()}/v1", retries=0)
        self._router = Router([HTTPProvider(config)], (), "m")

    def targets(self, model):
        return self._router.targets(model)


def test_a_conversation_is_listed_renamed_exported_and_deleted_with_a_receipt(visitor):
    visitor.ask("Which *teas*\nare there?")
    answer = visitor.ask("And coffee?").headers["X-Message-ID"]
    (listed,) = visitor.conversations()
    assert listed["title"] == "Which *teas* are there?"
    assert listed["id"] == visitor.conversation
    path = f"/conversations/{visitor.conversation}"
    assert visitor.call("PATCH", path, json={"title": "Tea"}).json["title"] == "Tea"
    assert visitor.call("POST", "/feedback", json={"message_id": answer, "rating": "down",
                                                   "comment": "No"}).status_code == 200  # fmt: skip
    assert visitor.messages()[-1]["rating"] == "down"
    exported = visitor.call("GET", f"{path}/export?format=markdown")
    assert exported.text.startswith("# Tea\n")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="conversation.md"'
    assert visitor.call("GET", f"{path}/export").json["title"] == "Tea"
    receipt = visitor.call("DELETE", path).json
    assert receipt["removed"] == {"conversations": 1, "messages": 4, "feedback": 1}
    assert (receipt["deleted"], receipt["remaining"]) == (True, 0)
    assert visitor.conversations() == []
    assert code(visitor.call("GET", path)) == (404, "not_found")


def test_a_deleted_conversation_is_not_gone_on_with(visitor, provider):
    visitor.ask("canary")
    before = visitor.conversation
    visitor.call("DELETE", f"/conversations/{before}")
    visitor.ask("Hello")
    assert visitor.conversation != before
    assert "canary" not in str(asked(provider))


def test_everything_of_a_visitor_is_forgotten_and_nobody_elses(site, shop, visitor):
    other = Visitor(site.test_client(), shop)
    other.ask("Mine")
    for _ in range(3):
        visitor.conversation = ""
        visitor.ask("Hello")
    receipt = visitor.call("DELETE", "/conversations").json
    assert receipt["removed"]["conversations"] == 3
    assert visitor.conversations() == []
    assert len(other.conversations()) == 1


def test_a_list_has_pages(visitor):
    for number in range(5):
        visitor.conversation = ""
        visitor.ask(f"Number {number}")
    titles, before = [], ""
    while True:
        page = visitor.call("GET", f"/conversations?limit=2{before}").json
        titles += [c["title"] for c in page["data"]]
        if not page["has_more"]:
            break
        before = f"&before={page['data'][-1]['updated_at']!r}"
    assert titles == [f"Number {n}" for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("path", "param"), [
    ("/conversations?limit=0", "limit"), ("/conversations?limit=x", "limit"),
    ("/conversations?limit=1000", "limit"), ("/conversations?before=x", "before"),
    ("/conversations?before=nan", "before"),
])  # fmt: skip
def test_a_page_that_can_not_be_is_refused(visitor, path, param):
    reply = visitor.call("GET", path)
    assert code(reply) == (400, "invalid_request")
    assert reply.json["error"]["param"] == param


@pytest.mark.parametrize("body", [
    {}, {"message_id": "x"}, {"message_id": 5, "rating": "up"}, {"message_id": "x", "rating": "great"},
    {"message_id": "x", "rating": 1}, {"message_id": "x", "rating": "up", "comment": 5}, [],
    {"message_id": "x", "rating": "up", "comment": "c" * 2001},
])  # fmt: skip
def test_feedback_that_is_none_is_refused(visitor, body):
    assert code(visitor.call("POST", "/feedback", json=body)) == (400, "invalid_request")


def test_text_that_no_database_takes_is_kept_as_far_as_it_is_text(visitor):
    reply = visitor.ask("a\0b \ud800 ü", stream=True)
    assert reply.status_code == 200
    assert visitor.messages()[0]["content"] == "a\ufffdb \ufffd ü"


def signed(site, bot_id: str, **claims) -> str:
    services = site.extensions["chatbot"]
    key = signing_key(services.signer, services.directory.bot(bot_id))
    body = {"sub": "anna", "aud": bot_id, "exp": time.time() + 600, **claims}
    return jwt.encode(body, key, "HS256")


def test_a_proven_visitor_has_the_same_conversations_on_every_device(site):
    key = add_bot(site, "club", identify="optional")
    phone = Visitor(site.test_client(), key, token=signed(site, "club"))
    phone.ask("From the phone")
    laptop = Visitor(site.test_client(), key, token=signed(site, "club"))
    assert [c["title"] for c in laptop.conversations()] == ["From the phone"]
    for other in (
        Visitor(site.test_client(), key),
        Visitor(site.test_client(), key, token=signed(site, "club", sub="berta")),
    ):
        other.session = phone.session
        assert other.conversations() == []
        other.conversation = phone.conversation
        other.ask("Hello")
        assert other.conversation != phone.conversation


def test_a_session_from_before_the_login_is_not_the_visitors(site):
    """Whoever planted it would else read along."""
    key = add_bot(site, "club", identify="optional")
    planted = Visitor(site.test_client(), key)
    planted.ask("Planted")
    victim = Visitor(site.test_client(), key, token=signed(site, "club"))
    victim.session, victim.conversation = planted.session, planted.conversation
    victim.ask("My secret")
    assert victim.session != planted.session
    assert next(m["content"] for m in planted.messages()) == "Planted"
    assert "My secret" not in str(planted.conversations()) + str(planted.messages())


def test_a_bot_that_asks_for_proof_answers_nobody_without(site):
    key = add_bot(site, "club", identify="required")
    assert code(Visitor(site.test_client(), key).ask("Hi")) == (401, "invalid_visitor_token")
    bad = Visitor(site.test_client(), key, token=signed(site, "club", exp=time.time() - 120))
    assert code(bad.ask("Hi")) == (401, "invalid_visitor_token")
    good = Visitor(site.test_client(), key, token=signed(site, "club"))
    assert good.ask("Hi").status_code == 200


def test_a_secret_key_of_a_bot_speaks_with_its_prompt_and_is_not_saved(site, provider, shop):
    from chatbot.core.api_key import describe, new_text
    from chatbot.store.directory import DirectoryStore

    services = site.extensions["chatbot"]
    text = new_text("sk")
    DirectoryStore(services.database).add_key(describe(text, bot_id="shop", scopes=("chat",)))
    services.directory.look()
    reply = site.test_client().post(
        "/v1/chat/completions", headers={"Authorization": f"Bearer {text}"},
        json={"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.3},
    )  # fmt: skip
    assert reply.status_code == 200
    assert "X-Session-ID" not in reply.headers
    sent = asked(provider)
    assert sent["messages"][0] == {"role": "system", "content": "You sell tea."}
    assert (sent["temperature"], sent["model"], sent["max_tokens"]) == (0.3, "mock-instant", 100)


def test_an_owner_sees_the_conversations_of_a_bot(site, visitor):
    visitor.ask("Hello")
    owner = {"Authorization": "Bearer sk_test_0123456789abcdef"}
    client = site.test_client()
    found = client.get("/api/v1/conversations?bot=shop", headers=owner).json["data"]
    assert [c["id"] for c in found] == [visitor.conversation]
    assert client.get("/api/v1/conversations?bot=none", headers=owner).json["data"] == []
    whole = client.get(f"/api/v1/conversations/{visitor.conversation}", headers=owner).json
    assert whole["messages"][0]["content"] == "Hello"


def test_a_body_over_its_limit_is_refused_also_without_a_length(visitor):
    from io import BytesIO

    visitor.ask("Hi")
    body = b'{"message_id": "x", "rating": "up", "comment": "' + b"c" * 300_000 + b'"}'
    reply = visitor.client.post(
        "/api/v1/feedback", headers={**visitor.headers, "Content-Type": "application/json"},
        input_stream=BytesIO(body), environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert code(reply) == (413, "request_too_large")


def test_a_limit_with_zeros_in_front_is_the_same_number(visitor):
    assert visitor.call("GET", "/conversations?limit=00000005").status_code == 200
    assert visitor.call("GET", "/conversations?limit=00001099").status_code == 400


def test_a_wrong_method_is_told_the_right_ones(visitor):
    reply = visitor.call("PUT", "/feedback")
    assert code(reply) == (405, "method_not_allowed")
    assert "POST" in reply.headers["Allow"]


def test_a_shorter_retention_holds_for_what_is_there_already(site, shop, visitor):
    from chatbot.core.bot import read_bot
    from chatbot.store.directory import DirectoryStore
    from chatbot.store.tables import conversations

    visitor.ask("Hello")
    services = site.extensions["chatbot"]
    services.writer.flush()
    back = conversations.update().values(created_at=time.time() - 10 * 86400)
    services.database.run(lambda connection: connection.execute(back), write=True)
    assert services.conversations.sweep()["expired"] == 0
    bot = {**services.directory.bot("shop").as_dict(), "retention_days": 7}
    DirectoryStore(services.database).save_bot(read_bot(bot))
    assert services.conversations.sweep()["expired"] == 1
    assert visitor.conversations() == []


class TestAnAnswerThatTakesAnothersPlace:
    """Asked again, or asked otherwise: `replaces` names the answer from which on all is said anew."""

    def test_it_is_asked_for_without_what_it_replaces(self, visitor, provider):
        visitor.ask("Which teas?")
        second = visitor.ask("And coffee?")
        visitor.ask("And cocoa?")
        visitor.ask("And milk?", replaces=second.headers["X-Message-ID"])
        said = [m["content"] for m in asked(provider)["messages"] if m["role"] == "user"]
        assert said == ["Which teas?", "And milk?"]

    @pytest.mark.parametrize("stream", [True, False])
    def test_it_is_kept_in_their_place(self, visitor, stream):
        visitor.ask("Which teas?")
        second = visitor.ask("And coffee?").headers["X-Message-ID"]
        visitor.ask("And cocoa?")
        visitor.call("POST", "/feedback", json={"message_id": second, "rating": "up"})
        reply = visitor.ask("And milk?", replaces=second, stream=stream)
        assert "X-Chatbot-Ignored" not in reply.headers
        assert reply.text
        kept = visitor.messages()
        assert [m["content"] for m in kept if m["role"] == "user"] == ["Which teas?", "And milk?"]
        assert kept[-1]["id"] == reply.headers["X-Message-ID"]
        gone = visitor.call("POST", "/feedback", json={"message_id": second, "rating": "up"})
        assert gone.status_code == 404

    def test_one_that_fails_leaves_them_as_they_were_and_goes_when_another_comes(
        self, visitor, provider, monkeypatch
    ):
        first = visitor.ask("Which teas?").headers["X-Message-ID"]
        with monkeypatch.context() as patch:
            refusal = Script([(0.0, b'{"error":{"message":"no"}}')], status=400)
            patch.setattr(provider, "_scripts", lambda *_: refusal)
            assert visitor.ask("Which coffees?", replaces=first).status_code >= 400
        kept = [m["content"] for m in visitor.messages() if m["role"] == "user"]
        assert kept == ["Which teas?", "Which coffees?"]
        visitor.ask("And milk?", replaces=first)
        assert [m["content"] for m in visitor.messages() if m["role"] == "user"] == ["And milk?"]

    @pytest.mark.parametrize("name", ["msg_unknown", "", 7, None, ["x"], {"id": 1}, "x" * 9000])
    def test_a_name_that_is_no_answers_has_no_effect_and_that_is_said(self, visitor, name):
        visitor.ask("Which teas?")
        reply = visitor.ask("And milk?", replaces=name)
        assert reply.headers["X-Chatbot-Ignored"] == "replaces"
        assert len(visitor.messages()) == 4

    def test_nobody_replaces_an_answer_of_somebody_elses(self, site, shop, visitor):
        theirs = visitor.ask("Which teas?").headers["X-Message-ID"]
        stranger = Visitor(site.test_client(), shop)
        stranger.ask("Hello")
        stranger.ask("Mine", replaces=theirs)
        stranger.conversation = visitor.conversation
        stranger.ask("Mine", replaces=theirs)
        assert [m["content"] for m in visitor.messages() if m["role"] == "user"] == ["Which teas?"]


CITATION = {"id": "d1#2", "n": 1, "title": "Teas", "url": "https://x.example/t", "place": "p. 2", "text": "Green."}  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
def test_what_an_answer_rests_on_is_kept_with_it(visitor, monkeypatch, stream):
    sent = [CITATION, {**CITATION, "n": 2, "text": 7, "more": "x"}, {"n": "3"}, 4]
    monkeypatch.setattr("chatbot.upstream.mock_script.citations", lambda _: sent)
    reply = visitor.ask("Which teas?", stream=stream)
    assert reply.text
    kept = visitor.messages()[-1]["sources"]
    assert kept == [CITATION, {**CITATION, "n": 2, "text": ""}]

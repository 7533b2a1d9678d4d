"""Limits, budgets and stops as those who ask see them."""

from __future__ import annotations

import json
import logging
import re
import time

import pytest

from chatbot.app import create_app
from chatbot.core.api_key import SECRET, describe, new_text
from chatbot.core.bot import read_bot
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.store.directory import DirectoryStore
from chatbot.store.usage import UsageStore
from chatbot.upstream.mock_script import Script
from tests.ports import free_port
from tests.server import wait_for
from tests.visitor import ORIGIN, Visitor, add_bot
from tests.web.conftest import KEY

NAMES = [f"X-RateLimit-{a}-{b}" for a in ("Limit", "Remaining", "Reset") for b in ("Requests", "Tokens")]  # fmt: skip


def bot(site, **limits) -> str:
    return add_bot(site, "tea", max_tokens=50, contact="tea@shop.example", limits=limits)


def visitor(site, key: str) -> Visitor:
    return Visitor(site.test_client(), key)


def secret_key(site, **limits) -> dict[str, str]:
    services, text = site.extensions["chatbot"], new_text(SECRET)
    key = describe(text, scopes=("chat", "conversations"), limits=tuple(limits.items()))
    DirectoryStore(services.database).add_key(key)
    services.directory.look()
    return {"Authorization": f"Bearer {text}"}


def complete(site, headers, path="chat/completions", **fields):
    body = {
        "model": "mock-instant",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        **fields,
    }
    return site.test_client().post(f"/v1/{path}", json=body, headers=headers, buffered=True)


def refused(reply, code="rate_limit_exceeded"):
    assert reply.status_code == 429, reply.data
    assert reply.json["error"]["code"] == code
    assert int(reply.headers["Retry-After"]) >= 1
    return reply


def ledger(site) -> list:
    site.extensions["chatbot"].writer.flush()
    return UsageStore(site.extensions["chatbot"].database).used(time.strftime("%Y-%m", time.gmtime()))  # fmt: skip


def test_a_visitor_who_asks_too_fast_is_told_for_how_long_to_wait(site):
    ada = visitor(site, bot(site, visitor_requests_per_minute=2))
    assert [ada.ask("One").status_code, ada.ask("Two").status_code] == [200, 200]
    reply = refused(ada.ask("Three"))
    assert 1 <= int(reply.headers["Retry-After"]) <= 30
    assert reply.headers["X-RateLimit-Limit-Requests"] == "2"
    assert reply.headers["X-RateLimit-Remaining-Requests"] == "0"
    assert ada.session == reply.headers["X-Session-ID"]
    assert reply.json["error"]["type"] == "rate_limit_error"
    assert visitor(site, ada.key).ask("Another visitor").status_code == 200


def test_an_answer_says_how_near_the_limits_are(site):
    reply = visitor(site, bot(site)).ask("Hello")
    assert all(name in reply.headers for name in NAMES)
    assert reply.headers["X-RateLimit-Limit-Requests"] == "20"
    assert reply.headers["X-RateLimit-Remaining-Requests"] == "19"
    exposed = reply.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in NAMES)
    streamed = visitor(site, bot(site)).ask("Hello", stream=True)
    assert all(name in streamed.headers for name in NAMES)


def test_new_sessions_from_one_address_are_one_address(site):
    key = bot(site, address_requests_per_minute=3)
    replies = [visitor(site, key).ask("Hello") for _ in range(4)]
    assert [r.status_code for r in replies] == [200, 200, 200, 429]
    assert "network" in refused(replies[-1]).json["error"]["message"]


def test_a_header_that_a_caller_writes_is_not_an_address(site, caplog):
    key = bot(site, address_requests_per_minute=2)
    found = []
    for number in range(4):
        ada = visitor(site, key)
        headers = {**ada.headers, "X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": "1.2.3.4"}
        found.append(complete(site, headers).status_code)
    assert found == [200, 200, 429, 429]
    assert [r.fields["setting"] for r in caplog.records if r.message == "address_of_a_proxy"] == [
        "CHATBOT_TRUSTED_PROXIES"
    ] * 2


def test_behind_a_proxy_the_hop_that_it_saw_counts_and_no_other(make_settings, provider):
    app = create_app(
        make_settings(OPENAI_BASE_URL=provider.base_url, CHATBOT_TRUSTED_PROXIES="1", CHATBOT_API_KEYS=KEY)
    )  # fmt: skip
    key = bot(app, address_requests_per_minute=1)

    def ask(forwarded: str) -> int:
        return complete(app, {**visitor(app, key).headers, "X-Forwarded-For": forwarded}).status_code  # fmt: skip

    assert ask("198.51.100.1") == 200
    assert ask("203.0.113.7, 198.51.100.1") == 429  # what a caller wrote before it
    assert ask("198.51.100.2") == 200
    assert ask("2001:db8:1:2::1") == 200
    assert ask("2001:db8:1:2:ffff::9") == 429  # the same household
    assert ask("2001:db8:1:3::1") == 200
    services = app.extensions["chatbot"]
    services.close()
    while connection := services.router.default._pool.take():
        connection.close()


def test_a_bot_has_limits_of_its_own_whoever_asks(site):
    key = bot(site, requests_per_minute=2)
    assert [visitor(site, key).ask("Hello").status_code for _ in range(3)] == [200, 200, 429]
    assert visitor(site, add_bot(site, "other")).ask("Hello").status_code == 200


def test_a_used_budget_ends_with_the_contact_and_nothing_reaches_the_provider(site, provider):
    key = bot(site, tokens_per_day=200, history_tokens=0)
    replies = [visitor(site, key).ask("Hello") for _ in range(6)]
    reply = refused(replies[-1], "budget_exceeded")
    assert replies[0].status_code == 200
    assert "tea@shop.example" in reply.json["error"]["message"]
    assert reply.json["error"]["type"] == "insufficient_quota"
    assert reply.headers["X-Should-Retry"] == "false"
    assert int(reply.headers["Retry-After"]) <= 86400
    assert len(provider.log) == sum(r.status_code == 200 for r in replies)


def test_what_is_not_used_of_a_reservation_can_be_asked_for_again(site, provider):
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    end = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
           "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}  # fmt: skip
    provider._scripts = lambda *_: Script([(0.0, encode_event(end) + DONE)])
    key = bot(site, tokens_per_day=100, history_tokens=0)
    replies = [visitor(site, key).ask("Hello", stream=True).status_code for _ in range(8)]
    asked = replies.count(200)
    assert replies == [200] * asked + [429] * (8 - asked)
    assert 2 <= asked < 8  # of reservations alone, one would fit
    (row,) = ledger(site)
    assert row[:2] == ("tea", row.key_id)
    assert row[3:] == (asked, 5 * asked, asked)


def test_a_question_that_can_not_be_used_costs_nothing(site):
    ada = visitor(site, bot(site, visitor_requests_per_minute=1))
    assert ada.ask("").status_code == 400
    assert ada.ask("Hello").status_code == 200
    assert ledger(site)[0].requests == 1


def test_a_provider_that_refuses_costs_nothing_and_the_slot_is_free_again(site, provider):
    provider._scripts = lambda *_: Script([(0.0, b'{"error": {"message": "no"}}')], status=400, headers={"Content-Type": "application/json"})  # fmt: skip
    key = bot(site, visitor_streams=1, streams=1, tokens_per_day=100, history_tokens=0)
    ada = visitor(site, key)
    assert {ada.ask("Hello").status_code for _ in range(5)} == {400}
    assert sum(row.tokens for row in ledger(site)) == 0


def test_a_slot_is_taken_while_an_answer_runs_and_free_when_its_reader_leaves(site):
    key = bot(site, visitor_streams=1)
    ada = visitor(site, key)
    ada.ask("Hello")
    running = site.test_client().post(
        "/v1/chat/completions", headers=ada.headers,
        json={"messages": [{"role": "user", "content": "Hello"}], "stream": True},
    )  # fmt: skip
    assert running.status_code == 200
    assert "under way" in refused(ada.ask("At the same time")).json["error"]["message"]
    running.close()
    assert ada.ask("Afterwards").status_code == 200


def test_reading_conversations_has_a_limit_too(site):
    ada = visitor(site, bot(site, visitor_requests_per_minute=1))
    ada.ask("Hello")
    found = [ada.call("GET", "/conversations").status_code for _ in range(12)]
    assert found == [200] * 10 + [429] * 2


@pytest.mark.parametrize("path", ["chat/completions", "embeddings"])
def test_a_secret_key_is_limited_where_it_says_so(site, path):
    free, tight = secret_key(site), secret_key(site, requests_per_minute=2)
    body = {"model": "mock", "input": "Hello"} if path == "embeddings" else {}
    assert {complete(site, free, path, **body).status_code for _ in range(5)} == {200}
    found = [complete(site, tight, path, **body) for _ in range(3)]
    assert [r.status_code for r in found] == [200, 200, 429]
    assert found[0].headers["X-RateLimit-Remaining-Requests"] == "1"
    assert "X-RateLimit-Limit-Requests" not in complete(site, free, path, **body).headers


@pytest.mark.parametrize("path", ["chat/completions", "embeddings"])
def test_a_secret_keys_budget_holds(site, path):
    body = {"model": "mock", "input": "word " * 60} if path == "embeddings" else {}
    headers = secret_key(site, tokens_per_month=900)
    replies = [complete(site, headers, path, max_tokens=250, **body) for _ in range(40)]
    reply = refused(replies[-1], "budget_exceeded")
    assert replies[0].status_code == 200
    assert "month" in reply.json["error"]["message"]
    assert 0 < sum(row.tokens for row in ledger(site)) <= 900


def test_a_request_that_may_cost_more_than_the_whole_budget_is_told_what_fits(site, provider):
    headers = secret_key(site, tokens_per_day=10_000)

    def most(param: str = "max_tokens", **fields) -> int:
        reply = complete(site, headers, **fields)
        assert (reply.status_code, reply.json["error"]["code"]) == (400, "invalid_request")
        assert reply.json["error"]["param"] == param
        assert "Retry-After" not in reply.headers
        return int(re.search(r"(\d+) at the most", reply.json["error"]["message"])[1])

    whole, each = most(max_tokens=20_000), most(max_tokens=6000, n=2)
    assert most("max_completion_tokens", max_tokens=None, max_completion_tokens=20_000) == whole
    assert most("messages", messages=[{"role": "user", "content": "word " * 15_000}]) == 9999
    for wrong in ({"max_tokens": whole + 1}, {"max_tokens": each + 1, "n": 2}):
        assert complete(site, headers, **wrong).status_code == 400
    assert not provider.log
    assert complete(site, headers, max_tokens=each, n=2).status_code == 200
    provider.log.clear()
    assert complete(site, secret_key(site, tokens_per_day=10_000), max_tokens=whole).status_code == 200  # fmt: skip


def test_texts_to_embed_that_are_more_than_the_whole_budget_are_no_matter_of_waiting(site, provider):  # fmt: skip
    headers = secret_key(site, tokens_per_month=100)
    reply = complete(site, headers, "embeddings", input="word " * 200)
    assert (reply.status_code, reply.json["error"]["param"]) == (400, "input")
    assert not provider.log
    assert "300 bytes" in reply.json["error"]["message"]
    assert complete(site, headers, "embeddings", input="word", messages=[]).status_code == 200


def test_a_visitors_question_that_is_too_long_for_the_budget_can_be_shortened(site, provider):
    ada = visitor(site, bot(site, tokens_per_day=300, history_tokens=0))
    question = "How long does the delivery of green tea take? " * 60
    reply = ada.ask(question)
    assert (reply.status_code, reply.json["error"]["param"]) == (400, "messages")
    chars = int(re.search(r"shorten it to (\d+) characters", reply.json["error"]["message"])[1])
    assert not provider.log
    assert ada.ask(question[:chars]).status_code == 200


def test_a_bot_whose_budget_no_question_fits_into_says_so_to_visitor_and_owner(site, provider, caplog):  # fmt: skip
    reply = visitor(site, bot(site, tokens_per_day=50, history_tokens=0)).ask("Hello")
    assert (reply.status_code, reply.json["error"]["code"]) == (503, "budget_too_small")
    assert "tea@shop.example" in reply.json["error"]["message"]
    assert "50" not in reply.json["error"]["message"]  # what it is set to is not the visitor's
    assert reply.headers["X-Should-Retry"] == "false"
    assert "Retry-After" not in reply.headers
    assert not provider.log
    (line,) = [r.fields for r in caplog.records if r.message == "request" and r.fields["code"]]
    needed = int(
        re.fullmatch(r"bot: tokens_per_day is 50, one question needs (\d+)", line["detail"])[1]
    )
    wait_for(lambda: [r for r in caplog.records if r.message == "budget"])
    (told,) = [r.fields for r in caplog.records if r.message == "budget"]
    assert (told["limit"], told["needed"]) == (50, needed)
    enough = bot(site, tokens_per_day=needed, history_tokens=0)
    assert visitor(site, enough).ask("Hello").status_code == 200


def test_a_secret_key_of_a_bot_reserves_and_spends_of_the_bots_budget(site, provider):
    facts = [{"name": "a.md", "text": "Oolong is half fermented.\n\n" * 60}]
    key = add_bot(
        site,
        "tea",
        max_tokens=50,
        facts=facts,
        limits={"tokens_per_day": 1500, "history_tokens": 0},
    )
    services, text = site.extensions["chatbot"], new_text(SECRET)
    DirectoryStore(services.database).add_key(describe(text, scopes=("chat",), bot_id="tea"))
    services.directory.look()
    replies = [complete(site, {"Authorization": f"Bearer {text}"}) for _ in range(6)]
    asked = [r.status_code for r in replies].count(200)
    assert 1 <= asked < 6
    assert len(provider.log) == asked
    refused(replies[-1], "budget_exceeded")
    refused(visitor(site, key).ask("Hello"), "budget_exceeded")


def test_failed_attempts_are_charged_and_the_budget_holds_back_the_next(site, provider):
    """An answer that stalls is asked again, and each attempt costs its prompt."""
    key = bot(site, tokens_per_day=100_000)
    text = encode_event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                         "choices": [{"index": 0, "delta": {"content": "Begun"}}]})  # fmt: skip
    provider._scripts = lambda *_: Script([(0.0, text)], end="reset")
    visitor(site, key).ask("Hello", stream=True)
    attempts = len(provider.log)
    assert attempts > 1
    (row,) = ledger(site)
    assert row.requests == 1
    assert row.input_tokens >= 10 * attempts
    assert row.output_tokens >= attempts


def test_where_the_budget_allows_no_second_attempt_the_first_ones_failure_is_told(site, provider):
    provider._scripts = lambda *_: Script([], status=500)
    free = visitor(site, bot(site, history_tokens=0)).ask("Hello")
    attempts = len(provider.log)
    assert attempts > 1
    tight = visitor(site, bot(site, history_tokens=0, tokens_per_day=100, tokens_per_month=100)).ask("Hello")  # fmt: skip
    assert len(provider.log) == attempts + 1
    assert free.status_code == tight.status_code == 502
    assert tight.json["error"]["code"] == "upstream_error"


def test_a_stopped_bot_says_the_owners_words_and_others_answer(site):
    key, other = bot(site), add_bot(site, "other")
    services = site.extensions["chatbot"]
    services.directory._store.stop("bot:tea", "Closed until Monday.")
    services.directory.look()
    reply = visitor(site, key).ask("Hello")
    assert reply.status_code == 503
    assert reply.json["error"] == {
        "message": "Closed until Monday.", "type": "server_error", "param": None, "code": "service_stopped",
    }  # fmt: skip
    config = site.test_client().get(f"/api/v1/widget/config?key={key}", headers={"Origin": ORIGIN})
    assert config.json["stopped"] == "Closed until Monday."
    assert visitor(site, other).ask("Hello").status_code == 200
    services.directory._store.resume("bot:tea")
    services.directory.look()
    assert visitor(site, key).ask("Hello").status_code == 200


@pytest.mark.parametrize("what", ["all", "provider:openai"])
def test_everything_or_the_only_provider_is_stopped_for_secret_keys_too(site, provider, what):
    services = site.extensions["chatbot"]
    headers = secret_key(site)
    services.directory._store.stop(what, "Not now.")
    services.directory.look()
    for path in ("chat/completions", "embeddings"):
        reply = complete(site, headers, path, model="mock", input="Hello")
        assert (reply.status_code, reply.json["error"]["message"]) == (503, "Not now.")
    assert visitor(site, bot(site)).ask("Hello").status_code == 503
    assert not provider.log


def test_answers_under_way_end_with_the_stop(site, provider):
    text = encode_event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                         "choices": [{"index": 0, "delta": {"content": "Begun"}}]})  # fmt: skip
    provider._scripts = lambda *_: Script([(0.0, text)], end="open")
    services, ada = site.extensions["chatbot"], visitor(site, bot(site))
    running = site.test_client().post(
        "/v1/chat/completions", headers=ada.headers,
        json={"messages": [{"role": "user", "content": "Hello"}], "stream": True},
    )  # fmt: skip
    pieces = iter(running.response)
    assert b"Begun" in next(pieces)
    services.directory._store.stop("bot:tea", "Closed.")
    services.directory.look()
    rest = b"".join(pieces)
    running.close()
    assert json.loads(rest.split(b"data: ")[-1])["error"]["code"] == "service_stopped"
    wait_for(lambda: not len(services.running))


def test_a_bot_that_was_kept_before_there_were_limits_has_the_usual_ones(site):
    found = read_bot({"id": "old", "limits": {"history_tokens": 5}})
    assert found.limits.tokens_per_day > 0
    assert found.as_dict()["limits"] == {"history_tokens": 5}


def test_a_provider_that_is_not_there_costs_nothing(make_settings):
    app = create_app(
        make_settings(CHATBOT_API_KEYS=KEY, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    )
    ada = visitor(app, bot(app, tokens_per_day=150, history_tokens=0))
    for stream in (True, False) * 2:
        assert ada.ask("Hello", stream=stream).json["error"]["code"] == "upstream_unreachable"
    assert sum(row.tokens for row in ledger(app)) == 0
    app.extensions["chatbot"].close()


def test_a_provider_that_is_gone_after_it_was_asked_costs_the_prompt(site, provider):
    provider._scripts = lambda *_: Script([], head_reset=True)
    visitor(site, bot(site)).ask("Hello", stream=True)
    assert provider.log
    assert sum(row.input_tokens for row in ledger(site)) >= 10 * len(provider.log)


def test_a_stop_that_comes_while_a_request_is_on_its_way_is_not_missed(site, provider):
    services, ada = site.extensions["chatbot"], visitor(site, bot(site, streams=1))
    enter = services.running.enter

    def enter_late(*place):
        services.directory._store.stop("bot:tea", "Closed.")
        services.directory.look()
        return enter(*place)

    services.running.enter = enter_late
    assert ada.ask("Hello").json["error"]["message"] == "Closed."
    assert not provider.log
    assert not len(services.running)
    services.running.enter = enter
    services.directory._store.resume("bot:tea")
    services.directory.look()
    assert ada.ask("Hello").status_code == 200  # its slot was given back


def _another_page(site, ada: Visitor) -> None:
    ada.origin = "https://elsewhere.example"
    assert ada.ask("Hello").status_code == 403


def _the_widget_elsewhere(site, ada: Visitor) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    reply = site.test_client().get(f"/api/v1/widget/config?key={ada.key}", headers=headers)
    assert reply.status_code == 403


def _not_for_this(site, ada: Visitor) -> None:
    assert ada.call("GET", "/models").status_code == 403


def _too_fast(site, ada: Visitor) -> None:
    assert [ada.ask("Hello").status_code for _ in range(2)] == [200, 429]


def _stopped(site, ada: Visitor) -> None:
    site.extensions["chatbot"].directory._store.stop("bot:tea", "Closed.")
    site.extensions["chatbot"].directory.look()
    assert ada.ask("Hello").status_code == 503


def _full(site, ada: Visitor) -> None:
    site.extensions["chatbot"].running._limit = 0
    assert ada.ask("Hello").status_code == 503


@pytest.mark.parametrize(
    "refuse", [_another_page, _the_widget_elsewhere, _not_for_this, _too_fast, _stopped, _full]
)
def test_the_line_of_a_refusal_names_the_key_and_the_bot_and_not_the_key_itself(site, caplog, refuse):  # fmt: skip
    caplog.set_level(logging.INFO)
    key = bot(site, visitor_requests_per_minute=1)
    refuse(site, visitor(site, key))
    key_id = next(k.id for k in site.extensions["chatbot"].directory.keys if k.bot_id == "tea")
    line = [r.fields for r in caplog.records if r.message == "request"][-1]
    assert line["status"] in (403, 429, 503)
    assert (line["key_id"], line["bot_id"]) == (key_id, "tea")
    assert key not in str([vars(r) for r in caplog.records])


def test_a_secret_key_that_a_page_sends_is_named_in_the_log(site, caplog):
    caplog.set_level(logging.INFO)
    headers = secret_key(site)
    assert complete(site, {**headers, "Origin": ORIGIN}).status_code == 403
    line = [r.fields for r in caplog.records if r.message == "request"][-1]
    assert line["key_id"].startswith("key_")
    assert headers["Authorization"].split()[1] not in str(line)

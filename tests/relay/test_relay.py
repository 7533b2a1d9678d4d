"""A stream through the server, seen from outside."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatbot.upstream.mock_faults import CANARY, FAULTS
from chatbot.upstream.mock_script import Script, write_script
from chatbot.upstream.mock_server import MockServer
from tests.server import Client, running

DONE = b"data: [DONE]\n\n"


def wire(**mock) -> bytes:
    """The provider's body for the payload that reaches it."""
    payload = {
        "model": "mock-instant", "messages": [{"role": "user", "content": "Hi"}], "stream": True,
        "stream_options": {"include_usage": True}, "mock": mock,
    }  # fmt: skip
    return b"".join(data for _, data in write_script(payload).steps)


def stream(client, fault="", usage=True, **mock):
    if fault:
        mock["fault"] = fault
    options = {"stream_options": {"include_usage": True}} if usage else {}
    return client.chat(stream=True, mock=mock, **options)


def test_the_body_is_the_providers_byte_for_byte(client):
    reply = stream(client)
    assert (reply.status, reply.clean) == (200, True)
    assert reply.body == wire()


@pytest.mark.parametrize("fault", ["crlf", "cr", "bom", "comments", "ids", "duplicate"])
def test_other_framings_pass_byte_for_byte(client, fault):
    assert stream(client, fault).body == wire(fault=fault)


def test_the_headers_of_the_contract(client):
    headers = stream(client).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-request-id"].startswith("req_")


def test_events_arrive_as_they_are_sent_and_not_together(client):
    reply = stream(client, first_token=0.05, pace=0.05, tokens=10)
    assert len(reply.pieces) >= 10
    assert reply.times[-1] - reply.times[0] > 0.3


def test_usage_is_asked_for_and_taken_out_where_the_client_did_not_ask(client, upstream):
    reply = stream(client, usage=False)
    assert json.loads(upstream.log[-1]["body"])["stream_options"] == {"include_usage": True}
    assert reply.body == b"".join(
        e + b"\n\n" for e in wire().split(b"\n\n")[:-1] if b'"usage"' not in e
    )


def test_a_provider_that_refuses_stream_options_is_asked_without(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server, Client(server.port) as c:
        before = len(upstream.log)
        assert stream(c, "stream_options_refused", usage=False).body.endswith(DONE)
        assert len(upstream.log) - before == 2
        assert stream(c, "stream_options_refused", usage=False).body.endswith(DONE)
        assert len(upstream.log) - before == 3, "the refusal is remembered"


def test_every_field_reaches_the_provider(client, upstream):
    fields = {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none",
              "parallel_tool_calls": False, "n": 2, "logprobs": True, "unheard_of": {"deep": [None]},
              "response_format": {"type": "json_object"}}  # fmt: skip
    client.chat(**fields)
    sent = json.loads(upstream.log[-1]["body"])
    assert {k: sent[k] for k in fields} == fields
    assert upstream.log[-1]["headers"]["accept-encoding"] == "identity"
    assert upstream.log[-1]["headers"]["authorization"] == "Bearer sk-upstream00"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("reset_before_headers", 502, "upstream_unreachable"),
        ("reset_after_headers", 502, "upstream_error"),
        ("empty", 502, "upstream_error"), ("only_done", 502, "upstream_error"),
        ("error_first", 502, "upstream_error"), ("html", 502, "upstream_error"),
        ("html_500", 502, "upstream_error"), ("gzip", 502, "upstream_error"),
        ("redirect", 502, "upstream_error"), ("500", 502, "upstream_error"),
        ("503", 502, "upstream_error"), ("json_error", 502, "upstream_error"),
        ("401", 502, "upstream_auth"), ("402", 502, "upstream_auth"), ("403", 502, "upstream_auth"),
        ("quota", 502, "upstream_auth"), ("404", 404, "not_found"),
        ("400", 400, "invalid_request"), ("413", 413, "request_too_large"),
        ("422", 400, "invalid_request"), ("429", 429, "rate_limit_exceeded"),
        ("context_length", 400, "context_length_exceeded"),
        ("content_policy", 400, "content_policy_violation"),
    ],
)  # fmt: skip
def test_a_fault_before_content_is_a_real_status(client, fault, status, code):
    for streamed in (True, False):
        if not streamed and fault in ("empty", "only_done", "error_first"):
            continue  # these are events
        reply = client.chat(stream=streamed, mock={"fault": fault})
        assert (reply.status, reply.json["error"]["code"]) == (status, code)
        assert set(reply.json["error"]) == {"message", "type", "param", "code"}
        assert CANARY.encode() not in reply.body


def test_retry_after_of_the_provider_passes(client):
    assert stream(client, "429").headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("reset_mid_event", "stream_incomplete"), ("fin_mid_event", "stream_incomplete"),
        ("fin_mid_event_unframed", "stream_incomplete"), ("cut", "stream_incomplete"),
        ("cut_unframed", "stream_incomplete"), ("ends_early", "stream_incomplete"),
        ("length_too_long", "stream_incomplete"), ("garbage", "stream_incomplete"),
        ("invalid_utf8", "stream_incomplete"), ("huge_event", "stream_incomplete"),
        ("error_mid", "upstream_error"),
    ],
)  # fmt: skip
def test_a_fault_after_content_is_one_event_and_nothing_is_lost(client, fault, code):
    reply = stream(client, fault)
    good = b"".join(e + b"\n\n" for e in wire().split(b"\n\n")[:6])
    assert reply.clean
    assert reply.body.startswith(good)
    error = json.loads(reply.body[len(good) :].removeprefix(b"data: "))["error"]
    assert (error["code"], error["delivered"]) == (code, {"events": 6})
    assert CANARY.encode() not in reply.body


@pytest.mark.parametrize("fault", ["no_done", "no_done_reset"])
def test_a_finish_reason_without_done_is_complete_and_gets_one(client, fault):
    assert stream(client, fault).body == wire()


@pytest.mark.parametrize("fault", ["no_finish", "after_done", "done_open"])
def test_done_is_the_end(client, fault):
    reply = stream(client, fault)
    assert reply.clean
    assert reply.body == wire(fault=fault).partition(DONE)[0] + DONE


def test_json_to_a_stream_becomes_a_stream(client):
    reply = stream(client, "json", usage=False)
    assert reply.events[-1] == "[DONE]"
    text = "".join(
        json.loads(e)["choices"][0]["delta"].get("content") or "" for e in reply.events[:-1]
    )
    assert "mock" in text


def test_a_stream_to_a_plain_call_becomes_json(client):
    plain, gathered = client.chat().json, client.chat(mock={"fault": "sse"}).json
    assert gathered["choices"][0]["message"]["content"] == plain["choices"][0]["message"]["content"]
    assert gathered["object"] == "chat.completion"


def test_a_wrong_content_type_is_understood(client):
    assert stream(client, "wrong_type").body == wire()


def test_no_fault_is_left_untried():
    folder = Path(__file__).parent
    names = "".join((folder / f).read_text() for f in ("test_relay.py", "test_time.py")).split('"')
    assert set(FAULTS) <= set(names)


def test_a_hundred_streams_side_by_side_are_each_whole_and_in_order(server):
    expected = wire(pace=0.002)

    def one(_: int) -> bytes:
        with Client(server.port) as client:
            return stream(client, pace=0.002).body

    with ThreadPoolExecutor(100) as pool:
        assert all(body == expected for body in pool.map(one, range(100)))


def test_small_writes_are_held_back_on_neither_side(server, client):
    client.send_chat(stream=True, mock={"fault": "stall"})
    client.head()
    client.piece()
    assert server.counts()["delayed"] == 0


def test_upstream_connections_are_kept_for_the_next(client, upstream):
    first = len({id(e) for e in upstream.log})
    peers = upstream.connections
    for _ in range(5):
        stream(client)
        client.chat()
    assert upstream.connections - peers <= 1
    assert len(upstream.log) - first == 10


@pytest.fixture(scope="module")
def cutter(tmp_path_factory):
    """A provider whose pieces are cut where the test says."""
    pieces: list[bytes] = []
    upstream = MockServer(scripts=lambda *_: Script([(0.0, p) for p in pieces])).start()
    with (
        running(tmp_path_factory.mktemp("cutter"), OPENAI_BASE_URL=upstream.base_url) as server,
        Client(server.port) as client,
    ):
        yield pieces, client
    upstream.stop()


@pytest.mark.parametrize("change", [lambda b: b, lambda b: b.replace(b"\n", b"\r\n")],
                         ids=["lf", "crlf"])  # fmt: skip
def test_every_split_of_the_providers_writes_gives_the_same_bytes(cutter, change):
    pieces, client = cutter
    body = change(wire(tokens=2))
    for cut in range(1, len(body)):
        pieces[:] = [body[:cut], body[cut:]]
        assert stream(client).body == body, cut
    pieces[:] = [body[i : i + 1] for i in range(len(body))]
    assert stream(client).body == body


def test_one_line_is_logged_per_request_without_text_or_key(server, client):
    reply = client.chat(stream=True, messages=[{"role": "user", "content": "canary-text-1"}])
    client.get("/healthz")
    line = next(
        entry for entry in server.log() if entry.get("request_id") == reply.headers["x-request-id"]
    )
    assert line["ended_by"] == "upstream"
    assert line["provider"] == "openai"
    assert line["output_tokens"] > 10
    assert 0 < line["time_to_first_byte"] <= line["total"]
    text = server.log_file.read_text()
    assert "canary-text-1" not in text
    assert "sk-upstream00" not in text
    assert "sk_test_" not in text
    assert CANARY not in text

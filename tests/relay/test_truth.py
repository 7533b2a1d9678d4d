"""Answers that end oddly are still told truthfully, and what breaks here is said and not quoted."""

from __future__ import annotations

import json

import pytest

from chatbot.protocol.error_body import error_body
from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.upstream.mock_script import Script, error_script
from chatbot.upstream.mock_server import MockServer
from tests.relay.conftest import queued
from tests.server import KEY, Client, running, wait_for

LIMITS = "first_token = 1, first_token_last = 1, idle = 0.5, total = 5"


def chunk(delta=None, finish=None, **more) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return encode_event({"id": "c", "choices": [choice], **more})


ROLE, HELLO, STOP = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello"}),
    chunk(finish="stop"),
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    with queued(tmp_path_factory.mktemp("odd"), LIMITS, hold=0.4, beat=0.2) as found:
        yield found


def play(odd, *scripts, **payload):
    server, queue, upstream = odd
    queue[:] = scripts
    before = len(upstream.log)
    with Client(server.port) as client:
        reply = client.chat(stream=True, **payload)
    return reply, len(upstream.log) - before


def test_an_empty_answer_is_an_answer(odd):
    reply, _ = play(odd, Script([(0.0, ROLE + DONE)]))
    assert (reply.status, reply.body) == (200, ROLE + DONE)


def test_an_empty_answer_after_a_heartbeat_has_its_end_too(odd):
    reply, _ = play(odd, Script([(0.0, ROLE), (0.7, DONE)]))
    assert reply.body.endswith(ROLE + DONE)
    assert reply.pieces[0] == b":\n\n"


@pytest.mark.parametrize(
    "after", [[], [(0.0, encode_event(error_body("late", "x", "x")))], [(0.0, b"data: {\n\n")]],
    ids=["silence", "an error event", "garbage"],
)  # fmt: skip
def test_what_comes_behind_the_finish_reason_takes_nothing_from_the_answer(odd, after):
    reply, asked = play(odd, Script([(0.0, ROLE + HELLO + STOP), *after], end="open"))
    assert asked == 1
    assert [e for e in reply.pieces if e != b":\n\n"]
    assert reply.body.replace(b":\n\n", b"") == ROLE + HELLO + STOP + DONE


@pytest.mark.parametrize("choices", [["x"], "x", [{"delta": ["x"]}], [{"delta": {"content": 3}}]])
def test_a_second_telling_of_another_shape_is_another_answer(odd, choices):
    other = encode_event({"id": "d", "choices": choices})
    reply, asked = play(odd, Script([(0.0, ROLE + HELLO)]), Script([(0.0, other + HELLO + DONE)]))
    assert asked == 2
    assert json.loads(reply.events[-1])["error"]["code"] == "stream_incomplete"


def test_after_an_id_the_heartbeats_of_a_second_telling_know_of_it(odd):
    reply, _ = play(
        odd,
        Script([(0.0, b"id: 7\n" + ROLE + HELLO)]),
        Script([(0.0, ROLE), (0.7, HELLO + STOP + DONE)]),
    )
    assert b":\n" in reply.pieces
    assert b":\n\n" not in reply.pieces
    assert reply.events[-1] == "[DONE]"


def test_a_callers_own_wrong_option_does_not_turn_usage_off(odd):
    refusal = error_script(400, "Unknown parameter: stream_options.bogus", "unknown_parameter")
    reply, asked = play(odd, refusal, stream_options={"bogus": 1})
    assert (reply.status, asked) == (400, 1)
    play(odd)
    assert json.loads(odd[2].log[-1]["body"])["stream_options"] == {"include_usage": True}


def test_a_large_json_answer_becomes_a_stream(odd):
    text = "x" * (12 * 1024 * 1024)
    message = {"role": "assistant", "content": text}
    body = json.dumps(
        {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    )
    reply, _ = play(
        odd, Script([(0.0, body.encode())], headers={"Content-Type": "application/json"})
    )
    assert json.loads(reply.events[0])["choices"][0]["delta"]["content"] == text
    assert reply.events[-1] == "[DONE]"


def test_white_space_before_a_late_json_answer_is_not_a_stream(odd):
    body = json.dumps({"id": "c", "choices": [{"index": 0, "message": {"content": "a"}}]}).encode()
    reply, _ = play(
        odd, Script([(0.0, b"\n"), (0.1, body)], headers={"Content-Type": "application/json"})
    )
    assert reply.events[-1] == "[DONE]"


@pytest.mark.parametrize("head", ["Authorization Bearer {key}", "X: a\x00{key}", "{key}\x01: a"])
def test_a_malformed_head_is_quoted_neither_to_the_client_nor_in_the_log(odd, head):
    server, _, _ = odd
    with Client(server.port) as client:
        client.sock.sendall(
            f"GET / HTTP/1.1\r\nHost: localhost\r\n{head.format(key=KEY)}\r\n\r\n".encode()
        )
        reply = client.reply()
    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_request")
    assert KEY.encode() not in reply.body
    wait_for(lambda: any(line["event"] == "bad_connection" for line in server.log()))
    assert KEY not in server.log_file.read_text()


def test_a_bug_after_the_first_byte_is_one_event_and_no_text_in_the_log(upstream, tmp_path):
    bug = (
        "\nimport chatbot.upstream.asking as asking\n_begin = asking.Asking._begin\n"
        "def begin(self, target):\n"
        "    attempt = _begin(self, target)\n"
        "    real = attempt.stream\n"
        "    def stream(**more):\n"
        "        for number, piece in enumerate(real(**more)):\n"
        "            yield piece\n"
        "            raise RuntimeError('canary-in-a-bug')\n"
        "    attempt.stream = stream\n"
        "    return attempt\n"
        "asking.Asking._begin = begin\n"
    )
    with running(tmp_path, extra=bug, OPENAI_BASE_URL=upstream.base_url) as server:
        with Client(server.port) as client:
            reply = client.chat(stream=True)
        assert reply.clean
        assert json.loads(reply.events[-1])["error"]["code"] == "internal_error"
        crash = wait_for(lambda: [line for line in server.log() if line["event"] == "crash"])[0]
        assert crash["traceback"].startswith("RuntimeError")
        assert "canary" not in server.log_file.read_text() + reply.body.decode()


def test_after_the_total_no_other_target_is_asked(tmp_path):
    first, second = MockServer().start(), MockServer().start()
    (tmp_path / "c.toml").write_text(f"""
[[provider]]
name = "a"
base_url = "{first.base_url}"
timeouts = {{ first_token = 0.5, first_token_last = 0.5, total = 0.4 }}
[[provider]]
name = "b"
base_url = "{second.base_url}"
[[route]]
model = "*"
targets = ["a/*", "b/*"]
""")
    with (
        running(tmp_path, CHATBOT_CONFIG=str(tmp_path / "c.toml")) as server,
        Client(server.port) as client,
    ):
        for stream in (True, False):
            reply = client.chat(stream=stream, mock={"fault": "no_headers"})
            assert (reply.status, reply.json["error"]["code"]) == (504, "timeout_total")
    assert second.log == []
    first.stop()
    second.stop()


def test_embeddings_are_let_go_when_their_client_leaves(tmp_path):
    upstream = MockServer(scripts=lambda *_: Script([], head_delay=None)).start()
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server:
        with Client(server.port) as client:
            client._send("POST", "/v1/embeddings", b'{"input":"a"}',
                         {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})  # fmt: skip
            entry = wait_for(lambda: upstream.log)[0]
        wait_for(lambda: entry.get("ended") == "client_gone")
        wait_for(lambda: [line for line in server.log() if line.get("ended_by") == "client"])
    upstream.stop()

"""An answer that breaks off is gone on with by the next target, where that tells the same."""

from __future__ import annotations

import json

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.server import Client, running

TOML = """
[[provider]]
name = "first"
base_url = "{first}"
timeouts = {{ idle = 0.4 }}

[[provider]]
name = "second"
base_url = "{second}"

[[route]]
model = "*"
targets = ["first/*", "second/*"]
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A server before two providers; the second never misbehaves, and can be made to say other things."""
    from chatbot.upstream.mock_api import script_for

    says = {}

    def well(method, path, body):
        payload = json.loads(body)
        payload.pop("mock", None)
        return script_for(method, path, json.dumps({**payload, **says}).encode())

    first, second = MockServer().start(), MockServer(scripts=well).start()
    folder = tmp_path_factory.mktemp("pair")
    (folder / "c.toml").write_text(TOML.format(first=first.base_url, second=second.base_url))
    with running(folder, beat=0.2, CHATBOT_CONFIG=str(folder / "c.toml")) as server:
        yield server, says, second
    first.stop()
    second.stop()


def told(reply) -> str:
    chunks = [json.loads(e) for e in reply.events if e != "[DONE]"]
    assert len({c["id"] for c in chunks if "id" in c}) == 1, "one answer has one id"
    return "".join(
        c["choices"][0]["delta"].get("content") or "" for c in chunks if c.get("choices")
    )


@pytest.mark.parametrize(
    "fault",
    ["cut", "cut_unframed", "ends_early", "reset_mid_event", "fin_mid_event", "stall", "only_comments",
     "garbage", "invalid_utf8", "huge_event", "error_mid", "length_too_long"],
)  # fmt: skip
def test_the_visitor_gets_one_whole_answer(pair, fault):
    server, says, _ = pair
    says.clear()
    with Client(server.port) as client:
        whole = told(client.chat(stream=True))
        reply = client.chat(
            stream=True, mock={"fault": fault}, stream_options={"include_usage": True}
        )
    assert told(reply) == whole
    assert reply.events[-1] == "[DONE]"
    assert json.loads(reply.events[-2])["usage"]["completion_tokens"] > 100


def test_another_answer_is_not_glued_on(pair):
    server, says, _ = pair
    says["messages"] = [{"role": "user", "content": "Something else"}]
    says["response_format"] = {"type": "json_object"}
    with Client(server.port) as client:
        reply = client.chat(stream=True, mock={"fault": "cut"})
    error = json.loads(reply.events[-1])["error"]
    assert (error["code"], error["delivered"]) == ("stream_incomplete", {"events": 6})
    assert len(reply.events) == 7
    says.clear()


@pytest.mark.parametrize(
    "more",
    [{"n": 2}, {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"q": {}}}}}]}],
    ids=["n", "tools"],
)  # fmt: skip
def test_what_is_not_plain_text_of_one_choice_is_not_asked_again(pair, more):
    server, _, second = pair
    before = len(second.log)
    with Client(server.port) as client:
        reply = client.chat(
            stream=True, messages=[{"role": "user", "content": "Hi " * 60}], mock={"fault": "cut"}, **more
        )  # fmt: skip
    assert json.loads(reply.events[-1])["error"]["code"] == "stream_incomplete"
    assert len(second.log) == before


def test_a_single_target_is_asked_once_more(tmp_path):
    calls = []

    def cut_once(method, path, body):
        from chatbot.upstream.mock_api import script_for

        calls.append(body)
        fault = {"fault": "cut"} if len(calls) == 1 else {}
        payload = {**json.loads(body), "mock": fault}
        return script_for(method, path, json.dumps(payload).encode())

    upstream = MockServer(scripts=cut_once).start()
    with (
        running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server,
        Client(server.port) as client,
    ):
        reply = client.chat(stream=True)
        assert reply.events[-1] == "[DONE]"
        assert told(reply) == told(client.chat(stream=True))
    assert calls[0] == calls[1], "the question is the same, byte for byte"
    upstream.stop()

"""Official SDKs pointed at the server, and a third-party server behind it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import openai
import pytest

from tests.ports import free_port
from tests.server import KEY, ROOT, Client, running, wait_for

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore::ResourceWarning")]
HI = [{"role": "user", "content": "Hi"}]
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {"q": {}}}}}]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sdk")) as found:
        yield found


@pytest.fixture(scope="module")
def sdk(server):
    with openai.OpenAI(
        base_url=server.base_url,
        api_key=KEY,
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    ) as client:
        yield client


def ask(sdk, **more):
    return sdk.chat.completions.create(**{"model": "mock-instant", "messages": HI, **more})


def fault(name):
    return {"extra_body": {"mock": {"fault": name}}}


def test_a_stream_prints_as_it_is_written(sdk):
    times, text = [], ""
    for chunk in ask(sdk, model="mock", stream=True, extra_body={"mock": {"tokens": 20}}):
        times.append(time.monotonic())
        text += chunk.choices[0].delta.content or ""
    assert text.startswith("**This is the built-in mock")
    assert times[-1] - times[1] > 0.2


def test_a_stream_and_a_plain_call_say_the_same(sdk):
    streamed = "".join(c.choices[0].delta.content or "" for c in ask(sdk, stream=True))
    whole = ask(sdk)
    assert streamed == whole.choices[0].message.content
    assert whole.usage.total_tokens > 0


def test_usage_comes_where_it_is_asked_for_only(sdk):
    asked = list(ask(sdk, stream=True, stream_options={"include_usage": True}))
    assert asked[-1].choices == []
    assert asked[-1].usage.total_tokens > 0
    assert all(chunk.usage is None and chunk.choices for chunk in ask(sdk, stream=True))


def test_tools_streamed_and_whole(sdk):
    name, arguments = "", ""
    for chunk in ask(sdk, stream=True, tools=TOOLS):
        for call in chunk.choices[0].delta.tool_calls or ():
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    whole = ask(sdk, tools=TOOLS).choices[0]
    assert (name, json.loads(arguments)) == ("find", {"q": "Hi"})
    assert whole.finish_reason == "tool_calls"
    assert whole.message.tool_calls[0].function.arguments == arguments


def test_raw_responses_carry_the_request_id(sdk):
    raw = sdk.chat.completions.with_raw_response.create(model="mock-instant", messages=HI)
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.parse().choices[0].message.content


def test_models_and_embeddings(sdk):
    assert sdk.models.retrieve("mock").id == "mock"
    assert len(sdk.embeddings.create(model="mock", input="a", dimensions=8).data[0].embedding) == 8


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("400", openai.BadRequestError), ("422", openai.BadRequestError),
        ("context_length", openai.BadRequestError), ("content_policy", openai.BadRequestError),
        ("404", openai.NotFoundError), ("413", openai.APIStatusError),
        ("429", openai.RateLimitError), ("401", openai.InternalServerError),
        ("quota", openai.InternalServerError), ("500", openai.InternalServerError),
        ("html", openai.InternalServerError), ("reset_before_headers", openai.InternalServerError),
        ("reset_after_headers", openai.InternalServerError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_before_the_first_token_an_error_is_its_ordinary_class(sdk, name, error, stream):
    with pytest.raises(error) as raised:
        ask(sdk, stream=stream, **fault(name))
    assert raised.value.code
    assert raised.value.request_id.startswith("req_")


@pytest.mark.parametrize("name", ["cut", "reset_mid_event", "garbage", "error_mid", "huge_event"])
def test_after_the_first_token_an_error_is_raised_and_not_a_short_answer(sdk, name):
    text = ""
    with pytest.raises(openai.APIError) as raised:
        for chunk in ask(sdk, stream=True, **fault(name)):
            text += chunk.choices[0].delta.content or ""
    assert text
    assert raised.value.code in ("stream_incomplete", "upstream_error")


def test_a_wrong_key_is_an_authentication_error(server):
    with openai.OpenAI(
        base_url=server.base_url, api_key="sk_wrong_000000000000", max_retries=0,
        http_client=httpx.Client(trust_env=False),
    ) as sdk, pytest.raises(openai.AuthenticationError):  # fmt: skip
        sdk.models.list()


def test_the_sdk_for_node(server):
    script = Path(__file__).with_name("node_sdk.mjs")
    done = subprocess.run(
        ["node", str(script), server.base_url, KEY],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["text"] == seen["plain"]
    assert seen["pieces"] > 20
    assert seen["usage"] > 0
    assert seen["tool"] == {"name": "find", "arguments": '{"q": "Hi"}'}
    assert "mock" in seen["models"]
    assert seen["unauthorised"]["auth"]
    assert seen["limited"]["rate"]
    assert (seen["cut"]["api"], seen["cut"]["code"]) == (True, "stream_incomplete")
    assert seen["cut"]["text"]


@pytest.fixture(scope="module")
def behind_starlette(tmp_path_factory):
    port = free_port()
    script = str(Path(__file__).with_name("starlette_server.py"))
    process = subprocess.Popen([sys.executable, script, str(port)])
    base = f"http://127.0.0.1:{port}/v1"
    try:
        wait_for(lambda: _listens(port), 20)
        with running(tmp_path_factory.mktemp("starlette"), OPENAI_BASE_URL=base) as server:
            yield server, base
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        Client(port).sock.close()
    except OSError:
        return False
    return True


def test_crlf_and_pings_of_a_third_party_pass_byte_for_byte(behind_starlette):
    server, _ = behind_starlette
    with Client(server.port) as client:
        reply = client.chat(stream=True, stream_options={"include_usage": True})
    assert b": ping" in reply.body
    assert reply.body.count(b"\r\n\r\n") == reply.body.count(b"\n\r\n")
    assert reply.body.endswith(b"data: [DONE]\r\n\r\n")
    assert "😀".encode() in reply.body


def test_the_sdk_reads_a_third_party_through_the_server(behind_starlette):
    server, _ = behind_starlette
    with openai.OpenAI(
        base_url=server.base_url, api_key=KEY, http_client=httpx.Client(trust_env=False)
    ) as sdk:
        chunks = list(ask(sdk, model="other", stream=True))
        whole = ask(sdk, model="other")
    text = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert text == whole.choices[0].message.content == "Somebody else's framing — héllo 😀"
    assert all(c.choices for c in chunks), "the usage that was not asked for is taken out"

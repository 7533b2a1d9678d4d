"""Requests that are no JSON, or are some to break readers with: by category, each with its verdict.

Our own corpus, after the categories of RFC 8259: `y` must be read, `n` must be refused with a 400 that says why. Nothing is a
500, takes long, or reaches the provider.
"""

from __future__ import annotations

import json
import time

import pytest

from chatbot.protocol.chat_request import BadRequest, parse_chat_request
from tests.visitor import Visitor, add_bot
from tests.web.conftest import KEY

FRAME = b'{"model": "mock-instant", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}], "x": %s}'

YES = {
    "numbers": ["0", "-0", "1e5", "1E+5", "1e-5", "0.1", "-1.5e300", "123456789012345678901234567890", "1e-400"],
    "strings": ['""', r'"\u00e9"', r'"\ud83d\ude00"', '"é"', '"😀"', r'"\"\\\/\b\f\n\r\t"', r'"\u0000"', '"\x7f"',
                r'"\ud800"', r'"\udc00\ud800"', '"\u2028\u2029"'],
    "literals": ["true", "false", "null"],
    "arrays": ["[]", "[1,2]", "[[]]", " [ 1 , 2 ] ", "[" * 60 + "]" * 60],
    "objects": ["{}", '{"a":1}', '{"":0}', '{"a":{"a":1}}', '{"\\u0061":1,"b":2}'],
    "sizes": ['"' + "x" * 100_000 + '"', "[" + "0," * 20_000 + "0]"],
}  # fmt: skip
NO = {
    "numbers": ["01", "+1", "1.", ".5", "-", "--1", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity", "-Infinity", "nan",
                "1e400", "-1e400", "1" * 5000, "1.2.3", "１", "1 000", "0e", "-.5", "1f", "٣"],
    "strings": ['"', "'a'", '"a', '"\n"', '"\t"', '"\x00"', '"\x1f"', r'"\x"', r'"\u12"', r'"\u12G4"', r'"\U0001f600"', r'"\a"',
                '"a" "b"', '"\\"'],
    "literals": ["True", "nul", "nulll", "undefined", "None", "TRUE", "t", ""],
    "arrays": ["[", "]", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1;2]", "(1)", "[1}", "[" * 65 + "]" * 65, "[" * 100_000,
               "[" * 1_000_000, "[" * 500 + "]" * 500, '[{"a":' * 400],
    "objects": ["{", "}", "{1:2}", "{a:1}", "{'a':1}", '{"a"}', '{"a":}', '{"a":1,}', '{,}', '{"a":1 "b":2}', '{"a":1,"a":2}',
                '{"a":{"b":1,"b":1}}', '{"a":1,"\\u0061":2}', '{"a"::1}', '{"a":1]', '{"a":' * 100 + "1" + "}" * 100],
    "rest": ["1 2", "null null", "/* a */ 1", "// a\n1", "1 // a", "#", "\ufeff1", "1\x00", "\x0b1", "\u00a01", "<a/>", "a=1"],
}  # fmt: skip
RAW = {
    "UTF-8 that is none": b'"\xff"', "an overlong form": b'"\xc0\xaf"', "half a pair in UTF-8": b'"\xed\xa0\x80"',
    "cut in a character": b'"\xe2\x82"', "UTF-16": '"a"'.encode("utf-16"), "beyond Unicode": b'"\xf4\x90\x80\x80"',
}  # fmt: skip


def flat(corpus):
    return [
        pytest.param(text.encode("utf-8", "surrogatepass"), id=f"{kind}-{number}")
        for kind, texts in corpus.items()
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("text", flat(YES))
def test_what_is_json_is_read_and_written_again_the_same(text):
    request = parse_chat_request(FRAME % text)
    wire = request.upstream_body("m", stream=False, ask_usage=False)
    assert json.loads(wire)["x"] == json.loads(text)


@pytest.mark.parametrize("text", [*flat(NO), *(pytest.param(t, id=n) for n, t in RAW.items())])
def test_what_is_not_is_refused_at_once_with_a_reason(text):
    begin = time.process_time()
    with pytest.raises(BadRequest, match="JSON") as refusal:
        parse_chat_request(FRAME % text)
    assert time.process_time() - begin < 1
    assert len(str(refusal.value)) < 200


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    from pathlib import Path

    from chatbot.app import create_app
    from chatbot.core.settings import load_settings

    environ = {"CHATBOT_DATA_DIR": str(tmp_path_factory.mktemp("data")), "CHATBOT_API_KEYS": KEY}
    found = create_app(load_settings(environ, Path("absent.env")))
    yield found
    found.extensions["chatbot"].close()


@pytest.fixture(scope="module")
def headers(app):
    roomy = {n: 10**9 for n in ("visitor_requests_per_minute", "address_requests_per_minute")}
    visitor = Visitor(app.test_client(), add_bot(app, "shop", limits=roomy))
    return {"secret": {"Authorization": f"Bearer {KEY}"}, "visitor": visitor.headers}


def post(app, headers, body: bytes, path: str = "chat/completions", **more):
    sent = {**headers, "Content-Type": "application/json", **more}
    return app.test_client().post(f"/api/v1/{path}", data=body, headers=sent, buffered=True)


@pytest.mark.parametrize("who", ["secret", "visitor"])
def test_over_http_each_is_a_400_in_openais_form_or_an_answer(app, headers, who):
    for text in flat(NO) + [pytest.param(t) for t in RAW.values()]:
        reply = post(app, headers[who], FRAME % text.values[0])
        if who == "visitor" and len(text.values[0]) > 300_000:  # one question needs no such size
            assert reply.status_code == 413, text.id
            continue
        assert reply.status_code == 400, text.id
        assert reply.json["error"]["code"] == "invalid_request"
        assert reply.json["error"]["param"] is None
    for text in flat(YES):
        assert post(app, headers[who], FRAME % text.values[0]).status_code == 200, text.id


BODIES = [b"", b" ", b"null", b"[]", b"1", b'"x"', b"{}", b'{"messages": []}', b'{"messages": {}}',
          b'{"messages": [1]}', b'{"messages": [{}]}', b'{"messages": [{"role": 1}]}', b'{"messages": [null]}',
          b'{"messages": [{"role": "user", "content": "x"}], "stream": "yes"}',
          b'{"messages": [{"role": "user", "content": "x"}], "n": 0}',
          b'{"messages": [{"role": "user", "content": "x"}], "n": 1e9}',
          b'{"messages": [{"role": "user", "content": "x"}], "n": true}',
          b'{"messages": [{"role": "user", "content": "x"}], "model": 7}',
          b'{"messages": [{"role": "user", "content": "x"}], "stream_options": []}']  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_json_of_the_wrong_shape_is_a_400_that_names_the_field(app, headers, body):
    for who in headers.values():
        reply = post(app, who, body)
        assert (reply.status_code, reply.json["error"]["code"]) == (400, "invalid_request")


def test_counts_have_an_end(app, headers):
    part = {"type": "text", "text": "x"}
    ask = {"role": "user", "content": "Hi"}
    for body, param in (
        ({"messages": [ask] * 5000}, "messages"),
        ({"messages": [{"role": "user", "content": [part] * 2000}]}, "messages"),
        ({"messages": [ask], "tools": [{"type": "function"}] * 600}, "tools"),
    ):
        for who in headers.values():
            reply = post(app, who, json.dumps(body).encode())
            assert (reply.status_code, reply.json["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "application/jsonp", "text/json", "application/json\x0b", "*/*"],
)  # fmt: skip
def test_another_content_type_is_a_400(app, headers, kind):
    body = FRAME % b"1"
    assert post(app, headers["secret"], body, **{"Content-Type": kind}).status_code == 400


def test_a_size_is_refused_before_anything_is_read(app, headers):
    class Unread:
        def read(self, *_):
            raise AssertionError("it was read")

    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(33 * 2**20)}
    for path, who in (("chat/completions", "secret"), ("chat/completions", "visitor"), ("embeddings", "secret"), ("feedback", "visitor")):  # fmt: skip
        reply = app.test_client().post(
            f"/api/v1/{path}", headers={**headers[who], "Content-Type": "application/json"}, environ_overrides=environ,
        )  # fmt: skip
        assert (reply.status_code, reply.json["error"]["code"]) == (413, "request_too_large")


STEERING = {"api_base": "http://169.254.169.254/", "base_url": "http://10.0.0.1", "api_key": "sk_x", "proxy": "http://p",
            "extra_headers": {"a": "b"}, "custom_llm_provider": "x", "headers": {}, "timeout": 9}  # fmt: skip


def test_no_field_names_an_address_a_key_or_a_proxy(make_settings):
    from chatbot.app import create_app
    from chatbot.upstream.mock_server import MockServer

    provider = MockServer().start()
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY, OPENAI_BASE_URL=provider.base_url))
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "mock-instant", "seed": 3, **STEERING}  # fmt: skip
    reply = post(app, {"Authorization": f"Bearer {KEY}"}, json.dumps(body).encode())
    assert reply.status_code == 200
    assert reply.headers["X-Chatbot-Ignored"] == ", ".join(sorted(STEERING))
    sent = json.loads(provider.log[-1]["body"])
    assert sent["seed"] == 3
    assert not STEERING.keys() & sent.keys()
    provider.stop()
    app.extensions["chatbot"].close()
    while connection := app.extensions["chatbot"].router.default._pool.take():
        connection.close()

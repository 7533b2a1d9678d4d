"""Malformed and hostile HTTP, byte for byte, against the running server: our own corpus, by category.

Each is one connection's bytes. What comes back is one refusal (4xx) or the answer that RFC 9112 allows, or the connection's
end: never a 5xx, never more answers than there were requests, never the words that were sent. A stream beside all of it
goes on, and afterwards the server is well.
"""

from __future__ import annotations

import re
import socket
import threading

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.server import KEY, Client, running, wait_for

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
AUTH = f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n".encode()
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" + AUTH
BODY = b'{"model":"mock-instant","messages":[{"role":"user","content":"Hi"}]}'
SIZE = b"Content-Length: %d\r\n" % len(BODY)
WORD = b"canary-4711"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(pieces)


REFUSED = {
    "smuggling": [
        POST + SIZE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET + b"\r\n",
        POST + SIZE + b"Content-Length: 5\r\n\r\n" + BODY,
        POST + b"Content-Length: 5, 5\r\n\r\n" + BODY,
        POST + b"Content-Length: +5\r\n\r\n" + BODY,
        POST + b"Content-Length: -1\r\n\r\n" + BODY,
        POST + b"Content-Length: 0x44\r\n\r\n" + BODY,
        POST + b"Content-Length: 1e2\r\n\r\n" + BODY,
        POST + b"Content-Length: 5 5\r\n\r\n" + BODY,
        POST + b"Content-Length: \xb2\r\n\r\n" + BODY,
        POST + b"Content-Length:\r\n\r\n" + BODY,
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    "header lines": [
        GET + b"X: a\r\n folded\r\n\r\n",
        GET + b"X\x00Y: a\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X: a\rb\r\n\r\n",
        GET + b"X : a\r\n\r\n",
        GET + b" X: a\r\n\r\n",
        GET + b": a\r\n\r\n",
        GET + b"no colon\r\n\r\n",
        GET + b"X(Y): a\r\n\r\n",
        GET + b"X\xe9: a\r\n\r\n",
        GET + b"Authorization: Bearer " + WORD + b"\x00\r\n\r\n",
        GET + b"Y" * 70_000 + b": a\r\n\r\n",
        GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        GET + b"X: a\r\n" * 5000 + b"\r\n",
    ],
    "request lines": [
        b"GET\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET  /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.10\r\nHost: localhost\r\n\r\n",
        b"GET /healthz http/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1 \r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTQ/1.1\r\nHost: localhost\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\x00T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GE(T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\x00" * 200 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"EHLO localhost\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"{}\r\n\r\n",
    ],
    "chunks": [
        POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5_0\r\nhello\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 70_000 + b"\r\nhello\r\n0\r\n\r\n",
    ],
    "hosts and targets": [
        b"GET /v1/models HTTP/1.1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: [::1\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /static/../wsgi.py HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /static/%2e%2e/wsgi.py HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /static/..%2fwsgi.py HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/models/%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"TRACE /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Word: " + WORD + b"\r\n\r\n",
        b"BREW /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
}
ALLOWED = {
    "bare line feeds, as RFC 9112 lets them be": [GET.replace(b"\r\n", b"\n") + b"\n"],
    "a chunk's extension": [
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
    ],
    "trailers": [
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n0\r\nX-Word: a\r\n\r\n"
    ],
    "HTTP/1.0": [b"GET /healthz HTTP/1.0\r\n\r\n"],
    "an expectation": [POST + SIZE + b"Expect: 100-continue\r\n\r\n" + BODY],
    "an upgrade that is not wanted": [GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
    "a whole address": [b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a space around a value": [GET + b"X:   a\t \r\n\r\n"],
    "a body for a GET": [GET + b"Content-Length: 5\r\n\r\nhello"],
    "a header in Latin letters": [GET + b"X: caf\xe9\r\n\r\n"],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    provider = MockServer().start()
    extra = "keepalive = 1\nimport chatbot.web.guard as guard\nguard.BODY_SECONDS = 1.0\n"
    folder = tmp_path_factory.mktemp("http")
    with running(folder, OPENAI_BASE_URL=provider.base_url, extra=extra) as found:
        yield found
    provider.stop()


def said(port: int, data: bytes, *, stays: bool = False) -> bytes:
    """All that the server answers to these bytes, until it closes; who `stays` goes on listening for more."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        found = b""
        try:
            sock.sendall(data)
            if not stays:
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                found += piece
        except OSError:  # it has closed already
            pass
        return found


def statuses(answer: bytes) -> list[int]:
    return [int(n) for n in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


def flat(corpus):
    return [
        pytest.param(data, id=f"{kind}-{number}")
        for kind, several in corpus.items()
        for number, data in enumerate(several)
    ]


@pytest.mark.parametrize("data", flat(REFUSED))
def test_what_is_not_http_is_refused_once_or_its_connection_ended(server, data):
    answer = said(server.port, data)
    found = statuses(answer)
    assert len(found) <= 1, answer[:300]
    assert all(400 <= status < 500 for status in found), answer[:300]
    assert WORD not in answer
    assert b"Traceback" not in answer
    assert b"X-Evil" not in answer.split(b"\r\n\r\n")[0]


@pytest.mark.parametrize("data", flat(ALLOWED))
def test_what_http_allows_is_one_answer(server, data):
    answer = said(server.port, data, stays=True)
    found = [status for status in statuses(answer) if status != 100]
    assert len(found) == 1, answer[:300]
    assert found[0] in (200, 400, 501)
    assert found[0] == 200 or b"bare" not in data


def test_a_stream_beside_all_of_it_is_whole_and_the_log_repeats_nothing(server):
    data = [p.values[0] for p in (*flat(REFUSED), *flat(ALLOWED))]
    with Client(server.port) as client:
        assert client.chat(stream=True).status == 200
    before = server.counts()
    with Client(server.port) as client:
        client.send_chat(stream=True, mock={"pace": 0.02, "text": "word " * 40})
        reply = client.head()
        threads = [threading.Thread(target=said, args=(server.port, one)) for one in data]
        for thread in threads:
            thread.start()
        client._body(reply)
        for thread in threads:
            thread.join()
    assert reply.clean
    assert reply.events[-1] == "[DONE]"
    with Client(server.port) as client:
        assert client.get("/healthz").status == 200
        assert client.chat(stream=True).events[-1] == "[DONE]"
    wait_for(lambda: server.counts()["fds"] <= before["fds"] + 2, 20)
    wait_for(lambda: server.counts()["greenlets"] <= before["greenlets"] + 3, 20)
    log = server.log_file.read_text()
    assert WORD.decode() not in log
    assert KEY not in log
    assert '"level":"error"' not in log, [
        line for line in server.log() if line["level"] == "error"
    ][:2]

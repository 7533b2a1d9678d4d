"""The same promises where the provider speaks TLS, as real ones do."""

from __future__ import annotations

import json
import ssl
import subprocess
import time

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.relay.test_relay import stream, wire
from tests.server import Client, running, wait_for


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
               "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def upstream(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = MockServer(tls=context).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(upstream, certificate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    ca = str(certificate / "cert.pem")
    with running(folder, hold=0.5, beat=0.25, ca=ca, OPENAI_BASE_URL=upstream.base_url) as found:
        yield found


def test_a_stream_over_tls_is_byte_for_byte_and_arrives_as_it_is_sent(client):
    reply = stream(client, first_token=0.05, pace=0.05, tokens=10)
    # Where the machine has no time to spare a heartbeat may come in between.
    assert reply.body.replace(b":\n\n", b"") == wire(first_token=0.05, pace=0.05, tokens=10)
    assert reply.times[-1] - reply.times[0] > 0.3
    assert client.chat().json["object"] == "chat.completion"


def test_an_event_of_many_records_passes(client):
    reply = client.chat(
        stream=True, stream_options={"include_usage": True},
        messages=[{"role": "user", "content": "x" * 199}], mock={"tokens": 20_000},
    )  # fmt: skip
    assert reply.clean
    assert reply.events[-1] == "[DONE]"
    assert len(reply.events) == 20_000 + 4


def test_silence_over_tls_is_filled(client):
    reply = stream(client, first_token=1.1, pace=0)
    assert reply.pieces[:2] == [b":\n\n", b":\n\n"]
    assert reply.events[-1] == "[DONE]"


@pytest.mark.parametrize("fault", ["cut", "reset_mid_event"])
def test_a_cut_over_tls_is_said(client, fault):
    assert json.loads(stream(client, fault).events[-1])["error"]["code"] == "stream_incomplete"


@pytest.mark.parametrize("fault", ["stall", "no_headers"])
def test_who_leaves_is_noticed_over_tls(server, upstream, fault):
    before = len(upstream.log)
    client = Client(server.port)
    client.send_chat(stream=True, mock={"fault": fault, "pace": 0})
    entry = wait_for(lambda: upstream.log[before:])[0]
    client.sock.close()
    left = time.monotonic()
    wait_for(lambda: "at" in entry)
    assert entry["at"] - left < 0.5


def test_a_certificate_that_is_not_trusted_is_no_provider(upstream, tmp_path):
    with running(tmp_path, OPENAI_BASE_URL=upstream.base_url) as server, Client(server.port) as c:
        assert c.chat(stream=True).json["error"]["code"] == "upstream_unreachable"

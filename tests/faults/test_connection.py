"""Providers that can't even be connected to: a real status in time, and the next target answers."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from chatbot.upstream.mock_server import MockServer
from tests.engines import never_taken
from tests.ports import free_port
from tests.server import Client, running

TOML = """
[[provider]]
name = "well"
base_url = "{well}"
"""
ROUTES = """
[[provider]]
name = "{name}"
base_url = "{url}"
retries = 0
timeouts = {{ connect = 1 }}
[[route]]
model = "{name}"
targets = ["{name}/*"]
[[route]]
model = "{name}-pair"
targets = ["{name}/*", "well/*"]
"""
CA = """
[ca]
default_ca = c
[c]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = p
x509_extensions = x
[p]
commonName = supplied
[x]
subjectAltName = IP:127.0.0.1
basicConstraints = critical,CA:TRUE
"""


def expired_certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate of 2020, in `cert.pem`."""
    (folder / "ca.cnf").write_text(CA.format(folder=folder))
    (folder / "index.txt").write_text("")
    (folder / "serial").write_text("01\n")
    new_key = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
               "-keyout", "key.pem", "-out", "req.pem"]  # fmt: skip
    sign = ["openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", "key.pem",
            "-in", "req.pem", "-out", "cert.pem", "-notext", "-startdate", "20200101000000Z",
            "-enddate", "20200201000000Z"]  # fmt: skip
    for command in (new_key, sign):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("connection")
    full = free_port()
    with never_taken(full) as silent:
        well = MockServer().start()
        expired = MockServer(tls=expired_certificate(folder)).start()
        urls = {
            "refused": f"http://127.0.0.1:{free_port()}/v1",
            "no-tls": well.base_url.replace("http:", "https:"),
            "expired": expired.base_url,
            "full": f"http://{silent}:{full}/v1",
        }
        toml = TOML.format(well=well.base_url)
        toml += "".join(ROUTES.format(name=name, url=url) for name, url in urls.items())
        (folder / "c.toml").write_text(toml)
        config = str(folder / "c.toml")
        with running(folder, ca=str(folder / "cert.pem"), CHATBOT_CONFIG=config) as found:
            yield found
        well.stop()
        expired.stop()


def case(name: str, row: str):
    return pytest.param(name, id=name, marks=pytest.mark.fault(row))


@pytest.mark.parametrize(
    "name",
    [
        case("refused", "connection refused"),
        case("no-tls", "no TLS where TLS was expected"),
        case("expired", "a certificate that expired"),
        case("full", "a connection that is never taken"),
    ],
)
def test_who_can_not_be_connected_to_is_said_and_the_next_target_answers(server, name):
    for stream in (True, False):
        with Client(server.port) as client:
            alone = client.chat(stream=stream, model=name)
            pair = client.chat(stream=stream, model=f"{name}-pair", mock={"profile": "instant"})
        assert (alone.status, alone.json["error"]["code"]) == (502, "upstream_unreachable")
        assert "127.0.0.1" not in str(alone.json)
        assert pair.status == 200
        assert pair.events[-1] == "[DONE]" if stream else pair.json["choices"]

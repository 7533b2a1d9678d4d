"""The front's TLS: whether browsers trust it, until when, how old a version it takes, and whether it offers HTTP/2."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator

from chatbot.core.settings import is_loopback
from chatbot.doctor.front import PATIENCE, Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import Finding

_EXPIRED, _NAMES = 10, (62, 64)
"""OpenSSL's numbers for what is wrong with a certificate; 64 is a name that is an address."""
_DAY = 86400.0


def check_trust(front: Front) -> Iterator[Finding]:
    """Whether the certificate is one that browsers trust; if not, no key is sent. Raises `OSError`."""
    if not front.is_tls:
        if not is_loopback(front.host):
            yield Finding("no-tls")
        return
    connection = front.connection()
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        known = {_EXPIRED: "tls-expiry", **dict.fromkeys(_NAMES, "tls-name")}
        yield Finding(known.get(error.verify_code, "tls-untrusted"), error.verify_message + ".")
    finally:
        connection.close()


def check_tls(front: Front, pace: Pace) -> Iterator[Finding]:
    """What else there is to say of it."""
    if not front.is_tls:
        return
    connection = front.connection()
    connection.connect()
    sock = connection.sock
    certificate = sock.getpeercert() or {} if isinstance(sock, ssl.SSLSocket) else {}
    connection.close()
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else time.time()
    if (days := (ends - time.time()) / _DAY) < pace.certificate_days:
        yield Finding("tls-expiry", f"It is good for {days:.0f} more days.")
    if takes_old_tls(front.host, front.port):
        yield Finding("tls-old", "It took TLS 1.1.")
    if _protocol(front) != "h2":
        yield Finding("no-http2")


def _protocol(front: Front) -> str | None:
    """What is chosen where HTTP/2 is wanted."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((front.host, front.port), PATIENCE) as raw,
        context.wrap_socket(raw, server_hostname=front.host) as sock,
    ):
        return sock.selected_alpn_protocol()


def takes_old_tls(host: str, port: int) -> bool:
    """Whether a greeting in TLS 1.1 is taken up. Written by hand: this machine's OpenSSL may refuse to speak it."""
    with socket.create_connection((host, port), PATIENCE) as sock:
        sock.sendall(_hello(host))
        try:
            head = sock.recv(1)
        except OSError:
            return False
    return head == b"\x16"  # a handshake; a refusal is an alert, 0x15


def _hello(host: str) -> bytes:
    """A ClientHello of TLS 1.1. Source: RFC 4346, 7.4.1.2; RFC 8422; RFC 6066, 3."""
    suites = b"".join(struct.pack("!H", n) for n in (0xC013, 0xC014, 0xC009, 0xC00A, 0x2F, 0x35))
    name = host.encode("idna") if not host.replace(".", "").isdigit() and ":" not in host else b""
    extensions = _extension(10, b"\x00\x06\x00\x1d\x00\x17\x00\x18") + _extension(11, b"\x01\x00")
    if name:
        entry = b"\x00" + struct.pack("!H", len(name)) + name
        extensions += _extension(0, struct.pack("!H", len(entry)) + entry)
    body = b"\x03\x02" + os.urandom(32) + b"\x00" + struct.pack("!H", len(suites)) + suites
    body += b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack("!HH", number, len(data)) + data

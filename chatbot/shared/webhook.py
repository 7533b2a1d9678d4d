"""Messages to an owner's own server, signed so that it knows whom they are from.

The form is that of Standard Webhooks: an id that is the same for each try, a time, and an HMAC-SHA256 over both and the
body. An answer of 2xx within ten seconds is an arrival; redirects are not followed.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from chatbot.core.logging import log_fields
from chatbot.core.secret import Secret

_LIMIT_SECONDS = 10.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """Posts to `url`, signed with `secret`."""

    def __init__(self, url: str, secret: Secret) -> None:
        self._url = url
        self._secret = secret
        # No proxy of the environment's: the owner has named an address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)

    def send(self, message_id: str, body: bytes, note: Mapping[str, object]) -> bool:
        """Post a message; whether it has arrived. Where it has not the log line has what is in `note`."""
        headers = {"Content-Type": "application/json", "User-Agent": "chatbot"}
        headers |= signature(self._secret, _plain(message_id), int(time.time()), body)
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=_LIMIT_SECONDS) as answer:
                return bool(200 <= answer.status < 300)
        except (OSError, ValueError, http.client.HTTPException) as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else 0
            what = {"message": message_id, **note, "kind": type(error).__name__, "status": status}
            log_fields("webhook_failed", what, level=logging.WARNING)
            return False


def signature(secret: Secret, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that sign a message."""
    signed = f"{message_id}.{at}.".encode() + body
    mac = hmac.new(_key(secret.reveal()), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def _key(secret: str) -> bytes:
    """What signs: behind `whsec_` it is base64, as receivers' libraries take it; all else is meant as it is."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def _plain(message_id: str) -> str:
    """An id without the dots that separate what is signed."""
    return message_id.replace(".", "-")

"""What a provider's words become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chatbot.protocol.error_body import ProviderError, read_provider_error
from chatbot.upstream.failure import failure_of, retry_after
from chatbot.upstream.provider import Head


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_message_passes_for_what_the_caller_can_mend_and_keys_in_it_do_not(status):
    error = failure_of(Head(status), ProviderError("too long: sk-abcdefghijkl for Bearer xyz123"))
    assert error.message == "too long: ******** for Bearer ********"


@pytest.mark.parametrize("status", [301, 401, 403, 404, 418, 429, 500, 503])
def test_other_messages_do_not_pass(status):
    assert "canary" not in failure_of(Head(status), ProviderError("canary")).message


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), ("0.2", 1), ("-3", 0), ("soon", None), ("", None), ("nan", None), ("1e9", None)]
)  # fmt: skip
def test_retry_after_in_seconds(value, seconds):
    assert retry_after(Head(429, {"retry-after": value})) == seconds


def test_retry_after_as_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= retry_after(Head(429, {"retry-after": date})) <= 31


@pytest.mark.parametrize(
    ("body", "message"),
    [(b'{"error":{"message":"a"}}', "a"), (b'{"error":"a"}', "a"), (b'{"object":"error","message":"a"}', "a"),
     (b'{"detail":"a"}', "a"), (b"<html>", ""), (b"[]", ""), (b'{"error":3}', ""), (b"\xff", "")],
)  # fmt: skip
def test_every_shape_of_a_providers_error_is_read(body, message):
    assert read_provider_error(body).message == message

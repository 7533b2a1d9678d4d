"""What a provider's failure means for the caller: one of our errors, with our words.

A provider's message passes for 400, 413 and 422 only, redacted: it tells the caller what to mend. All
other texts stay out of answers and logs: they may name keys, addresses, accounts.
"""

from __future__ import annotations

import math
import re
import time
from email.utils import parsedate_to_datetime

from chatbot.core.errors import (
    ChatbotError,
    ContentPolicyViolation,
    ContextLengthExceeded,
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    RequestTooLarge,
    UpstreamAuth,
    UpstreamError,
)
from chatbot.core.logging import redact
from chatbot.protocol.error_body import ProviderError
from chatbot.upstream.provider import Head

_MESSAGE_CAP = 2000
_URL = re.compile(r"\bhttps?://\S+")
_POLICY = ("content_policy_violation", "content_filter", "ResponsibleAIPolicyViolation")
_SPENT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


def failure_of(head: Head, error: ProviderError) -> ChatbotError:
    """The error for a provider's answer that is no success."""
    status = head.status
    if error.is_about("context_length_exceeded"):
        return ContextLengthExceeded(_passed(error), param="messages")
    if any(map(error.is_about, _POLICY)):
        return ContentPolicyViolation(_passed(error))
    if status in (401, 402, 403) or any(map(error.is_about, _SPENT)):
        return _auth(status)
    if status == 413:
        return RequestTooLarge(_passed(error))
    if status in (400, 422):
        return InvalidRequest(_passed(error), param=error.param)
    if status == 404:
        return NotFound("The provider does not know this model or address.", param="model")
    if status == 429:
        return RateLimitExceeded(
            "The provider takes no more requests for the moment. Try again later.",
            retry_after=retry_after(head),
            may_recover=True,
        )
    return UpstreamError(
        "The provider failed to answer. Try again shortly.",
        detail=f"status {status}",
        may_recover=status >= 500,
    )


def failure_in_stream(error: ProviderError) -> ChatbotError:
    """The error for an error event in a 200. A numeric code is the status that was too late."""
    status = int(error.code) if error.code.isdigit() and len(error.code) == 3 else 502
    kinds = {"rate_limit_exceeded": 429, "rate_limit_error": 429, "invalid_api_key": 401}
    status = kinds.get(error.code, kinds.get(error.kind, status))
    if error.kind == "invalid_request_error" and status == 502:
        status = 400
    return failure_of(Head(status), error)


def retry_after(head: Head) -> int | None:
    """Seconds of a Retry-After header, from seconds or a date; None where there is none to believe."""
    value = head.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0, math.ceil(seconds)) if math.isfinite(seconds) and seconds < 86400 else None


def _auth(status: int) -> ChatbotError:
    return UpstreamAuth(
        "The provider refused this server's account. Its operator has to mend that.",
        detail=f"status {status}",
    )


def _passed(error: ProviderError) -> str:
    text = _URL.sub("[address]", redact(error.message[:_MESSAGE_CAP])).strip()
    return text or "The provider refused the request without a reason."

"""A chat completion request: checked where we rely on it, passed on whole otherwise.

Tools, images, `response_format`, `logprobs` and fields that we have never heard of are the provider's to
judge. What we read is `model`, `messages`, `stream`, `stream_options`, `n`, and nothing else.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from chatbot.protocol.strict_json import NotJSON, read_json

MOST_MESSAGES, MOST_PARTS, MOST_TOOLS = 4096, 1024, 512
"""What a request may have; providers take fewer."""
_STEERING = frozenset(
    [
        "api_base",
        "api_key",
        "api_type",
        "api_version",
        "azure_ad_token",
        "base_url",
        "client",
        "custom_llm_provider",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fallbacks",
        "headers",
        "http_client",
        "httpx_client",
        "organization",
        "proxies",
        "proxy",
        "timeout",
    ]
)
"""Fields by which gateways and SDKs let a caller choose where and as whom a provider is asked."""


class BadRequest(ValueError):
    """The request can't be used. `param` names the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ChatRequest(NamedTuple):
    """One request. `payload` is all of it, as it came."""

    payload: dict[str, Any]
    model: str
    stream: bool
    wants_usage: bool
    choices: int

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of fields that are passed to nobody: who asks never names an address, a key or a proxy."""
        return tuple(sorted(_STEERING & self.payload.keys()))

    def upstream_body(self, model: str, *, stream: bool, ask_usage: bool) -> bytes:
        """The body for a provider: the caller's, with the model and `stream` set.

        With `ask_usage`, `stream_options.include_usage` is set too: the books need it even where the
        caller does not.
        """
        body = {**self.payload, "model": model, "stream": stream}
        for name in self.dropped:
            del body[name]
        if not model:
            del body["model"]
        if stream and ask_usage:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        if not stream:
            body.pop("stream_options", None)
        try:
            return orjson.dumps(body)
        except TypeError:  # half of a surrogate pair, or a number over 64 bits
            return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def parse_chat_request(body: bytes) -> ChatRequest:
    """Read a request body. Raises `BadRequest`, whose text tells the caller what to mend."""
    try:
        payload = read_json(body, unique_keys=True)
    except NotJSON as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(payload, dict):
        raise BadRequest("The body must be a JSON object.")
    return _check(payload)


def check_chat_request(payload: dict[str, Any]) -> ChatRequest:
    """Check a request that is a Python value and no JSON yet. Raises `BadRequest`."""
    _check_is_json(payload)
    return _check(payload)


def _check(payload: dict[str, Any]) -> ChatRequest:
    model = payload.get("model") or ""
    if not isinstance(model, str):
        raise BadRequest("model must be a string.", "model")
    _check_messages(payload.get("messages"))
    stream = payload.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise BadRequest("stream must be true or false.", "stream")
    options = payload.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise BadRequest("stream_options must be an object.", "stream_options")
    tools = payload.get("tools")
    if isinstance(tools, list) and len(tools) > MOST_TOOLS:
        raise BadRequest(f"tools has over {MOST_TOOLS} tools.", "tools")
    choices = payload.get("n")
    if choices is not None and (type(choices) is not int or not 1 <= choices <= 128):
        raise BadRequest("n must be a whole number from 1 to 128.", "n")
    wants_usage = bool((options or {}).get("include_usage"))
    return ChatRequest(payload, model, bool(stream), wants_usage, choices or 1)


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list of at least one message.", "messages")
    if len(messages) > MOST_MESSAGES:
        raise BadRequest(f"messages has over {MOST_MESSAGES} messages.", "messages")
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise BadRequest(f"messages[{place}] must be an object.", "messages")
        if not isinstance(message.get("role"), str):
            raise BadRequest(f"messages[{place}].role must be a string.", "messages")
        content = message.get("content")
        if isinstance(content, list) and len(content) > MOST_PARTS:
            raise BadRequest(f"messages[{place}].content has over {MOST_PARTS} parts.", "messages")


def _check_is_json(payload: dict[str, Any]) -> None:
    try:
        json.dumps(payload, allow_nan=False)
    except ValueError:
        raise BadRequest("A number in the body is out of range.") from None
    except (TypeError, RecursionError):
        raise BadRequest("The request holds what is not JSON, or nests too deeply.") from None

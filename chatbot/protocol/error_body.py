"""OpenAI's error body: written for our callers, read from providers.

Providers disagree on the shape. OpenAI nests it below `error`; vLLM puts `"object": "error"` at the top;
others send `{"error": "text"}` or `{"detail": …}`. Only code, type and message are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chatbot.protocol.strict_json import NotJSON, read_json


def error_body(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    """`{"error": {"message", "type", "param", "code"}}`, as every OpenAI SDK reads it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True)
class ProviderError:
    """What a provider said of its failure; empty where it did not say."""

    message: str = ""
    code: str = ""
    kind: str = ""
    param: str | None = None

    def is_about(self, word: str) -> bool:
        """Whether code, type or parameter is `word`."""
        return word in (self.code, self.kind, self.param)


def is_error(value: dict[str, Any]) -> bool:
    """Whether a JSON object is an error and not a part of an answer."""
    return value.get("object") == "error" or ("error" in value and bool(value["error"]))


def provider_error(value: dict[str, Any]) -> ProviderError:
    """The error in a provider's JSON object, whichever way it is put."""
    inner = value.get("error", value)
    if isinstance(inner, str):
        return ProviderError(message=inner)
    if not isinstance(inner, dict):
        return ProviderError()
    param = inner.get("param")
    return ProviderError(
        _text(inner.get("message") or inner.get("detail")),
        _text(inner.get("code")),
        _text(inner.get("type")),
        param if isinstance(param, str) else None,
    )


def read_provider_error(body: bytes) -> ProviderError:
    """The error in a response body; an empty one where it is no JSON object (an HTML page)."""
    try:
        value = read_json(body)
    except NotJSON:
        return ProviderError()
    return provider_error(value) if isinstance(value, dict) else ProviderError()


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""

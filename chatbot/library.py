"""The chat service for programs that want an answer and no server.

from chatbot.library import chat_completions_stream

answer = chat_completions_stream(
    {"messages": [{"role": "user", "content": "Hello"}]},
    lambda delta, event: print(delta.get("content") or "", end=""),
)
"""

from __future__ import annotations

from functools import cache
from typing import Any

from chatbot.chat.answer import ChatService, OnChunk
from chatbot.core.settings import load_settings
from chatbot.services import build_router


@cache
def _service() -> ChatService:
    return ChatService(build_router(load_settings()))


def chat_completions_stream(
    payload: dict[str, Any], on_chunk: OnChunk | None = None
) -> dict[str, Any]:
    """Stream a chat completion from the provider of the environment; see `ChatService`.

    Settings are read at the first call. Raises `SettingsError` and `ChatbotError`.
    """
    return _service().chat_completions_stream(payload, on_chunk)

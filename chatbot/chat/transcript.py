"""A conversation as it is given out: as JSON for programs, as Markdown for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chatbot.store.conversations import Conversation

_RATINGS = {1: "up", -1: "down"}
_SPEAKERS = {"user": "You", "assistant": "Answer"}
_STATES = {"interrupted": "incomplete"}
"""What is told of states that are this server's own affair."""


def as_json(name: str, conversation: Conversation) -> dict[str, Any]:
    """A conversation under its public id, with messages where it has been read with them."""
    told = {
        "id": name,
        "object": "conversation",
        "title": conversation.title,
        "bot": conversation.bot_id,
        "created_at": int(conversation.created_at),
        "updated_at": conversation.updated_at,
        "expires_at": int(conversation.expires_at),
    }
    if conversation.messages:
        told["messages"] = [_message(m) for m in conversation.messages]
    return told


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "id": row["id"],
        "object": "conversation.message",
        "role": row["role"],
        "content": row["content"],
        "state": _STATES.get(row["state"], row["state"]),
        "created_at": int(row["created_at"]),
    }
    if row["role"] != "assistant":
        return told
    return told | {
        "model": row["model"],
        "code": row["code"] or None,
        "usage": {
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
        },
        "latency": {
            "first_token_seconds": row["first_token_seconds"],
            "total_seconds": row["total_seconds"],
        },
        "sources": row["sources"] or [],
        "rating": _RATINGS.get(row["rating"]),
        "request_id": row["request_id"],
    }


def as_markdown(conversation: Conversation) -> str:
    """A conversation to read and to keep."""
    at = datetime.fromtimestamp(conversation.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [f"# {' '.join(conversation.title.split())}", f"*{conversation.bot_id}, {at}*"]
    for row in conversation.messages:
        parts.append(f"## {_SPEAKERS.get(row['role'], row['role'])}")
        parts.append(row["content"] or "*(no answer)*")
        if row["role"] == "assistant" and row["state"] not in ("whole", "failed"):
            parts.append(f"*({_STATES.get(row['state'], row['state'])})*")
    return "\n\n".join(parts) + "\n"

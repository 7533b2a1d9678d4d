"""A visitor's question: which session and conversation it belongs to, and what of the request is read.

A key in a page asks as a visitor: only the last user message is read, the rest of the conversation is the
server's, and what would steer the model is ignored and said. An id that this server did not issue to this
visitor begins anew and shows nothing.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from chatbot.access.sessions import RENEW_SECONDS, SESSION_SECONDS, Signer, Token
from chatbot.access.visitors import visitor_of
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidRequest
from chatbot.core.text import storable
from chatbot.store.conversations import Scope

_UNFIT = re.compile(r"[^!-+\--~]")
_SAID = ("user", "assistant", "tool")
_READ = frozenset({"messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"})


class Visitor(NamedTuple):
    """Who asks: `owner` of conversations, and the session's token to give back."""

    bot: Bot
    owner: str
    session: Token

    @property
    def scope(self) -> Scope:
        """What this visitor may see."""
        return Scope(self.bot.id, self.owner)


def visitor(signer: Signer, bot: Bot, session_text: str, visitor_token: str) -> Visitor:
    """The visitor of these tokens; a new session where the text is none of this bot's and visitor's.

    Raises `InvalidVisitorToken`.
    """
    subject = visitor_of(signer, bot, visitor_token)
    session = signer.read("ses", session_text, bot.id, subject) if session_text else None
    if session is None or session.expires_at - time.time() < RENEW_SECONDS:
        known = session.id if session else ""
        until = time.time() + SESSION_SECONDS
        session = signer.issue("ses", until, bot.id, subject, token_id=known)
    return Visitor(bot, f"v:{subject}" if subject else f"s:{session.id}", session)


def conversation_token(
    signer: Signer, bot_id: str, owner: str, expires_at: float, conversation_id: str = ""
) -> Token:
    """The token of a conversation: a new one's, or again that of a known id."""
    return signer.issue("conv", expires_at, bot_id, owner, token_id=conversation_id)


def question_of(payload: dict[str, Any], most_chars: int) -> str:
    """The text of the last user message. Raises `InvalidRequest`."""
    content: object = None
    for message in reversed(payload["messages"]):
        if message["role"] == "user":
            content = message.get("content")
            break
    text = storable(_text(content).strip())
    if not text:
        raise InvalidRequest("There is no text in the last user message.", param="messages")
    if len(text) > most_chars:
        raise InvalidRequest(
            f"The question is too long: {most_chars} characters at the most.", param="messages"
        )
    return text


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [p.get("text") for p in content if isinstance(p, dict) and p.get("type") == "text"]
    return "\n".join(part for part in parts if isinstance(part, str))


def _has_other_parts(content: object) -> bool:
    if not isinstance(content, list):
        return False
    return any(not isinstance(p, dict) or p.get("type") != "text" for p in content)


def ignored_of(payload: dict[str, Any], *read: str) -> tuple[str, ...]:
    """What of a visitor's request has no effect, by names that can stand in a header.

    `read`: fields that have one this time.
    """
    names = [n for n in payload if n not in _READ and n not in read]
    messages = payload["messages"]
    roles = [m["role"] for m in messages]
    if "system" in roles or "developer" in roles:
        names.append("messages.system")
    if len(roles) > 1 and sum(role in _SAID for role in roles) > 1:
        names.append("messages.history")
    if any([_has_other_parts(m.get("content")) for m in messages]):
        names.append("messages.content")
    return tuple(sorted([_UNFIT.sub("?", name[:40]) for name in names]))[:20]

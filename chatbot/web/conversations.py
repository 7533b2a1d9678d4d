"""`/api/v1/conversations`: what was said, for who said it: listed, read, renamed, deleted, exported."""

from __future__ import annotations

import math
from dataclasses import replace

from flask import Blueprint, Response, jsonify, request

from chatbot.access.caller import Caller
from chatbot.chat.transcript import as_json, as_markdown
from chatbot.chat.visitor import conversation_token
from chatbot.core.errors import InvalidRequest, NotFound
from chatbot.core.text import storable
from chatbot.store.conversations import Conversation, Receipt, Scope
from chatbot.web.guard import caller, json_object, services
from chatbot.web.visiting import scope_of

bp = Blueprint("conversations", __name__)
_SCOPES = ("conversations", "own_conversations")
_TITLE_CHARS = 200
_MOST = 100


@bp.get("/conversations")
def newest() -> Response:
    """The newest conversations, without their messages; `limit` of them, `before` a time."""
    scope = scope_of(caller(*_SCOPES))
    limit, before = _number("limit", 20, _MOST), _time("before")
    found = services().conversations.newest(scope, limit=limit + 1, before=before)
    data = [as_json(_public_id(c), c) for c in found[:limit]]
    return jsonify(object="list", data=data, has_more=len(found) > limit)


@bp.delete("/conversations")
def forget_all() -> Response:
    """Delete all of a visitor's conversations."""
    who = caller(*_SCOPES)
    if not who.is_publishable:
        raise InvalidRequest("Delete one by one, or the bot: this is for visitors.")
    receipt = services().conversations.forget(scope_of(who))
    return _receipt("all", receipt or Receipt())


@bp.get("/conversations/<conversation>")
def whole(conversation: str) -> Response:
    """One conversation with its messages."""
    return jsonify(as_json(conversation, _find(caller(*_SCOPES), conversation)))


@bp.patch("/conversations/<conversation>")
def rename(conversation: str) -> Response:
    """Give a conversation another title."""
    found = _find(caller(*_SCOPES), conversation)
    title = json_object(16 * 1024).get("title")
    if not isinstance(title, str) or not title.strip() or len(title) > _TITLE_CHARS:
        raise InvalidRequest(
            f"title must be a text of 1 to {_TITLE_CHARS} characters.", param="title"
        )
    new = storable(title.strip())
    services().conversations.rename(Scope(found.bot_id, found.owner), found.id, new)
    return jsonify(as_json(conversation, replace(found, title=new)))


@bp.delete("/conversations/<conversation>")
def forget(conversation: str) -> Response:
    """Delete a conversation; the receipt says what was removed and that nothing is left."""
    found = _find(caller(*_SCOPES), conversation)
    receipt = services().conversations.forget(Scope(found.bot_id, found.owner), found.id)
    if receipt is None:
        raise _not_found()
    return _receipt(conversation, receipt)


@bp.get("/conversations/<conversation>/export")
def export(conversation: str) -> Response:
    """A conversation as a file: `format` is `json` or `markdown`."""
    found = _find(caller(*_SCOPES), conversation)
    kind = request.args.get("format", "json")
    if kind not in ("json", "markdown"):
        raise InvalidRequest("format must be json or markdown.", param="format")
    if kind == "json":
        response = jsonify(as_json(conversation, found))
    else:
        response = Response(as_markdown(found), content_type="text/markdown; charset=utf-8")
    name = f"conversation.{'json' if kind == 'json' else 'md'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _find(who: Caller, text: str) -> Conversation:
    """The conversation of this id, where it is the caller's. Raises `NotFound`."""
    scope, signer = scope_of(who), services().signer
    token_id = signer.peek("conv", text)
    found = services().conversations.whole(scope, token_id) if token_id else None
    if found is None or text != _public_id(found):
        raise _not_found()
    return found


def _public_id(found: Conversation) -> str:
    """The id that a conversation goes by outside: signed, so that none can be guessed."""
    signer, until = services().signer, found.expires_at
    return conversation_token(signer, found.bot_id, found.owner, until, found.id).text


def _not_found() -> NotFound:
    return NotFound("There is no such conversation.")


def _receipt(name: str, receipt: Receipt) -> Response:
    removed = {
        "conversations": receipt.conversations,
        "messages": receipt.messages,
        "feedback": receipt.feedback,
    }
    return jsonify(
        id=name,
        object="conversation.deleted",
        deleted=True,
        removed=removed,
        remaining=receipt.remaining,
    )


def _time(name: str) -> float | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        at = float(text)
    except ValueError:
        at = math.nan
    if not math.isfinite(at):
        raise InvalidRequest(f"{name} must be a time in seconds since 1970.", param=name)
    return at


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
        raise InvalidRequest(f"{name} must be a whole number from 1 to {most}.", param=name)
    return int(text[:12])

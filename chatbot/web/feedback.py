"""`POST /api/v1/feedback`: what a visitor thinks of an answer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chatbot.core.errors import InvalidRequest, NotFound
from chatbot.core.text import storable
from chatbot.web.guard import caller, json_object, services
from chatbot.web.visiting import scope_of

bp = Blueprint("feedback", __name__)
_COMMENT_CHARS = 2000
_ID_CHARS = 40


@bp.post("/feedback")
def rate() -> Response:
    """Rate an answer `up` or `down`, with an optional word; null takes it back."""
    scope = scope_of(caller("feedback", "conversations"))
    body = json_object(64 * 1024)
    message, rating, comment = body.get("message_id"), body.get("rating"), body.get("comment")
    if not isinstance(message, str) or not 0 < len(message) <= _ID_CHARS:
        raise InvalidRequest("message_id must be the id of an answer.", param="message_id")
    if "rating" not in body or not (rating is None or rating in ("up", "down")):
        raise InvalidRequest("rating must be up, down or null.", param="rating")
    if not (comment is None or (isinstance(comment, str) and len(comment) <= _COMMENT_CHARS)):
        raise InvalidRequest(
            f"comment must be a text of at most {_COMMENT_CHARS} characters.", param="comment"
        )
    value = {"up": 1, "down": -1}.get(str(rating), 0)
    if not services().conversations.rate(scope, storable(message), value, storable(comment or "")):
        raise NotFound("There is no such answer.")
    return jsonify(object="feedback", message_id=message, rating=rating)

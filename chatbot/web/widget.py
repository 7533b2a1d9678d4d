"""`GET /api/v1/widget/config`: what the widget shows of its bot, for a page that has only its key.

Every page may read this answer, so that a page whose origin is not listed can be told so by name: a browser
shows a script nothing of an answer that it may not read, and an owner nothing but "CORS".
"""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, request
from flask_cors import cross_origin

from chatbot.access.caller import admit
from chatbot.access.perceiving import admit_perceived
from chatbot.core.bot import Bot
from chatbot.core.errors import (
    ChatbotError,
    InvalidRequest,
    KeyNotAllowed,
    NotFound,
    ServiceStopped,
)
from chatbot.web.errors import error_response
from chatbot.web.guard import bearer, caller, json_object, known_key, origin, own_origin, services
from chatbot.web.here import here

bp = Blueprint("widget", __name__)
_MOST_BYTES, _MOST_MS = 256, 3_600_000


@bp.get("/widget/config")
@cross_origin(origins="*", send_wildcard=True, methods=["GET"], vary_header=False)
def config() -> Response:
    """The public side of a publishable key's bot. The key is in the query: no preflight is needed."""
    try:
        response = jsonify(public(_bot()))
    except ChatbotError as error:  # here, so that the page may read it
        g.record.code, g.record.detail = error.code, error.detail
        response = error_response(error)
    response.headers["Vary"] = "Origin"
    return response


@bp.post("/widget/perceived")
def perceived() -> Response:
    """How soon a visitor saw the first words of an answer, in milliseconds; nothing else is taken. Where nobody wants to
    know there is nothing here."""
    measures = services().measures
    who = caller("feedback")
    if measures is None or not wants_perceived():
        raise NotFound("This server does not want to know: CHATBOT_PERCEIVED.")
    if not who.is_publishable or who.bot is None:
        raise KeyNotAllowed("This is for browsers, with the publishable key of their page.")
    first = _milliseconds(json_object(_MOST_BYTES))
    admit_perceived(services().meter, who.bot.id, here().header("REMOTE_ADDR"))
    measures.perceived(who.bot.id, first / 1000)
    return jsonify(object="widget.perceived")


def wants_perceived() -> bool:
    """Whether browsers are asked to tell."""
    return services().settings.perceived and services().measures is not None


def _milliseconds(told: dict[str, object]) -> int:
    first, total = told.get("first"), told.get("total")
    if told.keys() != {"first", "total"} or type(first) is not int or type(total) is not int:
        raise InvalidRequest("Send first and total, whole milliseconds, and nothing else.")
    if not 0 <= first <= total <= _MOST_MS:
        raise InvalidRequest(
            f"first and total must be from 0 to {_MOST_MS}, and in this order.", param="first"
        )
    return first


def _bot() -> Bot:
    text = request.args.get("key", "") or bearer()
    # Without an origin it is no page of somebody else's that asks; what is told is told to every page.
    asks = origin() or own_origin()
    caller = admit(services().directory, known_key(text), asks, own_origin(), "config")
    if caller.bot is None:
        raise NotFound("The bot of this key is gone.")
    return caller.bot


def _stopped(bot: Bot) -> str:
    """An operator's message where the bot is stopped, else nothing."""
    try:
        services().directory.check_running(bot.id)
    except ServiceStopped as stopped:
        return stopped.message
    return ""


def public(bot: Bot) -> dict[str, object]:
    """What visitors may know of a bot."""
    return {
        "object": "widget.config",
        "bot": bot.id,
        "name": bot.name,
        "greeting": bot.greeting,
        "suggestions": list(bot.suggestions),
        "theme": dict(bot.theme),
        "languages": list(bot.languages),
        "contact": bot.contact,
        "privacy_url": bot.privacy_url,
        "identify": bot.identify,
        "question_chars": bot.limits.question_chars,
        "retention_days": bot.retention_days,
        "mock": services().settings.uses_mock,
        "perceived": wants_perceived(),
        "stopped": _stopped(bot),
    }

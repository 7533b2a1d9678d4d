"""Visitors over HTTP: the headers that say who they are, and those that tell them."""

from __future__ import annotations

from flask import request

from chatbot.access.caller import Caller
from chatbot.chat.visitor import Visitor
from chatbot.core.errors import NotFound, StorageUnavailable
from chatbot.core.text import storable
from chatbot.store.conversations import Scope
from chatbot.web.guard import services
from chatbot.web.here import here
from chatbot.web.limits import admit_read
from chatbot.web.telling import tell


def visiting(who: Caller) -> Visitor:
    """The visitor behind a publishable key. Raises `InvalidVisitorToken`."""
    if who.bot is None:
        raise NotFound("The bot of this key is gone.")
    asked = here()
    session, token = asked.header("HTTP_X_SESSION_ID"), asked.header("HTTP_X_VISITOR_TOKEN")
    return asked.services.conversing.visitor(who.bot, session, token)


def scope_of(who: Caller) -> Scope:
    """Whose conversations the caller may see: a visitor's own, or all of the bots that a secret key is for.

    What was said a moment ago is among them: it is saved before this returns. Raises `StorageUnavailable`
    where it can't be.
    """
    services().writer.flush()
    if services().writer.is_away:
        raise StorageUnavailable
    if not who.is_publishable:
        return Scope(who.key.bot_id or _asked_bot(), None)
    visitor = visiting(who)
    tell({"X-Session-ID": visitor.session.text})
    admit_read(who, visitor)
    return visitor.scope


def _asked_bot() -> str | None:
    asked = request.args.get("bot")
    return None if asked is None else storable(asked)

"""`/chat/<key>`: the chat as a page with a form, for browsers without JavaScript and for those that lack what the widget needs.

It asks as the widget does, with the same key, limits and conversation, and shows the whole answer when it is there. No
cookie: who the visitor is goes with the form.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, g, render_template, request

from chatbot.access.caller import Caller, admit
from chatbot.chat.conversing import content_of
from chatbot.chat.visitor import Visitor
from chatbot.core.bot import Bot
from chatbot.core.errors import ChatbotError, NotFound, ServiceStopped, StorageUnavailable
from chatbot.protocol.chat_request import ChatRequest
from chatbot.store.conversations import Conversation
from chatbot.store.database import StoreAway
from chatbot.web.chat import answer
from chatbot.web.guard import check_own_form, in_time, known_key, own_origin, services
from chatbot.web.plain_words import WORDS, language
from chatbot.web.telling import tell, told

bp = Blueprint("plain", __name__)
_Page = tuple[str, int]


@bp.get("/chat/<key>")
def form(key: str) -> _Page:
    """The form, before the first question."""
    try:
        who, bot = _caller(key)
    except ChatbotError as error:
        return _refused(key, None, error)
    return _page(who.key.shown, bot, {})


@bp.post("/chat/<key>")
def ask(key: str) -> _Page:
    """A question, and the page with its answer."""
    bot = None
    try:
        check_own_form()
        who, bot = _caller(key)
        sent = in_time(lambda: request.form, request.content_length).to_dict()
        return _page(key, bot, _asked(who, bot, sent))
    except (ChatbotError, StoreAway) as caught:
        error = caught if isinstance(caught, ChatbotError) else StorageUnavailable()
        return _refused(key, bot, error)


def _caller(key: str) -> tuple[Caller, Bot]:
    own = own_origin()
    who = admit(services().directory, known_key(key), own, own, "own_conversations")
    if who.bot is None or not who.is_publishable:
        raise NotFound("There is no chat at this address.")
    return who, who.bot


def _asked(who: Caller, bot: Bot, sent: dict[str, str]) -> dict[str, object]:
    """Ask; what the page shows then."""
    question = sent.get("question", "")
    payload = {"messages": [{"role": "user", "content": question}]}
    visitor = services().conversing.visitor(bot, sent.get("session", ""), "")
    came = ChatRequest(payload, "", False, False, 1)
    whole = answer(who, visitor, came, sent.get("conversation", ""))
    shown = {"session": told("X-Session-ID"), "conversation": told("X-Conversation-ID")}
    turns = _turns(visitor, shown["conversation"])
    just_now = [("user", question), ("assistant", content_of(whole.get_data()))]
    return {**shown, "turns": turns or just_now}


def _said_before(bot: Bot, sent: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the form's visitor has said and been told."""
    try:
        visitor = services().conversing.visitor(bot, sent.get("session", ""), "")
    except ChatbotError:
        return []
    return _turns(visitor, sent.get("conversation", ""))


def _turns(visitor: Visitor, conversation: str) -> list[tuple[str, str]]:
    """What was said so far, by role; nothing where the store can't tell."""
    try:
        services().writer.flush()
        name = services().signer.peek("conv", conversation)
        found: Conversation | None = services().conversations.whole(visitor.scope, name or "")
    except StoreAway:
        return []
    return [(m["role"], m["content"]) for m in found.messages] if found else []


def _page(key: str, bot: Bot, shown: dict[str, object]) -> _Page:
    return _rendered(key, bot, shown), 200


def _rendered(key: str, bot: Bot | None, shown: dict[str, object]) -> str:
    asked = request.args.get("lang", "")
    lang = language(asked, request.accept_languages)
    spoken = {"lang": lang, "asked_lang": asked or None, "words": WORDS[lang]}
    mock = services().settings.uses_mock
    return render_template("chat.html", bot=bot, key=key, mock=mock, **spoken, **shown)


def _refused(key: str, bot: Bot | None, error: ChatbotError) -> _Page:
    """The form again, with what was written in it, and why there is no answer."""
    g.record.code, g.record.detail = error.code, error.detail
    if error.retry_after is not None:
        tell({"Retry-After": str(error.retry_after)})
    sent = request.form if request.method == "POST" and bot else {}
    shown: dict[str, object] = {n: sent.get(n, "") for n in ("session", "conversation", "question")}
    shown["turns"] = _said_before(bot, sent) if bot and sent else []
    # Why a bot is stopped is in its operator's words, all else in English.
    error_lang = "" if isinstance(error, ServiceStopped) else "en"
    shown |= {"error": error.message, "error_lang": error_lang, "request_id": g.record.request_id}
    return _rendered(key, bot, shown), error.status

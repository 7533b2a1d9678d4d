"""Who calls: a key, what it may do, and whose conversations it may see. The one place for that decision."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.access.directory import Directory
from chatbot.core.api_key import PUBLISHABLE, SECRET, ApiKey
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidApiKey, KeyNotAllowed, OriginNotAllowed
from chatbot.core.origin import matches

PUBLISHABLE_SCOPES = frozenset({"chat", "config", "feedback", "own_conversations"})
"""What a key in a page may do, and nothing else."""


_SECRET_SCOPES = {"models": "chat"}
"""What a secret key's scopes include besides their name; a publishable key has no such scope."""


class Caller(NamedTuple):
    """A key that is accepted for what is asked, and its bot where it is bound to one."""

    key: ApiKey
    bot: Bot | None

    @property
    def is_publishable(self) -> bool:
        """Whether it is a key that stands in a page: a visitor, and not the owner."""
        return self.key.kind == PUBLISHABLE


def identify(directory: Directory, text: str) -> ApiKey:
    """The key of this text, whatever it may do. Raises `InvalidApiKey`."""
    if not text:
        raise InvalidApiKey("No API key. Send it as 'Authorization: Bearer <key>'.")
    key = directory.identify(text)
    if key is None:
        raise InvalidApiKey("This API key is not known here.")
    return key


def admit(directory: Directory, key: ApiKey, origin: str, own_origin: str, *scopes: str) -> Caller:
    """The caller who brings a key from `origin` (empty: none was sent) for one of `scopes`.

    Raises `OriginNotAllowed`, `KeyNotAllowed`.
    """
    _check_origin(directory, key, origin, own_origin)
    if not may(key, *scopes):
        raise KeyNotAllowed(
            "A publishable key is for chat, config, feedback and its own conversations only."
            if key.kind == PUBLISHABLE
            else f"This key has not the scope {scopes[0]!r}."
        )
    return Caller(key, directory.bot(key.bot_id or ""))


def may(key: ApiKey, *scopes: str) -> bool:
    """Whether a key is for one of these."""
    if key.kind == PUBLISHABLE:
        return not PUBLISHABLE_SCOPES.isdisjoint(scopes)
    return any(key.may(_SECRET_SCOPES.get(scope, scope)) for scope in scopes)


def _check_origin(directory: Directory, key: ApiKey, origin: str, own_origin: str) -> None:
    if key.kind == SECRET:
        if origin:
            raise OriginNotAllowed(
                "A secret key must never be in a web page. Take a publishable key (pk_…), and "
                "replace this one: whoever saw the page has it."
            )
        return
    # A page of this server's own may always ask: nobody else can send its origin from a browser.
    if origin and (origin == own_origin or matches(origin, directory.origins_of(key))):
        return
    raise OriginNotAllowed(
        "This origin is not in the list of the key." if origin
        else "A publishable key is for web pages: no Origin was sent."
    )  # fmt: skip

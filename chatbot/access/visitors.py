"""Visitors who prove who they are: a short-lived JWT that the owner's site signs with the bot's own key.

The key is derived from this server's secret, the bot and a generation, so it is stored nowhere here, fits one
bot only, and ends when the generation is another. One algorithm is accepted, whatever a token's head says.

Source: RFC 7519, RFC 8725
"""

from __future__ import annotations

import secrets
import time

import jwt

from chatbot.access.sessions import Signer
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidVisitorToken
from chatbot.core.text import storable

MOST_SECONDS = 3600
"""A token may be good for so long."""
LEEWAY_SECONDS = 60
_ALGORITHMS = ["HS256"]
_SUBJECT_CHARS = 200


def new_generation() -> int:
    """A generation of signing keys: random, so that a bot that is made again has none of the former ones."""
    return secrets.randbelow(2**31 - 1) + 1


def signing_key(signer: Signer, bot: Bot) -> str:
    """What the owner's site signs its visitors' tokens with."""
    return "vis_" + signer.derived(f"visitors\0{bot.id}\0{bot.identity_generation}")


def visitor_of(signer: Signer, bot: Bot, token: str) -> str:
    """The proven visitor: the token's `sub`; empty where the bot asks for none and none came.

    Raises `InvalidVisitorToken`: a bad token is never an anonymous visitor.
    """
    if bot.identify == "off":
        return ""
    if not token:
        if bot.identify == "required":
            raise InvalidVisitorToken(
                "This bot answers known visitors only: send X-Visitor-Token, signed by the site."
            )
        return ""
    return _subject(token, signing_key(signer, bot), bot.id)


def _subject(token: str, key: str, audience: str) -> str:
    try:
        claims = jwt.decode(
            token, key, algorithms=_ALGORITHMS, audience=audience, leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "aud", "sub"]},
        )  # fmt: skip
    except jwt.ExpiredSignatureError:
        raise InvalidVisitorToken("The visitor's token has expired: have it signed anew.") from None
    except jwt.PyJWTError as error:
        raise InvalidVisitorToken(
            f"The visitor's token is not accepted ({type(error).__name__})."
        ) from None
    subject, expires_at = claims["sub"], claims["exp"]
    if not subject or len(subject) > _SUBJECT_CHARS or subject != storable(subject):
        raise InvalidVisitorToken("The visitor's token has no usable sub.")
    if not isinstance(expires_at, (int, float)):  # PyJWT takes a number in quotes too
        raise InvalidVisitorToken("The visitor's token has no usable exp.")
    if expires_at > time.time() + MOST_SECONDS + LEEWAY_SECONDS:
        raise InvalidVisitorToken(
            f"The visitor's token is good for too long: {MOST_SECONDS} s at the most."
        )
    return str(subject)

"""A visitor's token is the site's word or nothing: one algorithm, one bot, one generation, one hour."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest

from chatbot.access.sessions import Signer
from chatbot.access.visitors import signing_key, visitor_of
from chatbot.core.bot import Bot
from chatbot.core.errors import InvalidVisitorToken
from chatbot.core.secret import Secret

SIGNER = Signer(Secret("s" * 32))
SHOP = Bot("shop", identify="optional")
KEY = signing_key(SIGNER, SHOP)
HOUR = 3600
MISSING = object()


def claims(**changed) -> dict:
    """Claims of a good token, with these changed; times as seconds from now."""
    times = ("exp", "nbf", "iat")
    found = {"sub": "anna", "aud": "shop", "exp": 600, **changed}
    return {
        k: time.time() + v if k in times and type(v) in (int, float) else v
        for k, v in found.items()
        if v is not MISSING
    }


def signed(key: str = KEY, head: dict | None = None, **changed) -> str:
    """A token made by hand, as no library would make some of them."""
    return by_hand({"alg": "HS256", "typ": "JWT", **(head or {})}, claims(**changed), key)


def by_hand(head: object, body: object, key: str = KEY, digest: str = "sha256") -> str:
    parts = [_coded(p if isinstance(p, bytes) else json.dumps(p).encode()) for p in (head, body)]
    mac = hmac.digest(key.encode(), ".".join(parts).encode(), digest)
    return ".".join([*parts, _coded(mac)])


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def refused(token: str, bot: Bot = SHOP) -> str:
    with pytest.raises(InvalidVisitorToken) as error:
        visitor_of(SIGNER, bot, token)
    assert "anna" not in str(error.value)
    assert KEY not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"exp": HOUR}, {"exp": HOUR + 50}, {"exp": -50}, {"nbf": -5, "iat": -5}, {"nbf": 50}, {"iat": 50},
        {"aud": ["shop"]}, {"aud": ["other", "shop"]}, {"iat": -10 * 365 * 86400}, {"iss": "anybody", "jti": "x"},
        {"head": {"typ": "other"}}, {"head": {"kid": "../../etc/passwd"}},
    ],
)  # fmt: skip
def test_a_good_token_names_the_visitor(changed):
    assert visitor_of(SIGNER, SHOP, signed(**changed)) == "anna"


def test_the_sites_library_makes_a_good_token():
    assert visitor_of(SIGNER, SHOP, jwt.encode(claims(), KEY, "HS256")) == "anna"
    assert visitor_of(SIGNER, SHOP, jwt.encode(claims(sub="Ünï ☕"), KEY, "HS256")) == "Ünï ☕"
    assert visitor_of(SIGNER, SHOP, jwt.encode(claims(sub="a" * 200), KEY, "HS256")) == "a" * 200


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": -61}, {"exp": HOUR + 70}, {"exp": 10 * 365 * 86400}, {"exp": MISSING}, {"exp": None},
        {"exp": "soon"}, {"exp": str(int(time.time()) + 600)}, {"exp": []}, {"exp": {}}, {"exp": True},
        {"exp": float("inf")}, {"exp": float("nan")}, {"exp": -float("inf")},
        {"nbf": 70}, {"nbf": "x"}, {"nbf": []}, {"nbf": float("inf")}, {"iat": 70}, {"iat": {}},
        {"aud": MISSING}, {"aud": None}, {"aud": ""}, {"aud": []}, {"aud": "other"}, {"aud": "Shop"},
        {"aud": "shop-2"}, {"aud": ["other"]}, {"aud": ["shop", 5]}, {"aud": {"shop": 1}}, {"aud": 5},
        {"sub": MISSING}, {"sub": None}, {"sub": ""}, {"sub": 5}, {"sub": ["anna"]}, {"sub": {"anna": 1}},
        {"sub": True}, {"sub": "a" * 201}, {"sub": "an\0na"}, {"sub": "anna\ud800"},
        {"key": signing_key(SIGNER, Bot("other"))}, {"key": ""}, {"key": KEY[4:]}, {"key": KEY.upper()},
        {"key": signing_key(Signer(Secret("t" * 32)), SHOP)},
        {"key": signing_key(SIGNER, Bot("shop", identity_generation=2))},
        {"head": {"crit": ["x"], "x": 1}}, {"head": {"alg": "none"}}, {"head": {"alg": ""}},
        {"head": {"alg": None}}, {"head": {"alg": 5}}, {"head": {"alg": ["HS256"]}}, {"head": {"alg": "hs256"}},
        {"head": {"alg": "HS384"}}, {"head": {"alg": "RS256"}}, {"head": {"kid": 5}}, {"head": {"b64": False}},
    ],
)  # fmt: skip
def test_a_token_that_is_not_all_as_it_must_be_is_refused(changed):
    refused(signed(**changed))


def test_the_heads_algorithm_is_not_believed():
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512")):
        refused(by_hand({"alg": alg}, claims(), digest=digest))
        refused(by_hand({"alg": "HS256"}, claims(), digest=digest))
    for alg in ("none", "None", "NONE", "nOnE"):
        head, body, _ = by_hand({"alg": alg}, claims()).split(".")
        refused(f"{head}.{body}.")
    refused(jwt.encode(claims(), "", "none"))
    for alg in ("RS256", "ES256", "PS256", "EdDSA"):
        refused(by_hand({"alg": alg}, claims()))
    own = {
        "alg": "HS256",
        "jwk": {"kty": "oct", "k": _coded(b"k" * 32)},
        "jku": "https://evil.example",
    }
    refused(by_hand(own, claims(), "k" * 32))


def test_a_changed_token_is_refused():
    head, body, mac = signed().split(".")
    other = _coded(json.dumps(claims(sub="berta")).encode())
    for token in (f"{head}.{other}.{mac}", f"{head}.{body}.", f"{head}.{body}.{mac[:-4]}AAAA",
                  f"{head}.{body}", f"{head}.{body}.{mac}.{mac}", f".{body}.{mac}", f"{head}..{mac}"):  # fmt: skip
        refused(token)


@pytest.mark.parametrize(
    "token",
    [
        "x", ".", "..", "...", "a.b.c", "é.é.é", "Bearer x.y.z", " " * 9, "\0", "." * 5000, "A" * 100_000,
        by_hand(b"{", b"{}"), by_hand([], {}), by_hand({"alg": "HS256"}, []), by_hand({"alg": "HS256"}, b"\xff"),
        by_hand({}, {}), by_hand({"alg": "HS256"}, b"[" * 5000), by_hand(b"[" * 5000, b"{}"),
        by_hand({"alg": "HS256"}, b'{"exp":' + b"9" * 5000 + b"}"), by_hand(b"9" * 5000, b"{}"),
    ],
    ids=lambda token: token[:12],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    refused(token)


def test_raising_the_generation_ends_the_tokens_of_the_older():
    newer = Bot("shop", identify="optional", identity_generation=2)
    refused(signed(), newer)
    assert visitor_of(SIGNER, newer, signed(key=signing_key(SIGNER, newer))) == "anna"


def test_a_token_is_for_one_bot():
    other = Bot("other", identify="optional")
    refused(signed(), other)
    refused(signed(aud="other"), other)
    refused(signed(key=signing_key(SIGNER, other)), other)
    assert visitor_of(SIGNER, other, signed(key=signing_key(SIGNER, other), aud="other")) == "anna"


def test_the_key_says_nothing_of_the_secret_and_is_no_other_bots():
    bots = [Bot("shop"), Bot("shop", identity_generation=11), Bot("shop1"), Bot("shop-1")]
    keys = {signing_key(SIGNER, bot) for bot in [*bots, Bot("shop", identity_generation=1)]}
    assert len(keys) == 4
    assert all(key.startswith("vis_") and len(key) == 68 for key in keys)
    assert hashlib.sha256(b"s" * 32).hexdigest() not in str(keys)


@pytest.mark.parametrize("identify", ["off", "optional", "required"])
def test_who_must_have_a_token_and_whose_is_read(identify):
    bot = Bot("shop", identify=identify)
    expected = {"off": ("", "", ""), "optional": ("", "anna", None)}.get(identify)
    for token, visitor in zip(("", signed(), "bad"), expected or (None, "anna", None), strict=True):
        if visitor is None:
            refused(token, bot)
        else:
            assert visitor_of(SIGNER, bot, token) == visitor

"""`/admin`: the operator's pages. An admin-scoped key logs in, for a cookie that no other site's page can use.

The cookie is SameSite=Strict and holds a signed token, not the key; each form carries a token that is bound
to it, and its page's origin must be this server's. Nothing is changed by GET.
"""

from __future__ import annotations

import hmac
import time

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chatbot import __version__
from chatbot.access.logins import LOGIN_SECONDS
from chatbot.access.sessions import Token
from chatbot.core.api_key import SECRET, ApiKey
from chatbot.core.errors import InvalidApiKey, KeyNotAllowed
from chatbot.web.guard import check_own_form, in_time, own_origin, services

bp = Blueprint("admin", __name__)
COOKIE = "chatbot_operator"
_KIND = "adm"


@bp.get("/admin")
def overview() -> str:
    """How the server is, its bots and keys; before that, a form to log in."""
    key = operator()
    if key is None:
        return render_template("admin_login.html", version=__version__, failed=False)
    directory = services().directory
    return render_template(
        "admin.html",
        version=__version__,
        csrf=csrf_token(),
        standing=services().standing(),
        streams=len(services().running),
        bots=directory.bots,
        keys=directory.stored_keys,
        now=time.time(),
    )


@bp.post("/admin/login")
def login() -> AnyResponse | tuple[str, int]:
    """Log in with an admin-scoped key."""
    check_own_form()
    sent = in_time(lambda: request.form.get("key", ""), request.content_length)
    key = services().directory.identify(sent.strip())
    if key is None or key.kind != SECRET or not key.may("admin"):
        g.record.code = InvalidApiKey.code
        return render_template("admin_login.html", version=__version__, failed=True), 401
    token = services().signer.issue(_KIND, time.time() + LOGIN_SECONDS, key.id)
    response = redirect(url_for("admin.overview"), 303)
    response.set_cookie(
        COOKIE, f"{key.id}.{token.text}", max_age=LOGIN_SECONDS, httponly=True,
        secure=own_origin().startswith("https:"), samesite="Strict", path=_cookie_path(),
    )  # fmt: skip
    return response


@bp.post("/admin/logout")
def logout() -> AnyResponse:
    """End the login, and forget its cookie."""
    check_form()
    login = _login()[1]
    if login is not None:
        services().logins.end(login)
    response = redirect(url_for("admin.overview"), 303)
    response.delete_cookie(COOKIE, path=_cookie_path())
    return response


@bp.post("/admin/keys/<key_id>/revoke")
def revoke(key_id: str) -> AnyResponse:
    """End a key."""
    check_form()
    directory = services().directory
    key = next((k for k in directory.stored_keys if k.id == key_id), None)
    if key is not None:
        directory.end_key(key)
    return redirect(url_for("admin.overview"), 303)


def _cookie_path() -> str:
    """Below a path the cookie goes to this application alone, and not to its neighbours on the same host."""
    return f"{request.root_path}/"


def operator() -> ApiKey | None:
    """The key by which the operator is logged in; None where nobody is."""
    key_id, login = _login()
    if login is None or services().logins.has_ended(login):
        return None
    found = next((k for k in services().directory.keys if k.id == key_id), None)
    return found if found and services().directory.is_alive(found) and found.may("admin") else None


def _login() -> tuple[str, Token | None]:
    """The id of the key that the cookie names, and its login where that is a good one."""
    key_id, _, text = request.cookies.get(COOKIE, "").partition(".")
    return key_id, services().signer.read(_KIND, text, key_id)


def csrf_token() -> str:
    """What a form of the operator's has to carry; bound to the login."""
    return services().signer.derived("csrf\0" + request.cookies.get(COOKIE, ""))[:32]


def check_form() -> None:
    """Raise where a form is not the operator's own, from a page of this server: `OriginNotAllowed`, `InvalidApiKey`, `KeyNotAllowed`."""
    check_own_form()
    if operator() is None:
        raise InvalidApiKey("Log in first.")
    sent = in_time(lambda: request.form.get("csrf", ""), request.content_length)
    if not hmac.compare_digest(sent.encode(), csrf_token().encode()):
        raise KeyNotAllowed(
            "This form is too old, or not one of this server's. Load the page anew."
        )

"""`keys`: made, listed, revoked, replaced. A secret key is shown once, when it is made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from chatbot.access.directory import revoke as end_key
from chatbot.access.first_run import FIRST_KEY_FILE
from chatbot.access.limits import KEY_LIMITS
from chatbot.cli.opened import Opened, base_url, opened
from chatbot.cli.room import notes_on_key, read_limits, say, too_small_for
from chatbot.core.api_key import (
    OF_A_BOT,
    PUBLISHABLE,
    SCOPES,
    SECRET,
    ApiKey,
    describe,
    digest_of,
    new_text,
)
from chatbot.core.bot import matching
from chatbot.core.kept_secret import replace_secret
from chatbot.core.origin import check_pattern
from chatbot.services import build_redis, build_state

_DAY = 86400.0
_name = matching(
    r"[^\x00-\x1f\x7f\ud800-\udfff]{0,100}", "a name on one line, of 100 characters at most"
)


@click.group()
def keys() -> None:
    """Keys: pk_… for a page, sk_… for programs."""


@keys.command()
@click.option("--bot", "bot_id", help="The bot it is for. A key for a page has one.")
@click.option(
    "--origin", "origins", multiple=True, help="A page it may be used on; may be repeated."
)
@click.option("--secret", is_flag=True, help="A secret key, for programs.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Of a secret key."
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it ends.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER",
    help=f"A limit of its own; may be repeated. Names: {', '.join(KEY_LIMITS)}.",
)  # fmt: skip
@click.option("--name", default="", help="What it is for, in your words.")
def create(
    bot_id: str | None,
    origins: tuple[str, ...],
    secret: bool,
    scopes: tuple[str, ...],
    days: int | None,
    limits: tuple[str, ...],
    name: str,
) -> None:
    """Make a key and print it."""
    _check_options(bot_id, origins, secret, scopes)
    with opened() as here:
        bot = next((b for b in here.store.contents().bots if b.id == bot_id), None)
        if bot_id is not None and bot is None:
            raise click.ClickException(f"There is no bot {bot_id!r}: see `bots list`.")
        text = new_text(SECRET if secret else PUBLISHABLE)
        key = describe(
            text,
            name=_checked(_name, name),
            bot_id=bot_id,
            scopes=tuple(scopes or ("chat",)) if secret else (),
            origins=tuple(_checked(check_pattern, origin) for origin in origins),
            created_at=time.time(),
            expires_at=time.time() + days * _DAY if days else None,
            limits=tuple(read_limits(limits, KEY_LIMITS, "key", 1).items()),
        )
        if why := too_small_for(key.kind, key.limits, bot):
            raise click.ClickException(why)
        say(notes_on_key(key.kind, key.limits, bot))
        here.store.add_key(key)
        listed = key.origins or (bot.origins if bot else ())
        click.echo(_introduce(here, key, text, listed))


def _check_options(
    bot_id: str | None, origins: tuple[str, ...], secret: bool, scopes: tuple[str, ...]
) -> None:
    if secret and origins:
        raise click.UsageError("A secret key is for no page: leave --origin out.")
    if bot_id and not set(scopes) <= set(OF_A_BOT):
        raise click.UsageError(
            f"A key of one bot can have the scopes {' and '.join(OF_A_BOT)} only."
        )
    if not secret and scopes:
        raise click.UsageError(
            "A key for a page has no scopes: leave --scope out, or say --secret."
        )
    if not secret and not bot_id:
        raise click.UsageError("Say --bot for a key for a page, or --secret for one for programs.")


def _checked(check: Callable[[object], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _introduce(here: Opened, key: ApiKey, text: str, listed: tuple[str, ...]) -> str:
    if key.kind == SECRET:
        return (
            f"{text}\n\nThis is {key.id}. It is not shown again; scopes: {', '.join(key.scopes)}."
        )
    base = base_url(here.settings)
    allowed = ", ".join(listed) if listed else "none yet but this server's own: give --origin"
    return (
        f"{text}\n\nThis is {key.id}. Pages it answers on: {allowed}.\nLook: {base}/#key={text}\n"
        f'Embed: <script src="{base}/static/widget/js/chatbot-widget.js" data-key="{text}" async></script>'
    )


@keys.command(name="list")
def list_keys() -> None:
    """All keys; of secret ones their first characters."""
    with opened() as here:
        for key in here.store.contents().keys:
            what = key.bot_id or "-", ",".join(key.scopes or key.origins) or "-"
            click.echo("  ".join((key.id, key.shown, *what, _standing(key), key.name or "-")))


def _standing(key: ApiKey) -> str:
    if key.alive(time.time()):
        return f"until {_date(key.expires_at)}" if key.expires_at else "live"
    return f"ended {_date(key.revoked_at or key.expires_at)}"


def _date(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d")


@keys.command()
@click.argument("which")
def revoke(which: str) -> None:
    """End a key, by its id or the key itself: everywhere within 5 s, running answers included."""
    with opened() as here:
        key = _find(here, which)
        if key.revoked_at is None:
            _end(here, key)
        click.echo(f"{key.id} is revoked.")


@keys.command()
@click.argument("which")
@click.option(
    "--days", type=click.IntRange(0, 365), default=0, help="Days that the old one goes on."
)
def rotate(which: str, days: int) -> None:
    """Make a key that is for the same, and end the old one."""
    with opened() as here:
        old = _find(here, which)
        text, now = new_text(old.kind), time.time()
        if not old.alive(now):
            raise click.ClickException(f"{old.id} has ended: make a new one by `keys create`.")
        kept = {
            "name": old.name, "bot_id": old.bot_id, "scopes": old.scopes, "origins": old.origins,
            "expires_at": old.expires_at, "created_at": now, "limits": old.limits,
        }  # fmt: skip
        new = describe(text, **kept)
        here.store.add_key(new)
        _keep_if_first(here, old, text)
        ends = "is revoked"
        if days:
            until = min(now + days * _DAY, old.expires_at or math.inf)
            here.store.expire_key(old.id, at=until)
            ends = f"goes on until {_date(until)}"
        else:
            _end(here, old)
        click.echo(f"{text}\n\nThis is {new.id}; {old.id} {ends}.")


def _keep_if_first(here: Opened, old: ApiKey, text: str) -> None:
    """The key of the first start is also in a file, which has the new one from now on."""
    file = here.settings.data_dir / FIRST_KEY_FILE
    if file.exists() and digest_of(file.read_text("ascii", "replace").strip()) == old.digest:
        replace_secret(file, text)


def _find(here: Opened, which: str) -> ApiKey:
    wanted = digest_of(which)
    for key in here.store.contents().keys:
        if which == key.id or wanted == key.digest:
            return key
    raise click.ClickException("There is no such key: see `keys list`.")


def _end(here: Opened, key: ApiKey) -> None:
    end_key(here.store, build_state(here.settings, build_redis(here.settings)), key)

"""`doctor`: what stands before the server, asked from outside, or the server itself (`--self`)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import click

from chatbot import __version__
from chatbot.access.first_run import FIRST_KEY_FILE
from chatbot.core.resources import data_folder
from chatbot.core.settings import Settings, SettingsError, is_loopback, load_settings
from chatbot.doctor.examine import CannotAsk, as_json, examine
from chatbot.doctor.files import lines_of
from chatbot.doctor.front import Front
from chatbot.doctor.own import examine_self
from chatbot.doctor.pace import Pace
from chatbot.doctor.pages import cors_check
from chatbot.doctor.word import OTHER, Finding

FOUND, NOT_ASKED = 1, 2


@click.command()
@click.argument("url", required=False)
@click.option("--self", "itself", is_flag=True, help="Examine this installation, not an address.")
@click.option("--key", envvar="KEY", help="A secret key with the scope `operate`; better as $KEY.")
@click.option("--origin", help="A page that has the chat, such as https://shop.example.")
@click.option("--page-key", default="", help="The publishable key (pk_…) of that page.")
@click.option("--quick", is_flag=True, help="Without the silences of 30, 60 and 100 s.")
@click.option("--ca", type=click.Path(exists=True), help="Certificates to trust besides.")
@click.option(
    "--config", "configs", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="The front's configuration, a file or folder, to be told the line; may be repeated.",
)  # fmt: skip
@click.option(
    "--gunicorn",
    type=click.Path(exists=True, path_type=Path),
    help="Its configuration, for --self.",
)
@click.option("--no-provider", is_flag=True, help="With --self: ask no provider.")
@click.option("--json", "as_data", is_flag=True, help="For programs.")
def doctor(
    url: str | None, itself: bool, as_data: bool, gunicorn: Path | None, no_provider: bool, **asked: object
) -> None:  # fmt: skip
    """Say in plain words what is wrong, and which line to change.

    Streams a paced test pattern through the front (nginx, Apache, a balancer) at URL. Ends with 0 where nothing is
    wrong, 1 with findings, 2 where it could not ask.
    """
    if itself == (url is not None):
        raise click.UsageError("Give an address, such as https://chat.example, or --self.")
    if url is None:
        file = gunicorn or data_folder("deploy") / "gunicorn.conf.py"
        found = tuple(examine_self(file, provider=not no_provider))
        _tell("this installation", OTHER, found, as_data)
    else:
        front, seen = _examined(_read(url), asked)
        _tell(url, front, seen, as_data)


def _examined(url: SplitResult, asked: dict[str, object]) -> tuple[str, tuple[Finding, ...]]:
    key = str(asked["key"] or _own_key(url.hostname or "")).strip()
    if not key:
        raise click.UsageError("Give a secret key with the scope `operate`, as $KEY or --key.")
    if not (key + str(asked["page_key"])).isascii():
        raise click.UsageError("A key has ASCII characters only.")
    try:
        front = Front(url, key, str(asked["ca"]) if asked["ca"] else None)
    except OSError:
        raise click.UsageError("--ca must be a file of certificates.") from None
    configs, origin = asked["configs"], asked["origin"]
    lines = lines_of(configs) if isinstance(configs, tuple) and configs else None
    more = [cors_check(str(origin), str(asked["page_key"]))] if origin else []
    try:
        came = examine(front, Pace().quick() if asked["quick"] else Pace(), more, lines)
    except CannotAsk as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_ASKED)
    return came.front, came.findings


def _read(text: str) -> SplitResult:
    url = urlsplit(text)
    try:
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good or url.query or url.fragment or url.username:
        raise click.UsageError("Give an address such as https://chat.example.")
    return url


def _own_key(host: str) -> str:
    """A key of this installation, for an address that is its own: a key goes nowhere else unasked."""
    try:
        settings = load_settings()
    except SettingsError:
        return ""
    if not is_loopback(host) and host not in _own_hosts(settings):
        return ""
    file = settings.data_dir / FIRST_KEY_FILE
    if settings.api_keys:
        return settings.api_keys[0].reveal()
    return file.read_text("ascii", "replace").strip() if os.access(file, os.R_OK) else ""


def _own_hosts(settings: Settings) -> tuple[str, ...]:
    return (*settings.hosts, urlsplit(settings.public_url).hostname or "")


def _tell(what: str, front: str, found: tuple[Finding, ...], as_data: bool) -> None:
    told = [as_json(finding, front) for finding in found]
    if as_data:
        shown = {"asked": what, "front": front, "version": __version__, "findings": told}
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        for each in told:
            click.echo(_shown(each))
        number = f"{len(told)} finding{'s' if len(told) > 1 else ''}" if told else "Nothing found"
        click.echo(f"{number}: {what}" + (f", behind {front}." if front != OTHER else "."))
    sys.exit(FOUND if told else 0)


def _shown(finding: dict[str, str]) -> str:
    lines = [f"{finding['word']}: {finding['means']}"]
    if finding["detail"]:
        lines.append(f"    Seen:   {finding['detail']}")
    lines.append(f"    Change: {finding['change']}")
    if finding["where"]:
        lines.append(f"    Where:  {finding['where']}")
    return "\n".join(lines) + "\n"

"""`serve`, `drain`, `settings`: the server itself."""

from __future__ import annotations

import importlib.util
import os
import sys
import time

import click

from chatbot import __version__
from chatbot.access.first_run import DEMO, FIRST_KEY_FILE
from chatbot.cli.opened import base_url
from chatbot.core.api_key import PUBLISHABLE, ApiKey, digest_of
from chatbot.core.resources import as_gunicorn
from chatbot.core.settings import Settings, SettingsError, is_loopback, load_settings
from chatbot.core.settings_table import as_markdown
from chatbot.services import build_database, prepare
from chatbot.shared.drain import Drain
from chatbot.store.database import StoreAway
from chatbot.store.directory import DirectoryStore


@click.command()
def serve() -> None:
    """Run the server: gunicorn with gevent, or a threaded server where gunicorn is missing."""
    try:
        settings = load_settings()
        click.echo(banner(settings))
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    sys.stdout.flush()
    if importlib.util.find_spec("gunicorn") and importlib.util.find_spec("gevent"):
        os.execv(sys.executable, [sys.executable, *as_gunicorn()])
    _serve_threaded(settings)


@click.command()
@click.option("--off", is_flag=True, help="Take traffic again.")
def drain(off: bool) -> None:
    """Turn /readyz to 503, so that a balancer sends its traffic elsewhere; everything still answers."""
    try:
        switch = Drain(load_settings().data_dir)
        switch.end() if off else switch.begin()
    except (SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo("takes traffic again" if off else "draining: /readyz says 503")


@click.command()
def settings() -> None:
    """Print the table of all settings, as Markdown."""
    click.echo(as_markdown(), nl=False)


def _serve_threaded(settings: Settings) -> None:
    from werkzeug.serving import make_server

    from chatbot.app import create_app

    click.echo("gunicorn is missing: a threaded server answers instead. Not for production.")
    server = make_server(settings.host, settings.port, create_app(settings), threaded=True)
    server.serve_forever()


def _model_of(settings: Settings) -> str:
    """A model that the provider has; only OpenAI's own are known by name."""
    return "mock" if settings.uses_mock else settings.model_of_bots or "MODEL"


def _living_keys(settings: Settings) -> list[ApiKey]:
    """The keys of the store that are accepted; none where there is no database. Makes those of the first run."""
    database = build_database(settings)
    try:
        prepare(settings, database)
        return [k for k in DirectoryStore(database).contents().keys if k.alive(time.time())]
    except StoreAway:
        return []
    finally:
        database.close()


def _first_key(settings: Settings, keys: list[ApiKey]) -> str:
    """What stands for the first key in a curl line: itself, on loopback; empty where it is not accepted."""
    file = settings.data_dir / FIRST_KEY_FILE
    text = file.read_text("ascii", "replace").strip() if file.exists() else ""
    if not any(key.digest == digest_of(text) for key in keys):
        return ""
    return text if _may_be_shown(settings) else f"$(cat {file})"


def _may_be_shown(settings: Settings) -> bool:
    """Whether standard output is somebody's screen: off loopback and under systemd it is a log."""
    return is_loopback(settings.host) and "JOURNAL_STREAM" not in os.environ


def banner(settings: Settings) -> str:
    """Where to look, and a curl line that works as printed. Makes the first key.

    Where that may be a log no key is printed.
    """
    keys = _living_keys(settings)
    demo = (k.shown for k in keys if k.bot_id == DEMO and k.kind == PUBLISHABLE)
    demo_key = next(demo, "") if _may_be_shown(settings) else ""
    base, shown = base_url(settings), _first_key(settings, keys)
    provider = "the built-in mock" if settings.uses_mock else settings.providers[0].base_url
    lines = [f"chatbot {__version__} on {base}, answers from {provider}", ""]
    if shown:
        lines.append(f"Key: kept in {settings.data_dir / FIRST_KEY_FILE}")
    else:
        shown = "$KEY"
        where = "CHATBOT_API_KEYS" if settings.api_keys else "`keys list`"
        lines.append(f"Keys: those of {where}, which are not printed. With one of them in $KEY:")
    model = settings.model or _model_of(settings)
    lines += [
        f"Look: {base}/" + (f"#key={demo_key}" if demo_key else ""),
        "Try:" if model != "MODEL" else "Try, with a model of the provider's for MODEL:",
        "",
        f"curl -N {base}/api/v1/chat/completions -H 'Content-Type: application/json' "
        f'-H "Authorization: Bearer {shown}" '
        f"""-d '{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'""",
        "",
    ]
    return "\n".join(lines)

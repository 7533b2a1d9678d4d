"""`serve`, `drain`, `settings`: the server itself."""

from __future__ import annotations

import importlib.util
import os
import sys
import time

import click

from chatbot import __version__
from chatbot.access.first_run import DEMO, FIRST_KEY_FILE, first_key
from chatbot.cli.opened import base_url
from chatbot.core.api_key import PUBLISHABLE
from chatbot.core.provider_config import OPENAI
from chatbot.core.resources import data_folder
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
        config = data_folder("deploy") / "gunicorn.conf.py"
        program = [sys.executable, "-m", "gunicorn", "-c", str(config), "chatbot.app:create_app()"]
        os.execv(sys.executable, program)
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
    if settings.uses_mock:
        return "mock"
    return "gpt-4o-mini" if settings.providers[0].base_url == OPENAI else "MODEL"


def _demo_key(settings: Settings) -> str:
    """The demo bot's key for pages of this machine; empty where there is none, or no database."""
    database = build_database(settings)
    try:
        prepare(settings, database)
        keys = DirectoryStore(database).contents().keys
    except StoreAway:
        return ""
    finally:
        database.close()
    alive = (k for k in keys if k.bot_id == DEMO and k.alive(time.time()))
    return next((k.shown for k in alive if k.kind == PUBLISHABLE), "")


def banner(settings: Settings) -> str:
    """Where to look, and a curl line that works as printed. Makes the first key.

    Off loopback the key is not printed: standard output may be somebody's log.
    """
    base, demo_key = base_url(settings), _demo_key(settings) if is_loopback(settings.host) else ""
    provider = "the built-in mock" if settings.uses_mock else settings.providers[0].base_url
    lines = [f"chatbot {__version__} on {base}, answers from {provider}", ""]
    if settings.api_keys:
        shown = "$KEY"
        lines.append(
            "Keys: those of CHATBOT_API_KEYS, which are not printed. With one of them in $KEY:"
        )
    else:
        key, made = first_key(settings.data_dir)
        file = settings.data_dir / FIRST_KEY_FILE
        shown = key.reveal() if is_loopback(settings.host) else f"$(cat {file})"
        lines.append(f"Key: {'made now and ' if made else ''}kept in {file}")
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

"""`reload`: new settings, or a new program, for a server that runs, without a failed request.

A signal can't say what became of it. So the settings are read first as the server will read them, by its own environment
and folder; then it is told, and watched until new workers have taken over.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from chatbot import __version__
from chatbot.core.settings import Settings, SettingsError, fingerprint, load_settings
from chatbot.metrics.folder import read_folder
from chatbot.services import build_redis, build_router, metrics_folder
from chatbot.shared.master import leaders

START_SECONDS = 60.0
_ENDING_SECONDS = 15.0
"""What a program may take behind its drain."""
_TOLD_TIMES, _HEARD_SECONDS = 3, 2.0
_LOOK_SECONDS = 0.1
T = TypeVar("T")


@click.command()
@click.option(
    "--program", is_flag=True, help="Take up an installed program too: it takes over the listener."
)
def reload(program: bool) -> None:
    """Check the settings, then let the running server take them up: no request fails."""
    try:
        master = _master(load_settings())
        settings = _as_it_reads_them(master)
    except PermissionError:
        raise click.ClickException(
            "The server is another user's: run this as that one. Nothing was reloaded."
        ) from None
    except (SettingsError, OSError) as error:
        raise click.ClickException(f"{error}\nNothing was reloaded: the server goes on.") from None
    before = _workers(settings)
    if program:
        _take_over(master, settings, before)
        return
    others = {w["version"] for w in before} - {__version__}
    if others:
        raise click.ClickException(
            f"{others.pop()} runs and {__version__} is installed: `reload --program`, or a restart."
        )
    _take_up(master, settings, before)


def _master(settings: Settings) -> int:
    """The one that leads. Right behind an upgrade two do: gunicorn starts no third until the old one has ended."""
    found = leaders(settings.data_dir)
    if len(found) > 1:
        click.echo(f"Process {found[0]} still ends its answers: waiting for it.")
        _wait(lambda: len(leaders(settings.data_dir)) < 2, settings.drain_seconds + _ENDING_SECONDS)
        found = leaders(settings.data_dir)
    if len(found) == 1:
        return found[0]
    if found:
        raise click.ClickException(
            "Two programs run: the old one has not ended. Nothing was reloaded."
        )
    raise click.ClickException(
        f"No server runs with the data directory {settings.data_dir} (one in a container is told from within)."
    )


def _as_it_reads_them(master: int) -> Settings:
    """The settings as that process would read them now. Raises `SettingsError`, `OSError`."""
    about = Path(f"/proc/{master}")
    if not about.is_dir():  # not Linux: by this command's own environment
        return _checked(load_settings())
    pairs = (about / "environ").read_bytes().split(b"\0")
    environ = dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
    with chdir(about / "cwd"):
        return _checked(load_settings(environ))


def _checked(settings: Settings) -> Settings:
    """What else stops a start, and is made without touching anything. Raises `SettingsError`."""
    build_redis(settings)
    build_router(settings)
    return settings


def _workers(settings: Settings) -> list[Any]:
    """What the living workers say of themselves."""
    with suppress(OSError):
        return list(read_folder(metrics_folder(settings)).workers)
    return []


def _take_up(master: int, settings: Settings, before: list[Any]) -> None:
    _tell(master, signal.SIGHUP)
    fresh = _fresh(settings, before, "The server's log tells why.")
    if any(w["configuration"] != fingerprint(settings) for w in fresh):
        raise click.ClickException(
            "The server could not use them, and keeps its old ones: see its log."
        )
    click.echo(f"{len(fresh)} workers run with configuration {fingerprint(settings)}.")
    _tell_of_the_old(settings)


def _take_over(old: int, settings: Settings, before: list[Any]) -> None:
    _start_another(old)
    fresh = _fresh(
        settings, before, "The new program did not start, and the old one goes on: see its log."
    )
    _wait(lambda: any(pid != old for pid in leaders(settings.data_dir)))
    _tell(old, signal.SIGTERM)
    click.echo(f"{len(fresh)} workers run with program {__version__}; process {old} ends.")
    _tell_of_the_old(settings)


def _start_another(master: int) -> None:
    """Told again where nothing begins: right behind an upgrade gunicorn has yet to notice that its parent has ended."""
    known = _children(master)
    for _ in range(_TOLD_TIMES):
        _tell(master, signal.SIGUSR2)
        if _wait(lambda: _children(master) - known, _HEARD_SECONDS):
            return


def _children(pid: int) -> set[str]:
    with suppress(OSError):
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return set()


def _tell_of_the_old(settings: Settings) -> None:
    click.echo(
        f"Answers of the workers before them go on, for {settings.drain_seconds:g} s at the most."
    )


def _fresh(settings: Settings, before: list[Any], otherwise: str) -> list[Any]:
    """The new workers, once all of them have begun."""
    known = {w["pid"] for w in before}

    def new() -> list[Any]:
        found = [w for w in _workers(settings) if w["pid"] not in known]
        return found if len(found) >= settings.workers else []

    found: list[Any] = _wait(new)
    if not found:
        raise click.ClickException(f"No new workers within {START_SECONDS:g} s. {otherwise}")
    return found


def _wait(found: Callable[[], T], seconds: float = START_SECONDS) -> T:
    """What `found` gives, once that is something; else what it gave last."""
    until = time.monotonic() + seconds
    while not (value := found()) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    return value


def _tell(master: int, number: signal.Signals) -> None:
    try:
        os.kill(master, number)
    except OSError as error:
        raise click.ClickException(f"The server can't be told: {error.strerror}.") from None

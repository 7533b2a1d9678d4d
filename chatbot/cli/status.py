"""`status`: how the server is at this moment, read from what its workers share; nobody is asked, so it may be stuck or gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import click

from chatbot import __version__
from chatbot.access.shown import budgets_of_bots
from chatbot.cli.opened import Opened, opened
from chatbot.core.settings import fingerprint
from chatbot.core.shared_state import StateAway
from chatbot.metrics.folder import Counts, read_folder
from chatbot.services import build_meter, build_redis, build_router, build_state, metrics_folder
from chatbot.shared.drain import Drain
from chatbot.shared.machines import machine_name, machines
from chatbot.upstream.breaker import Breakers


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(as_json: bool) -> None:
    """Streams, breakers, budgets, versions and configuration, by machine and worker."""
    with opened() as here:
        found = standing_of(here)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def standing_of(here: Opened) -> dict[str, Any]:
    """How the server of these settings is."""
    settings = here.settings
    redis = build_redis(settings)
    state, meter = build_state(settings, redis), build_meter(settings, redis)
    own, counts = machine_name(settings.data_dir), Counts({}, [])
    if (folder := metrics_folder(settings)).is_dir():  # else it would be made, and be this user's
        with suppress(OSError):
            counts = read_folder(folder)
    known = {own: {"workers": counts.workers}}
    if redis is not None:
        with suppress(StateAway):
            known = {**machines(state), **known}
    contents = here.store.contents()
    return {
        "version": __version__,
        "configuration": fingerprint(settings),
        "machine": own,
        "streams": sum(w["streams"] for m in known.values() for w in m["workers"]),
        "machines": {name: m["workers"] for name, m in known.items()},
        "draining": Drain(settings.data_dir).active,
        "stopped": dict(contents.stops),
        "breakers": Breakers(state).standings(build_router(settings).target_names),
        "budgets": [b._asdict() for b in budgets_of_bots(contents.bots, meter)],
        "shared_state": state.name,
        "limits": meter.name,
        "database": here.database.name,
    }


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"chatbot {found['version']}, configuration {found['configuration']} (of this command)"
    yield f"Answers under way: {found['streams']}"
    for name, workers in found["machines"].items():
        yield f"Machine {name}{' (this one)' if name == found['machine'] else ''}"
        yield from (_worker(w, found) for w in workers)
        if not workers:
            yield "  no worker runs: `python -m chatbot serve`, with the same CHATBOT_DATA_DIR"
        if name == found["machine"] and found["draining"]:
            yield "  draining: /readyz says 503; `python -m chatbot drain --off` takes traffic again"
    yield "Breakers"
    yield from (f"  {name}  {standing}" for name, standing in found["breakers"].items())
    yield "Budgets, in tokens, with what is reserved"
    yield from (_budget(b) for b in found["budgets"])
    if found["stopped"]:
        yield "Stopped: " + ", ".join(found["stopped"])
    yield (
        f"Kept in: {found['database']}; shared by: {found['shared_state']}; limits counted by: {found['limits']}"
    )


def _worker(worker: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    hours, rest = divmod(max(0, int(time.time() - worker["started"])), 3600)
    names = ("version", "configuration")
    others = [n for n in names if worker[n] != found[n]]
    what = "reload --program" if "version" in others else "reload"
    note = f"  other {' and '.join(others)}: `python -m chatbot {what}`" if others else ""
    return (
        f"  worker {worker['pid']}  streams {worker['streams']}  up {hours} h {rest // 60} min  "
        f"version {worker['version']}  configuration {worker['configuration']}{note}"
    )


def _budget(budget: Mapping[str, Any]) -> str:
    used, limit = budget["used"], budget["limit"]
    share = f"{100 * used // limit} %" if limit else "no limit"
    return f"  {budget['bot']}  {budget['budget']}  {used} of {limit} ({share})"

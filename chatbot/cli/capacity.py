"""`capacity`: what so many visitors at a time need, and what to set for them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import click

from chatbot.core.capacity import BUSY, Load, needs, read_costs


class _Number(click.FloatRange):
    """A number within bounds: "nan" is within any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number.", param, ctx) if math.isnan(found) else found


@click.command()
@click.option(
    "--streams",
    type=click.IntRange(1, 10_000_000),
    required=True,
    help="Answers under way at a time.",
)
@click.option(
    "--words",
    type=_Number(1, 1e6),
    default=200.0,
    show_default=True,
    help="Events of an answer.",
)
@click.option(
    "--pace",
    type=_Number(0.01, 1e4),
    default=20.0,
    show_default=True,
    help="Events a second of each.",
)
@click.option(
    "--rate",
    type=_Number(0, 1e6),
    default=0.0,
    help="Questions a second; 0: as many as answers end.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def capacity(streams: int, words: float, pace: float, rate: float, as_json: bool) -> None:
    """Cores, memory, descriptors and the rest for so many answers at a time, by what was measured."""
    known = read_costs()
    found = needs(Load(streams, words, pace, rate), known["costs"])
    if as_json:
        click.echo(json.dumps({**found, "machine": known["machine"]}, indent=2))
        return
    for line in _lines(found, known["machine"]):
        click.echo(line)


def _lines(found: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[str]:
    load, need, put = found["load"], found["needs"], found["set"]
    yield (
        f"{load['streams']} answers at a time, {load['questions_per_second']:.1f} questions and "
        f"{load['events_per_second']:.0f} events a second"
    )
    yield (
        "Needs, measured with one worker on "
        + f"{machine['model'] or 'an unnamed processor'}, Python {machine['python']}:"
    )
    yield f"  {need['cores']:.2f} cores of the workers' work, so {put['WEB_CONCURRENCY']} workers at {BUSY:.0%}; one core more for nginx and the rest"
    yield f"  {need['memory_mb']:.0f} MB of memory, {need['descriptors']} descriptors"
    yield f"  {need['megabits_per_second']:.1f} Mbit/s to the visitors, as much from the provider"
    yield f"  {need['redis_commands_per_second']:.0f} commands a second of Redis, where there is one"
    yield f"  {need['database_rows_per_second']:.0f} rows a second that the database writes"
    yield "Set:"
    yield f"  WEB_CONCURRENCY={put['WEB_CONCURRENCY']}  CHATBOT_MAX_STREAMS={put['CHATBOT_MAX_STREAMS']}"
    yield f"  LimitNOFILE={put['LimitNOFILE']} (systemd), worker_connections {put['worker_connections']}; (nginx)"
    yield f"  and a bot's `streams` limit, which is 500 where nothing is said, to more than {load['streams']}"
    yield "Answers of this kind that each part carries; the first is full first:"
    yield from (f"  {count:>9}  {part}" for part, count in found["carries"].items())

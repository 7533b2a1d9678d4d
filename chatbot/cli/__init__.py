"""The command line: `python -m chatbot …`, or `chatbot` where it is installed."""

from __future__ import annotations

import click

from chatbot import __version__
from chatbot.cli.bots import apply, bots
from chatbot.cli.capacity import capacity
from chatbot.cli.doctor import doctor
from chatbot.cli.keys import keys
from chatbot.cli.limits import resume, stop, stops, usage
from chatbot.cli.reload import reload
from chatbot.cli.serve import drain, serve, settings
from chatbot.cli.status import status
from chatbot.cli.store import db


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatbot")
def main() -> None:
    """A chatbot that any website can embed, and that answers from the first token."""


for command in (
    serve, bots, apply, keys, stop, stops, resume, usage, status, db, drain, reload, doctor, capacity, settings,
):  # fmt: skip
    main.add_command(command)

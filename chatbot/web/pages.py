"""The pages that people see."""

from __future__ import annotations

from flask import Blueprint, render_template

from chatbot import __version__
from chatbot.web.guard import services

bp = Blueprint("pages", __name__)


@bp.get("/")
def start() -> str:
    """What this is, whether it is the mock that answers, and a place to try it."""
    return render_template("start.html", mock=services().settings.uses_mock, version=__version__)

"""The pages that people see."""

from __future__ import annotations

from flask import Blueprint, render_template

from chatbot import __version__
from chatbot.access.first_run import DEMO
from chatbot.core.api_key import PUBLISHABLE
from chatbot.upstream.mock_script import MODELS, PROFILES
from chatbot.web.admin import csrf_token, operator
from chatbot.web.examination import examination
from chatbot.web.guard import is_local, services

bp = Blueprint("pages", __name__)


@bp.get("/")
def start() -> str:
    """What this is, whether it is the mock that answers, and a bot to try: on this machine the demo's key is
    there already."""
    key = _demo_key() if is_local() else ""
    mock = services().settings.uses_mock
    return render_template("start.html", mock=mock, version=__version__, key=key)


@bp.get("/test-streaming")
@bp.get("/test-streaming.html")
def test_streaming() -> str:
    """Where everybody sees the latency of this server: the operator with any key, this machine with the demo's, others not."""
    is_operator = operator() is not None
    may_ask = is_operator or is_local()
    return render_template(
        "test_streaming.html",
        version=__version__,
        mock=services().settings.uses_mock,
        operator=is_operator,
        key=_demo_key() if may_ask else "",
        trial=services().trials.admit(is_operator=is_operator) if may_ask else "",
        models=MODELS,
        profiles=PROFILES,
        csrf=csrf_token() if is_operator else "",
        examined=examination() if is_operator else None,
    )


def _demo_key() -> str:
    directory = services().directory
    keys = (k for k in directory.keys if k.bot_id == DEMO and k.kind == PUBLISHABLE)
    return next((k.shown for k in keys if directory.is_alive(k)), "")

"""`/api/openapi.json`: the whole API, described for programs; `/api/docs`: the same for people.

The document is a file of its own, which a test holds against the routes.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from chatbot import __version__
from chatbot.core.resources import data_folder

bp = Blueprint("reference", __name__)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, with this version's number."""
    text = (data_folder("templates") / "openapi.json").read_text("utf-8")
    read: dict[str, Any] = json.loads(text)
    read["info"]["version"] = __version__
    return read


@bp.get("/api/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    return jsonify(document())


@bp.get("/api/docs")
def page() -> str:
    """The document as a page."""
    return render_template("reference.html", api=document())

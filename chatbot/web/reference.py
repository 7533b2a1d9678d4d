"""`/api/openapi.json`: the whole API, described for programs; `/api/docs`: the same for people.

The document is a file of its own, which a test holds against the routes and against real answers. The page is
made from it on the server, so that it needs neither a script nor anybody else's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from chatbot import __version__
from chatbot.core.resources import data_folder

bp = Blueprint("reference", __name__)
Node = dict[str, Any]
"""An object of the document."""
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One method of one path. `parameters` has those of the whole path too."""

    path: str
    method: str
    told: Node
    parameters: tuple[Node, ...]


@dataclass(frozen=True)
class Field:
    """One field of a body. `name` says where it is: `choices[].index`."""

    name: str
    schema: Node
    required: bool


@bp.get("/api/openapi.json")
def openapi() -> Response:
    """The OpenAPI document; its paths are below the one where visitors find this server."""
    here = {"url": request.root_path or "/", "description": "This server."}
    return jsonify({**document(), "servers": [here]})


@bp.get("/api/docs")
def page() -> str:
    """The document as a page."""
    return render_template(
        "reference.html", api=document(), operations=operations(), fields=fields, follow=follow
    )


@cache
def document() -> Node:
    """The OpenAPI document, with this version's number."""
    text = (data_folder("templates") / "openapi.json").read_text("utf-8")
    read: Node = json.loads(text)
    read["info"]["version"] = __version__
    return read


def follow(node: Node) -> Node:
    """What a `$ref` points to; what is none, as it is."""
    if "$ref" not in node:
        return node
    found = document()
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """All operations, in the document's order."""
    return tuple(
        Operation(
            path,
            method,
            item[method],
            tuple(map(follow, (*item.get("parameters", ()), *item[method].get("parameters", ())))),
        )
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    )


def fields(schema: Node, prefix: str = "") -> Iterator[Field]:
    """The fields of a body, those of objects in it behind them. What has a name of its own is not opened."""
    for name, value in schema.get("properties", {}).items():
        yield Field(prefix + name, value, name in schema.get("required", ()))
        inner = value.get("items", value)
        yield from fields(inner, f"{prefix}{name}{'[]' if inner is not value else ''}.")

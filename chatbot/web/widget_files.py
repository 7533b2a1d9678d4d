"""The widget's scripts: for pages of any origin, kept by caches for as long as their names allow, compressed.

A name that says its content (a version, a digest) never changes, so it is kept for ever; the one that stands in
owners' pages is asked for again after five minutes. They are few and small, so each worker keeps them in memory,
compressed once.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, request

from chatbot.core.errors import NotFound
from chatbot.core.resources import data_folder
from chatbot.web.telling import tell

bp = Blueprint("widget_files", __name__)
_NAME = re.compile(r"(?:[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.]*/)?[a-z0-9.-]+\.(?:js|json)")
_FOR_EVER = re.compile(r".*/|[a-z-]+-[0-9a-f]{12}\.js")
_LOADER, _LEGACY = "chatbot-widget.js", "chatbot-widget-legacy.js"
_OLD_BROWSERS = re.compile(r"MSIE |Trident/|Edge/")
"""They can't read `import()`, and would show a page nothing at all."""
_TYPES = {"js": "text/javascript; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True)
class _File:
    content: bytes
    zipped: bytes
    etag: str


@bp.get("/static/widget/js/<path:name>")
def script(name: str) -> Response:
    """One of the widget's files."""
    # A pinned name gives its own bytes to everybody: a cache would keep what an old browser got.
    is_old = name == _LOADER and _OLD_BROWSERS.search(request.headers.get("User-Agent", ""))
    found = _read(_LEGACY if is_old else name)
    zips = request.accept_encodings["gzip"] > 0
    response = Response(
        found.zipped if zips else found.content, content_type=_TYPES[name.rsplit(".", 1)[1]]
    )
    if zips:
        response.headers["Content-Encoding"] = "gzip"
    tell({
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept-Encoding, User-Agent" if name == _LOADER else "Accept-Encoding",
    })  # fmt: skip
    response.headers["Cache-Control"] = "private, no-store" if is_old else _kept(name)
    response.set_etag(found.etag + ("-gz" if zips else ""))
    response.make_conditional(request)
    return response


def _kept(name: str) -> str:
    if _FOR_EVER.match(name):
        return "public, max-age=31536000, immutable"
    return "public, max-age=300, stale-while-revalidate=86400"


@lru_cache(maxsize=64)
def _read(name: str) -> _File:
    """Raises `NotFound`, which is not cached: a name that a visitor made up takes no memory."""
    path = data_folder("static") / "widget" / "js" / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound("There is no such file.")
    content = path.read_bytes()
    return _File(
        content, gzip.compress(content, 9, mtime=0), hashlib.sha256(content).hexdigest()[:16]
    )

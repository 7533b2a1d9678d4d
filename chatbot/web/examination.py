"""`POST /admin/examine`: the doctor, on the test page's button. The server asks itself by the address that visitors use.

It goes on beside the request, one at a time of all workers, and puts down what it finds in the state that they share: so the page
shows it as it comes, whichever worker is asked, and also through a front that holds streams back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Any

from flask import Blueprint, Flask, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chatbot.access.examining import new_pass
from chatbot.core.errors import StorageUnavailable
from chatbot.core.logging import log
from chatbot.core.shared_state import Record, SharedState, StateAway
from chatbot.core.waiting import spawn
from chatbot.web.admin import check_form
from chatbot.web.guard import own_origin, services

bp = Blueprint("examination", __name__)
Tell = Callable[[str, list[dict[str, str]]], None]
Examine = Callable[[str, str, bool, Tell], dict[str, Any]]
"""Examines the front at an address with a pass, with long silences or not, telling each part; see `doctor/ordered`."""
_DOCTOR = "chatbot.doctor"
_KEY = "examination"
_KEPT_SECONDS = 3600.0
BEAT_SECONDS = 3.0
SILENT_SECONDS = 15.0
"""After so long without a word its worker is taken for gone, and another examination may begin."""


def init_app(app: Flask, examine: Examine) -> None:
    """Who examines is joined here: the web does not know the doctor."""
    app.extensions[_DOCTOR] = examine


@bp.post("/admin/examine")
def begin() -> AnyResponse:
    """Begin an examination, unless one is under way; the page shows it. Raises as every form of the operator's."""
    check_form()
    ours = services()
    # Never an address that the request names otherwise: its host is one that this server knows.
    url = ours.settings.public_url or own_origin()
    run = _Run(ours.state, url)
    try:
        is_first = run.enter()
    except StateAway:
        raise StorageUnavailable from None
    if is_first:
        examine, asked = (
            current_app.extensions[_DOCTOR],
            (url, new_pass(ours.signer), "silences" in request.form),
        )
        spawn(lambda: run.go(lambda: examine(*asked, run.told)))
    return redirect(url_for("pages.test_streaming", _anchor="examined"), 303)


def examination() -> Record | None:
    """The last examination of this hour, finished or not; None where there was none."""
    with suppress(StateAway):
        found = services().state.read(_KEY)
        if found is not None and found["running"] and not _goes_on(found):
            return {
                **found,
                "running": False,
                "trouble": "It did not come to its end: its worker was stopped.",
            }
        return found
    return None


def _goes_on(record: Record | None) -> bool:
    return bool(record and record["running"] and abs(time.time() - record["at"]) < SILENT_SECONDS)


class _Run:
    """One examination. It puts down all that it knows each time: a state that was away meanwhile has missed nothing."""

    def __init__(self, state: SharedState, url: str) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._record: Record = {
            "id": token_hex(8), "url": url, "at": 0.0, "running": True, "front": "", "trouble": "", "steps": [], "findings": [],
        }  # fmt: skip

    def enter(self) -> bool:
        """Whether this one goes on, and no other one does. Raises `StateAway`."""
        mine = {**self._record, "at": time.time()}

        def change(record: Record | None) -> Record | None:
            return record if _goes_on(record) else mine

        came = self._state.change(_KEY, change, _KEPT_SECONDS)
        return came is not None and came["id"] == mine["id"]

    def go(self, examine: Callable[[], Record]) -> None:
        """Examine, to the end."""
        spawn(self._beat)
        try:
            self._put_down({"running": False, **examine()})
        except Exception:
            log("crash", level=logging.ERROR, exc_info=True)
            self._put_down({"running": False, "trouble": "It failed; the server's log says why."})
        finally:
            self._over.set()

    def told(self, name: str, found: list[dict[str, str]]) -> None:
        """A part of it is over."""
        with self._lock:
            known = self._record
            step = {"name": name, "findings": [each["word"] for each in found]}
            more = {"steps": [*known["steps"], step], "findings": [*known["findings"], *found]}
            self._record = {**known, **more}
        self._put_down({})

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self._put_down({})

    def _put_down(self, more: Record) -> None:
        with self._lock:
            self._record = {**self._record, **more, "at": time.time()}
            mine = self._record
        with suppress(StateAway):  # with the next word, then
            self._state.change(_KEY, lambda _: mine, _KEPT_SECONDS)

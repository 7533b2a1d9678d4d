"""`POST /admin/examine`: the doctor, on the test page's button. The server asks itself by the address that visitors use.

It goes on beside the request, one at a time of all workers, and puts down what it finds in the state that they share: so the page
shows it as it comes, whichever worker is asked, and also through a front that holds streams back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
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


def init_app(app: Flask, examine: Examine) -> None:
    """Who examines is joined here: the web does not know the doctor."""
    app.extensions[_DOCTOR] = examine


@bp.post("/admin/examine")
def begin() -> AnyResponse:
    """Begin an examination, unless one is under way; the page shows it. Raises as every form of the operator's."""
    check_form()
    state = services().state
    try:
        leave = state.lease(_KEY)
        if leave is not None:
            _begin(state, leave)
    except StateAway:
        raise StorageUnavailable from None
    return redirect(url_for("pages.test_streaming", _anchor="examined"), 303)


def _begin(state: SharedState, leave: Callable[[], None]) -> None:
    """Examine, beside the request. Never an address that the request names otherwise: its host is one that this server knows."""
    ours = services()
    url = ours.settings.public_url or own_origin()
    new = {"url": url, "at": time.time(), "running": True, "steps": [], "findings": []}
    try:
        state.change(_KEY, lambda _: new, _KEPT_SECONDS)
    except StateAway:
        leave()
        raise
    asked = (url, new_pass(ours.signer), "silences" in request.form)
    spawn(_Run(state, current_app.extensions[_DOCTOR], asked, leave))


def examination() -> Record | None:
    """The last examination of this hour, finished or not; None where there was none."""
    state = services().state
    with suppress(StateAway):
        found = state.read(_KEY)
        if found is not None and found["running"] and (leave := state.lease(_KEY)) is not None:
            leave()  # nobody holds it: its worker is gone
            found = {**(state.read(_KEY) or found)}
            if found["running"]:
                found |= {
                    "running": False,
                    "trouble": "It did not come to its end: its worker was stopped.",
                }
        return found
    return None


class _Run:
    """One examination under way."""

    def __init__(
        self,
        state: SharedState,
        examine: Examine,
        asked: tuple[str, str, bool],
        leave: Callable[[], None],
    ) -> None:
        self._state = state
        self._examine = examine
        self._asked = asked
        self._leave = leave

    def __call__(self) -> None:
        try:
            self._add({"running": False, **self._examine(*self._asked, self._told)})
        except Exception:
            log("crash", level=logging.ERROR, exc_info=True)
            self._add({"running": False, "trouble": "It failed; the server's log says why."})
        finally:
            self._leave()

    def _told(self, name: str, found: list[dict[str, str]]) -> None:
        step = {"name": name, "findings": [each["word"] for each in found]}
        self._add({"findings": found}, step)

    def _add(self, more: Record, *steps: Record) -> None:
        def change(record: Record | None) -> Record:
            known = record or {}
            if steps:
                found = [*known.get("findings", ()), *more["findings"]]
                return {**known, "steps": [*known.get("steps", ()), *steps], "findings": found}
            return {**known, **more}

        with suppress(StateAway):  # then the page says less
            self._state.change(_KEY, change, _KEPT_SECONDS)

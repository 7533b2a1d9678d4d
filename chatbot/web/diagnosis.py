"""`/api/v1/diagnosis`: what this server saw of a request, and a paced test pattern, for `python -m chatbot doctor`.

It needs a secret key with the scope `operate`, also on this machine: behind a proxy everybody is on this machine, and
what is told here (addresses, versions) is nobody else's. Nothing of it asks a provider.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

from flask import Blueprint, Response, jsonify, request

from chatbot import __version__
from chatbot.access.caller import Caller
from chatbot.access.diagnosing import admit_pattern
from chatbot.access.examining import EXAMINER, is_pass
from chatbot.core.errors import InvalidRequest
from chatbot.core.serving import kind_of_server, one_at_a_time
from chatbot.core.shared_state import StateAway
from chatbot.core.waiting import now
from chatbot.relay.departure import ClientConnection
from chatbot.relay.pattern import MOST_EVENTS, MOST_SECONDS, Pattern, PatternRun
from chatbot.web.guard import bearer, caller, enter, origin, services, write_line
from chatbot.web.here import here
from chatbot.web.streaming import stream_response

bp = Blueprint("diagnosis", __name__)
_RUN = re.compile(r"[0-9a-z]{16,40}")
_KEPT_SECONDS = 300.0
_ASKED_FOR = ("X-Session-ID", "X-Conversation-ID", "X-Visitor-Token", "X-Requested-With")
"""Headers that a visitor's chat needs to arrive."""


@bp.get("/diagnosis")
def seen() -> Response:
    """What of this request arrived here, and how; with `run`, how that pattern of the same key has ended."""
    who = _who()
    return jsonify(
        object="diagnosis", version=__version__, time=time.time(), worker=_worker(),
        request=_request(), settings=_settings(), run=_ended(who, _run_name()),
    )  # fmt: skip


@bp.get("/diagnosis/stream")
def stream() -> Response:
    """The test pattern. Parameters: `events`, `every` and `silence` (seconds), `run` (a name to ask for its end)."""
    who, pattern, name = _who(), _pattern(), _run_name()
    record, client = here().record, ClientConnection.of(here().environ)
    give_back = admit_pattern(services().meter)
    state = services().state

    def on_end(run: PatternRun) -> None:
        record.ended_by, record.events = "client" if run.ended == "left" else "server", run.sent
        if run.ended != "left":
            client.finish()
        if name:
            ended = {"ended": run.ended, "after": run.after, "events": run.sent}
            with suppress(StateAway):  # then nobody is told
                state.change(_key_of(who, name), lambda _: ended, _KEPT_SECONDS)

    run = PatternRun(pattern, on_end)
    try:
        ours = services().running
        leave = ours.enter(run.stop, who.key.id) if who is EXAMINER else enter(run.stop, who)
    except BaseException:
        give_back()
        raise
    client.watch(run.leave)

    def close() -> None:
        leave()
        client.release()
        give_back()
        write_line(record, None)

    record.stream, record.first_byte = True, now()
    client.hold()
    return stream_response(run.stream(), close)


def _who() -> Caller:
    """An operator's key, or the pass of this server's own doctor."""
    if origin() or not is_pass(services().signer, bearer()):
        return caller("operate")
    here().record.key_id = EXAMINER.key.id
    return EXAMINER


def _pattern() -> Pattern:
    events = int(_number("events", 5, 1, MOST_EVENTS))
    pattern = Pattern(events, _number("every", 0.02, 0, 10), _number("silence", 0, 0, MOST_SECONDS))
    if pattern.seconds > MOST_SECONDS:
        raise InvalidRequest(f"A pattern takes {MOST_SECONDS:.0f} s at the most.", param="events")
    return pattern


def _number(name: str, default: float, low: float, high: float) -> float:
    text = request.args.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text, re.A) or not low <= float(text) <= high:
        raise InvalidRequest(f"{name} must be from {low:g} to {high:g}.", param=name)
    return float(text)


def _run_name() -> str:
    name = request.args.get("run", "")
    if name and not _RUN.fullmatch(name):
        raise InvalidRequest("run must be 16 to 40 small letters and digits.", param="run")
    return name


def _key_of(who: Caller, run: str) -> str:
    return f"diagnosis:{who.key.id}:{run}"


def _ended(who: Caller, run: str) -> dict[str, object] | None:
    with suppress(StateAway):
        return services().state.read(_key_of(who, run)) if run else None
    return None


def _worker() -> dict[str, object]:
    """What answers, see `kind_of_server`."""
    kind = kind_of_server("gunicorn.socket" in request.environ)
    software = str(request.environ.get("SERVER_SOFTWARE", ""))
    return {"kind": kind, "software": one_at_a_time() or software}


def _request() -> dict[str, object]:
    """The request as the proxy has sent it, and the address that is believed."""
    environ = request.environ
    before = environ.get("werkzeug.proxy_fix.orig", environ)
    return {
        "protocol": environ.get("SERVER_PROTOCOL", ""),
        "scheme": request.scheme,
        "host": environ.get("HTTP_HOST", ""),
        "peer": before.get("REMOTE_ADDR") or "",
        "forwarded_for": environ.get("HTTP_X_FORWARDED_FOR", ""),
        "address": request.remote_addr or "",
        "headers": [name for name in _ASKED_FOR if name in request.headers],
    }


def _settings() -> dict[str, object]:
    settings = services().settings
    return {"trusted_proxies": settings.trusted_proxies, "public_url": settings.public_url}

"""What kind of server runs this process: whether it answers many at once.

A stream holds whatever answers it until its end. A server of one answer at a time looks well in a trial, and stands
still before its second visitor; so it is told at the start, and by the doctor.
"""

from __future__ import annotations

import sys
from typing import Any

from chatbot.core.waiting import under_gevent


def one_at_a_time() -> str:
    """The server by name where each of its processes answers one request at a time; else empty."""
    if "gunicorn.workers.sync" in sys.modules:  # gunicorn loads the kind that it runs, and no other
        return "gunicorn with sync workers"
    if "uwsgi" in sys.modules and not _uwsgi_has_many(sys.modules["uwsgi"]):
        return "uWSGI without gevent or threads"
    if getattr(sys.modules.get("mod_wsgi"), "threads_per_process", 0) == 1:
        return "mod_wsgi with one thread"
    return ""


def kind_of_server(shows_socket: bool) -> str:
    """`gevent`, `threads` (gunicorn's), `sync`, or `other`. `shows_socket`: gunicorn gave the request's socket."""
    if one_at_a_time():
        return "sync"
    if under_gevent() and (shows_socket or "uwsgi" in sys.modules):
        return "gevent"
    return "threads" if shows_socket else "other"


def _uwsgi_has_many(uwsgi: Any) -> bool:
    """Whether an answer does not hold the whole process. Values of its options are bytes, or True."""
    return "gevent" in uwsgi.opt or int(uwsgi.opt.get("threads", b"1")) > 1

"""A server of one answer at a time is known by what it has loaded."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from chatbot.core.serving import kind_of_server, one_at_a_time

SYNC = SimpleNamespace()


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch):
    for name in ("gunicorn.workers.sync", "uwsgi", "mod_wsgi"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.parametrize(
    ("name", "module", "says"),
    [
        ("gunicorn.workers.sync", SYNC, "gunicorn with sync workers"),
        ("uwsgi", SimpleNamespace(opt={}), "uWSGI without gevent or threads"),
        ("uwsgi", SimpleNamespace(opt={"threads": b"8"}), ""),
        ("uwsgi", SimpleNamespace(opt={"gevent": b"100"}), ""),
        ("mod_wsgi", SimpleNamespace(threads_per_process=1), "mod_wsgi with one thread"),
        ("mod_wsgi", SimpleNamespace(threads_per_process=15), ""),
    ],
)
def test_it_is_named(monkeypatch, name, module, says):
    monkeypatch.setitem(sys.modules, name, module)
    assert one_at_a_time() == says
    assert (kind_of_server(shows_socket=False) == "sync") is bool(says)


def test_others_are_none():
    assert one_at_a_time() == ""
    assert kind_of_server(shows_socket=True) == "threads"
    assert kind_of_server(shows_socket=False) == "other"

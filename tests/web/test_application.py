"""What is taken out of Flask changes nothing that anybody sees."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, session, stream_with_context
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.test import create_environ

from chatbot.app import create_app
from chatbot.web.application import Application

HOSTS = ["localhost", "LOCALHOST:8000", "shop.example:443", "[::1]:8000", "münchen.example", "xn--mnchen-3ya.example",
         "a..b", "a" * 70, "", "a b", "10.0.0.1:80", "user@host"]  # fmt: skip


def adapter(app: Flask, environ: dict) -> object:
    """What an application finds out of a request's address."""
    environ = dict(environ)
    with app.app_context():
        try:
            found = app.create_url_adapter(app.request_class(environ))
        except HTTPException as error:
            return type(error), error.code
    return {k: v for k, v in vars(found).items() if k != "map"}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/v1/chat?x=ä%20b&y", "//twice", "/ä%2fb", ""])
def test_an_address_is_read_as_flask_reads_it(host, path):
    environ = create_environ(path, "http://localhost/", method="POST")
    environ["HTTP_HOST"] = host.encode().decode("latin-1")
    assert adapter(Application("ours"), environ) == adapter(Flask("theirs"), environ)


def test_a_change_of_protocol_is_left_to_flask():
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    environ = create_environ("/", headers=headers)
    assert adapter(Application("ours"), environ) == adapter(Flask("theirs"), environ)


@pytest.fixture
def looked(monkeypatch):
    """What is looked for among the rules."""
    found: list[object] = []
    match = MapAdapter.match
    monkeypatch.setattr(
        MapAdapter, "match", lambda self, **kw: found.append(0) or match(self, **kw)
    )
    return found


def test_a_stream_looks_for_its_view_once(looked):
    app = Application("ours")
    app.add_url_rule("/say/<word>", view_func=lambda word: stream_with_context(iter([word])))
    assert app.test_client().get("/say/hello").text == "hello"
    assert len(looked) == 1


def test_the_view_of_an_address_without_a_variable_need_not_be_looked_for(visitor, looked):
    assert visitor.ask("Hello", stream=True).text.endswith("data: [DONE]\n\n")
    assert looked == []


def test_each_address_without_a_variable_has_the_view_that_flask_finds(make_settings):
    app = create_app(make_settings())
    adapter = app.url_map.bind("localhost")
    assert len(app.plain_rules) > 20
    for (method, path), rule in app.plain_rules.items():
        assert adapter.match(path, method, return_rule=True) == (rule, {})


def test_a_blueprint_with_hooks_of_its_own_is_refused():
    blueprint = Blueprint("shop", "shop")
    blueprint.before_request(lambda: None)
    with pytest.raises(ValueError, match="shop has hooks of its own"):
        Application("ours").register_blueprint(blueprint)


def test_the_files_of_a_form_are_closed_at_its_end():
    closed: list[object] = []

    class File:
        def close(self):
            closed.append(self)

    app = Application("ours")
    with app.test_request_context() as context:
        vars(context.request)["files"] = MultiDict({"file": File()})
    assert len(closed) == 1


def test_nobody_is_remembered_by_a_cookie_of_flasks():
    app = Application("ours")
    app.secret_key = "secret"
    app.add_url_rule("/", view_func=lambda: str(dict(session)))
    answer = app.test_client().get("/")
    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("{}", [])
    with app.test_request_context(), pytest.raises(RuntimeError):
        session["name"] = "Ada"

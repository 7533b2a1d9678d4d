"""What is somebody else's is not there: every address that takes an id, with everybody who is not its owner.

The addresses come from the application's routes, so that a new one is tried without being listed here.
"""

from __future__ import annotations

import pytest

from chatbot.app import create_app
from tests.visitor import Visitor, add_bot
from tests.web.conftest import KEY

NOT_THEIRS = {"model": "of the provider's", "key_id": "the operator's", "filename": "a static file",
              "name": "a script of the widget", "key": "a page's, for all to see"}  # fmt: skip
"""Parts of addresses that are nobody's."""
BODIES = {"PATCH": {"title": "Mine now"}}


def id_routes() -> list[tuple[str, str]]:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from chatbot.core.settings import load_settings

    with TemporaryDirectory() as folder:
        settings = load_settings(
            {"CHATBOT_DATA_DIR": folder, "CHATBOT_API_KEYS": KEY}, Path("absent")
        )
        app = create_app(settings)
        found = [
            (method, rule.rule)
            for rule in app.url_map.iter_rules()
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
            if rule.arguments - set(NOT_THEIRS)
        ]
        app.extensions["chatbot"].close()
    return found


ROUTES = id_routes()


def test_there_are_routes_with_ids():
    assert {rule for _, rule in ROUTES} >= {
        "/api/v1/conversations/<conversation>",
        "/api/v1/conversations/<conversation>/export",
        "/v1/conversations/<conversation>",
    }
    assert all("<conversation>" in rule for _, rule in ROUTES), "say whose the new id is"


@pytest.fixture
def strangers(site, visitor, shop):
    """Everybody but the owner, each with conversations of their own."""
    other_bot = add_bot(site, "other")
    found = {
        "another visitor": Visitor(site.test_client(), shop),
        "a visitor of another bot": Visitor(site.test_client(), other_bot),
        "nobody yet": Visitor(site.test_client(), shop),
        "a visitor of another bot with this session": Visitor(site.test_client(), other_bot),
    }
    for name in ("another visitor", "a visitor of another bot"):
        found[name].ask("Mine")
    visitor.ask("canary-of-the-owner")
    found["a visitor of another bot with this session"].session = visitor.session
    return found


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_a_foreign_id_is_not_found(visitor, strangers, method, rule):
    path = rule.replace("<conversation>", visitor.conversation)
    for name, stranger in strangers.items():
        reply = stranger.client.open(
            path, method=method, headers=stranger.headers, json=BODIES.get(method)
        )
        assert (reply.status_code, reply.json["error"]["code"]) == (404, "not_found"), name
        assert "canary" not in reply.text
    assert next(m["content"] for m in visitor.messages()) == "canary-of-the-owner"
    assert visitor.conversations()[0]["title"] == "canary-of-the-owner"


@pytest.mark.parametrize(("method", "rule"), ROUTES)
@pytest.mark.parametrize(
    "made_up", ["x", "conv_", "conv_" + "A" * 48, "%00", "' OR 1=1 --", "..%2f"]
)
def test_an_id_that_was_never_issued_is_not_found(visitor, method, rule, made_up):
    visitor.ask("Hello")
    path = rule.replace("<conversation>", made_up)
    reply = visitor.client.open(
        path, method=method, headers=visitor.headers, json=BODIES.get(method)
    )
    assert reply.status_code == 404


def test_an_answer_of_somebody_else_can_not_be_rated(visitor, strangers):
    answer = visitor.messages()[-1]["id"]
    for name, stranger in strangers.items():
        body = {"message_id": answer, "rating": "down", "comment": "x"}
        assert stranger.call("POST", "/feedback", json=body).status_code == 404, name
    assert visitor.messages()[-1]["rating"] is None


def test_a_foreign_conversation_is_not_gone_on_with(visitor, strangers, provider):
    for stranger in strangers.values():
        stranger.conversation = visitor.conversation
        stranger.ask("What was said?")
        assert stranger.conversation != visitor.conversation
        assert "canary-of-the-owner" not in provider.log[-1]["body"]
    assert len(visitor.messages()) == 2

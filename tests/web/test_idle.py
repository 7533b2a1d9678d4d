"""A process that was idle while keys were made."""

from __future__ import annotations

from chatbot.app import create_app
from chatbot.core.api_key import describe, new_text
from chatbot.core.bot import read_bot
from chatbot.store.directory import DirectoryStore
from tests.visitor import ORIGIN, Visitor
from tests.web.conftest import KEY


def test_the_first_request_knows_what_was_made_before_it(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    services, text = app.extensions["chatbot"], new_text("pk")
    store = DirectoryStore(services.database)
    store.save_bot(read_bot({"id": "late", "origins": [ORIGIN], "model": "mock-instant"}))
    store.add_key(describe(text, bot_id="late"))
    assert Visitor(app.test_client(), text).ask("Hi").status_code == 200
    services.close()

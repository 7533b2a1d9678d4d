"""A stored bot that this version can't read."""

from __future__ import annotations

from sqlalchemy import update

from chatbot.core.bot import read_bot
from chatbot.core.secret import Secret
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.tables import bots


def test_a_bot_of_a_newer_version_takes_no_other_along(tmp_path):
    database = Database(Secret(""), tmp_path)
    database.prepare()
    store = DirectoryStore(database)
    for name in ("one", "two"):
        store.save_bot(read_bot({"id": name}))
    newer = update(bots).where(bots.c.id == "one").values(settings={"id": "one", "wings": 2})
    database.run(lambda connection: connection.execute(newer), write=True)
    assert [bot.id for bot in store.contents().bots] == ["two"]
    database.close()

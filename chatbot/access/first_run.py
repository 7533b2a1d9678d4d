"""The first start: a demo bot that knows this project's README, a key for pages of this machine, and one for all.

So that whoever has just started the server has something that answers. It happens once in a store's life: what
was deleted does not come back.
"""

from __future__ import annotations

import time
from pathlib import Path

from chatbot.core.api_key import PUBLISHABLE, SECRET, describe, new_text
from chatbot.core.bot import Bot, Fact
from chatbot.core.kept_secret import kept_secret
from chatbot.core.resources import data_file
from chatbot.core.secret import Secret
from chatbot.store.directory import DirectoryStore

FIRST_KEY_FILE = "first-key"
DEMO = "demo"
_FIRST = "first"
LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*")


def first_key(data_dir: Path) -> tuple[Secret, bool]:
    """The secret key of the first start, and whether this call made it. Raises `SettingsError`."""
    return kept_secret(data_dir / FIRST_KEY_FILE, lambda: new_text(SECRET))


def first_run(store: DirectoryStore, key: Secret | None, *, alone: bool) -> None:
    """Have the demo bot and its key made, where there has never been anything; and `key` accepted.

    `alone`: no other machine has this store, so a first key that was made anew ends the one before. Raises
    `StoreAway`.
    """
    demo = describe(
        new_text(PUBLISHABLE),
        name="demo",
        bot_id=DEMO,
        origins=LOCAL_ORIGINS,
        created_at=time.time(),
    )
    store.begin(demo_bot(), (demo,))
    if key is None:
        return
    first = describe(key.reveal(), name=_FIRST, scopes=("admin",), created_at=time.time())
    if store.add_key(first) and alone:
        for other in store.contents().keys:
            if other.name == _FIRST and other.id != first.id and other.alive(time.time()):
                store.end_key(other.id, at=time.time())


def demo_bot() -> Bot:
    """A bot whose facts are this project's README."""
    readme = data_file("README.md")
    facts = (Fact("README.md", readme.read_text("utf-8")),) if readme.is_file() else ()
    return Bot(
        id=DEMO,
        name="Demo",
        prompt="You are the demo of a chatbot for websites. Answer briefly, in the visitor's language.",
        greeting="Hi! I know this project's README. Ask me how it works.",
        suggestions=(
            "How do I run it?",
            "What does it promise?",
            "Does it work without a provider?",
        ),
        facts=facts,
    )

"""Secret keys: those of `CHATBOT_API_KEYS`, or else the one that the first run makes.

The first key is kept in the data directory, readable by its owner alone, so that every worker and every
start has the same. Only hashes are compared: the time of a comparison says nothing about a key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from chatbot.core.ids import new_secret_key
from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError

FIRST_KEY_FILE = "first-key"


class KeyRing:
    """The keys that are accepted."""

    def __init__(self, keys: tuple[Secret, ...]) -> None:
        self._ids = {_digest(key.reveal()): key.fingerprint for key in keys}

    def identify(self, key: str) -> str | None:
        """The id of a key, safe to log, or None for a key that we do not know."""
        digest, found = _digest(key), None
        for known, key_id in self._ids.items():
            if hmac.compare_digest(known, digest):
                found = key_id
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def first_key(data_dir: Path) -> tuple[Secret, bool]:
    """The key of the first run, and whether this call made it. Raises `SettingsError`.

    Two workers may get here at once: a link to a finished file is atomic, and the loser reads.
    """
    file = data_dir / FIRST_KEY_FILE
    try:
        if not file.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            draft = data_dir / f"{FIRST_KEY_FILE}.{os.getpid()}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(new_secret_key() + "\n")
            made = _publish(draft, file)
        else:
            made = False
        key = file.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"CHATBOT_DATA_DIR {data_dir}: the first key can't be kept there ({type(error).__name__}). "
            "Give a folder that can be written, or CHATBOT_API_KEYS."
        ) from None
    if len(key) < 16:
        raise SettingsError(f"{file}: this is no key. Delete the file to have a new one made.")
    return Secret(key), made


def _publish(draft: Path, file: Path) -> bool:
    try:
        os.link(draft, file)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()

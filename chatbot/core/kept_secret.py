"""Secrets that this server makes for itself at its first start and keeps in the data directory.

Readable by their owner alone, the same for every worker and every start.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from chatbot.core.secret import Secret
from chatbot.core.settings_table import SettingsError


def kept_secret(file: Path, make: Callable[[], str]) -> tuple[Secret, bool]:
    """The secret in `file`, made by `make` where there is none, and whether this call made it.

    Raises `SettingsError`. Two workers may get here at once: a link to a finished file is atomic, and the
    loser reads.
    """
    try:
        made = not file.exists() and _publish(_draft(file, make()), file)
        value = file.read_text("latin-1").strip()
    except OSError as error:
        raise SettingsError(
            f"CHATBOT_DATA_DIR {file.parent}: {file.name} can't be kept there "
            f"({error.strerror}). Give a folder that can be written."
        ) from None
    # Zeros, which a power cut may leave of a file, are a key that everybody knows.
    if len(value) < 16 or not (value.isascii() and value.isprintable()):
        raise SettingsError(f"{file}: this is no key. Delete the file to have a new one made.")
    return Secret(value), made


def replace_secret(file: Path, value: str) -> None:
    """Put another secret into `file`. Raises `OSError`."""
    _draft(file, value).replace(file)


def _draft(file: Path, value: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{token_hex(8)}")  # containers may share process numbers
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(value + "\n")
        out.flush()
        os.fsync(descriptor)
    return draft


def _publish(draft: Path, file: Path) -> bool:
    try:
        os.link(draft, file)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()

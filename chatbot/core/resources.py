"""Where pages, static files and the gunicorn configuration lie: beside the package in a checkout,
inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def data_file(name: str) -> Path:
    """A file such as `README.md`, wherever this program runs from; it may be absent."""
    packaged = _PACKAGE / "data" / name
    return packaged if packaged.is_file() else _PACKAGE.parent / name


def data_folder(name: str) -> Path:
    """The folder `static`, `templates` or `deploy`, wherever this program runs from."""
    packaged = _PACKAGE / "data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def as_gunicorn() -> list[str]:
    """What `serve` becomes: Python's arguments for gunicorn with this version's configuration."""
    config = data_folder("deploy") / "gunicorn.conf.py"
    return ["-m", "gunicorn", "-c", str(config), "chatbot.app:create_app()"]

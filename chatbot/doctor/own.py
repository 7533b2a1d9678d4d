"""The server itself, examined where it runs: packages, order of imports, database, Redis, disk, providers.

Nothing is changed: the database is not brought up to date, and the gunicorn configuration is run in a process and a
folder of its own. Each provider is asked one short question, which it may charge for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

from chatbot.chat.answer import ChatService
from chatbot.core.descriptors import raise_limit, room_for_streams
from chatbot.core.errors import ChatbotError
from chatbot.core.settings import Settings, SettingsError, load_settings
from chatbot.core.shared_state import StateAway
from chatbot.core.waiting import now
from chatbot.doctor.word import Finding
from chatbot.services import build_database, build_redis, build_router
from chatbot.store.database import StoreAway, revision

FLOORS = {
    "flask": (3, 1, 3), "gevent": (26, 9), "gunicorn": (27, 0), "orjson": (3, 11), "psycopg": (3, 2),
    "redis": (7, 0), "sqlalchemy": (2, 0, 40), "alembic": (1, 17), "prometheus-client": (0, 24),
    "pyjwt": (2, 10), "certifi": (2026, 1, 1), "click": (8, 1), "flask-cors": (6, 0), "python-dotenv": (1, 0),
}  # fmt: skip
"""The oldest versions of packages that this server runs with; a test holds them to pyproject.toml."""
PYTHONS = ((3, 11), (3, 14))
FREE_BYTES = 512 * 1024 * 1024
_ORDER = """
import json, runpy, sys
seen = []
class Note:
    def find_spec(self, name, path=None, target=None):
        if name in ("gevent.monkey", "ssl", "psycopg"):
            seen.append(name)
sys.meta_path.insert(0, Note())
runpy.run_path(sys.argv[1])
monkey = sys.modules.get("gevent.monkey")
print("\\n" + json.dumps({"seen": seen, "patched": bool(monkey and monkey.is_module_patched("ssl"))}))
"""
_QUESTION = "Count from 1 to 40 in words."


def examine_self(gunicorn: Path, *, provider: bool = True) -> Iterator[Finding]:
    """What is wrong with this installation. `gunicorn` is its configuration; `provider` off asks none."""
    yield from check_versions()
    yield from check_import_order(gunicorn)
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("settings", str(error))
        return
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        check_database, check_redis, check_disk, check_descriptors,
    ]  # fmt: skip
    for check in [*checks, *([check_providers] if provider else [])]:
        yield from check(settings)


def check_versions() -> Iterator[Finding]:
    """Python and packages."""
    first, end = PYTHONS
    if not first <= sys.version_info[:2] < end:
        yield Finding("version", f"Python is {sys.version.split()[0]}, not 3.11 to 3.13.")
    for name, floor in FLOORS.items():
        shown = ".".join(map(str, floor))
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding("version", f"{name} is missing, {shown} or later is needed.")
            continue
        if tuple(map(int, re.findall(r"\d+", found)[: len(floor)])) < floor:
            yield Finding("version", f"{name} is {found}, {shown} or later is needed.")


def check_import_order(gunicorn: Path) -> Iterator[Finding]:
    """Run a gunicorn configuration elsewhere, and see what it imports first."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHATBOT_", "OPENAI_"))}
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(__file__).parents[2])
        env = {**clean, "CHATBOT_DATA_DIR": folder, "HOST": "127.0.0.1", "PYTHONPATH": root}
        done = subprocess.run(  # noqa: S603  the operator's own file, by this Python
            [sys.executable, "-c", _ORDER, str(gunicorn.absolute())],
            cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    if done.returncode:
        yield Finding("settings", f"{gunicorn} can't be run: {_last_line(done.stderr)}")
        return
    told = json.loads(_last_line(done.stdout))
    early = [name for name in told["seen"][: _place(told["seen"])] if name != "gevent.monkey"]
    if early:
        yield Finding("import-order", f"{gunicorn}: {' and '.join(dict.fromkeys(early))} came before it.")  # fmt: skip
    elif not told["patched"]:
        yield Finding("import-order", f"{gunicorn} does not patch at all.")


def _place(seen: list[str]) -> int:
    return seen.index("gevent.monkey") if "gevent.monkey" in seen else 0


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether the database answers."""
    if not settings.database_url and not (settings.data_dir / "chatbot.db").exists():
        return  # the first start makes it
    try:
        database = build_database(settings)
    except SettingsError as error:
        yield Finding("database-away", str(error))
        return
    try:
        database.run(revision)
    except StoreAway as error:
        yield Finding("database-away", f"{database.name}: {error}.")
    finally:
        database.close()


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Whether Redis answers, where there is one."""
    try:
        redis = build_redis(settings)
        if redis is not None:
            redis.ask(lambda client: client.ping())
    except (SettingsError, StateAway) as error:
        yield Finding("redis-away", f"{error}.".replace("..", "."))


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for data, and it can be written."""
    folder = settings.data_dir.absolute()
    there = next(f for f in (folder, *folder.parents) if f.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        yield Finding("disk", f"{there} can't be written.")
        return
    if (free := shutil.disk_usage(there).free) < FREE_BYTES:
        yield Finding("disk", f"{there} has {free // 1024 // 1024} MiB left.")


def check_descriptors(settings: Settings) -> Iterator[Finding]:
    """Whether as many answers can be under way as the settings say."""
    with suppress(OSError, ValueError):
        raise_limit()
    if (room := room_for_streams()) < settings.max_streams:
        yield Finding("descriptors", f"There is room for {room} answers, and {settings.max_streams} are allowed.")  # fmt: skip


def check_providers(settings: Settings) -> Iterator[Finding]:
    """Ask the default model one short question: whether an answer comes, and as it is made. The mock is not asked."""
    if settings.uses_mock:
        return
    service, times = ChatService(build_router(settings)), [now()]
    payload: dict[str, object] = {
        "messages": [{"role": "user", "content": _QUESTION}],
        "max_tokens": 150,
    }
    if settings.model_of_bots:
        payload["model"] = settings.model_of_bots

    def came(delta: object, _event: object) -> None:
        if delta:
            times.append(now())

    try:
        service.chat_completions_stream(payload, came)
    except ChatbotError as error:
        yield Finding("provider-away", f"{error.code}: {error.message}")
        return
    if came_at_once(times):
        yield Finding("provider-buffered", f"{len(times) - 1} pieces came at once, after {times[-1] - times[0]:.1f} s.")  # fmt: skip


def came_at_once(times: list[float]) -> bool:
    """Whether all pieces came within 50 ms, of an answer that took over a second. `times` begins with the question."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return len(gaps) > 2 and sum(gaps) > 1.0 and sum(gaps[1:]) < 0.05

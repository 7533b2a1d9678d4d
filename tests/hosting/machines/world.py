"""Two machines with the chat, one with Redis, one with PostgreSQL, nginx before them; and the crowd's way through a fault."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatbot.upstream.mock_server import MockServer
from tests.crowd import WHOLE, Crowd
from tests.engines import PostgreSQL, postgresql
from tests.hosting.front import nginx
from tests.hosting.machines.hosts import (
    PORT,
    REDIS_PORT,
    Host,
    here,
    hosts,
    is_open,
    run_app,
    run_redis,
)  # fmt: skip
from tests.server import KEY, ROOT, Client, wait_for

FRONT_PORT = 8080
RECOVERY_SECONDS = 30.0
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
SYSCTL = ROOT / "docs" / "hosting" / "several-machines.md"


@dataclass
class World:
    """All of it, running."""

    folder: Path
    apps: list[Host]
    redis: Host
    front: Host
    postgres_host: Host
    postgres: PostgreSQL
    provider: MockServer
    environ: dict[str, str] = field(default_factory=dict)
    key: str = KEY

    def run_app(self, number: int) -> None:
        run_app(self.apps[number], self.folder / f"data{number}", **self.environ)

    def command(self, *words: str) -> str:
        """What `python -m chatbot …` prints, with the settings of the machines."""
        env = {**os.environ, **self.environ, "CHATBOT_DATA_DIR": str(self.folder / "data0" / "data"), "PYTHONPATH": str(ROOT)}  # fmt: skip
        line = [sys.executable, "-m", "chatbot", *words]
        done = subprocess.run(
            line, cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_key(self, *limits: str) -> str:
        """A secret key with these limits, once both machines know it."""
        options = [word for limit in limits for word in ("--limit", limit)]
        key = next(
            w
            for w in self.command("keys", "create", "--secret", *options).split()
            if w.startswith("sk_")
        )
        for number in range(len(self.apps)):
            wait_for(lambda n=number: self.get(n, "/v1/models", key).status == 200)
        return key

    def ask(self, number: int, key: str, **fields):
        """One question to one machine."""
        with Client(PORT, self.apps[number].address) as client:
            return client.chat(key, **fields)

    def get(self, number: int, path: str, key: str = KEY):
        with Client(PORT, self.apps[number].address) as client:
            return client.get(path, {"Authorization": f"Bearer {key}"})

    def ready(self, number: int = 0) -> dict:
        """What the machine says of itself to its operator."""
        return self.get(number, "/readyz").json

    def crowd(self) -> Crowd:
        return Crowd(FRONT_PORT, streams=8, plain=6, host=self.front.address, key=self.key)

    def is_whole(self, machines: Sequence[int] = (0, 1)) -> bool:
        """Whether these machines have Redis and PostgreSQL, by their own words."""
        return all(
            r["shared_state"] == r["limits"] == "Redis" and not r["database"]["away"]
            for r in map(self.ready, machines)
        )


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """All of it from nothing, and away again."""
    with (
        hosts("app1", "app2", "redis", "postgres", "front") as (one, two, redis, postgres, front),
        postgresql(postgres.address, [*postgres.within, *AS_NOBODY]) as server,
    ):
        provider = MockServer(host=here()).start()
        run_redis(redis, folder)
        database = server.new_database().partition("?")[0].replace("@/", f"@{postgres.address}/")
        environ = {
            "CHATBOT_REDIS_URL": f"redis://{redis.address}:{REDIS_PORT}/0", "CHATBOT_DATABASE_URL": database,
            "CHATBOT_SECRET_KEY": "0123456789abcdef" * 3, "CHATBOT_API_KEYS": KEY, "CHATBOT_TRUSTED_PROXIES": "1",
            "OPENAI_BASE_URL": provider.base_url,
        }  # fmt: skip
        made = World(folder, [one, two], redis, front, postgres, server, provider, environ)
        for number in range(2):
            made.run_app(number)
        kernel_settings(front)
        front.run(
            nginx(
                folder, f"{front.address}:{FRONT_PORT}", [f"{a.address}:{PORT}" for a in made.apps]
            ),
            folder,
        )
        wait_for(lambda: is_open(front, FRONT_PORT))
        made.key = made.make_key("requests_per_minute=1000000", "tokens_per_day=1000000000")
        yield made
        provider.stop()


def kernel_settings(front: Host) -> None:
    """Those that the documents name for the machine with nginx."""
    lines = [
        line.split(" = ") for line in SYSCTL.read_text().splitlines() if line.startswith("net.")
    ]
    assert lines
    for name, value in lines:
        path = "/proc/sys/" + name.replace(".", "/")
        subprocess.run([*front.within, "sh", "-c", f"echo {value} > {path}"], check=True)


@dataclass
class Passage:
    """A crowd around a fault: how its questions ended, and the seconds from the last change until all was well."""

    crowd: Crowd
    changed: float = 0.0
    seconds: float = 0.0

    def change(self, act: Callable[[], object]) -> None:
        """Break something, or mend it: from here on the time counts."""
        act()
        self.changed = time.monotonic()

    @property
    def broken(self) -> Counter[str]:
        """Ends that were not whole."""
        return Counter({end: n for end, n in self.crowd.ends.items() if end != WHOLE})

    @property
    def seen(self) -> str:
        """In words."""
        kinds = ", ".join(f"{n} x {end.strip()}" for end, n in self.broken.items())
        return (
            f"{kinds}; {self.crowd.ends[WHOLE]} whole"
            if kinds
            else f"nothing: all {self.crowd.ends[WHOLE]} whole"
        )

    def all_asked(self, times: int = 2) -> None:
        """Every member has had answers since."""
        self.crowd.each_asked(times, RECOVERY_SECONDS + 30)


@contextlib.contextmanager
def through(known: World, machines: Sequence[int] = (0, 1)) -> Iterator[Passage]:
    """A fault under load. When the block is over these machines have to be well, within `RECOVERY_SECONDS`."""
    with known.crowd() as crowd:
        crowd.each_asked()
        passage = Passage(crowd)
        yield passage
        wait_for(lambda: crowd.is_well() and known.is_whole(machines), RECOVERY_SECONDS)
        passage.seconds = time.monotonic() - passage.changed
        passage.all_asked()
        assert crowd.is_well()
    assert passage.seconds < RECOVERY_SECONDS

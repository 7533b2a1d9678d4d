"""Everything that is built once from the settings: the only place that chooses backends."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chatbot import __version__
from chatbot.access.budgets import Budgets, Send
from chatbot.access.directory import Directory
from chatbot.access.first_run import FIRST_KEY_FILE, first_key, first_run
from chatbot.access.keys import fixed_keys
from chatbot.access.logins import Logins
from chatbot.access.sessions import Signer
from chatbot.access.shown import registry_of
from chatbot.access.ticket import Gate
from chatbot.chat.answer import ChatService
from chatbot.chat.conversing import Conversing
from chatbot.chat.trial import Trials
from chatbot.core.descriptors import room_for_streams
from chatbot.core.hub import HubWatch
from chatbot.core.kept_secret import kept_secret
from chatbot.core.logging import hide, log
from chatbot.core.meter import Meter
from chatbot.core.origin import check_pattern
from chatbot.core.secret import Secret
from chatbot.core.settings import Settings, SettingsError, fingerprint
from chatbot.core.shared_state import SharedState
from chatbot.core.waiting import under_gevent
from chatbot.metrics.board import Board
from chatbot.metrics.families import BLOCKED, LAG, STARTS
from chatbot.metrics.minutes import MinutesFile
from chatbot.metrics.registry import Registry
from chatbot.relay.measures import Measures
from chatbot.relay.running import Running
from chatbot.shared.drain import Drain
from chatbot.shared.files import FilesState
from chatbot.shared.latency import Latency, RedisMinutes
from chatbot.shared.machine_meter import MachineMeter
from chatbot.shared.machines import Roll, machine_name
from chatbot.shared.process import ProcessState
from chatbot.shared.steady import SteadyState
from chatbot.shared.steady_meter import SteadyMeter
from chatbot.shared.webhook import Webhook
from chatbot.store.conversations import ConversationStore
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from chatbot.store.spool import Spool
from chatbot.store.upkeep import Upkeep
from chatbot.store.usage import UsageStore
from chatbot.store.writer import Writer
from chatbot.upstream.breaker import Breakers
from chatbot.upstream.mock import MockProvider
from chatbot.upstream.openai_http import HTTPProvider
from chatbot.upstream.provider import Provider
from chatbot.upstream.route import Router

if TYPE_CHECKING:
    from chatbot.shared.redis import RedisState

SECRET_KEY_FILE = "secret-key"  # noqa: S105  a file's name
"""What signs sessions, in the data directory, where CHATBOT_SECRET_KEY is not set."""


@dataclass
class Services:
    """What the web and the library use."""

    settings: Settings
    signer: Signer
    router: Router
    chat: ChatService
    running: Running
    drain: Drain
    state: SharedState
    breakers: Breakers
    metrics: Registry
    database: Database
    directory: Directory
    logins: Logins
    conversations: ConversationStore
    conversing: Conversing
    trials: Trials
    writer: Writer
    upkeep: Upkeep
    meter: Meter
    gate: Gate
    budgets: Budgets
    usage: UsageStore
    board: Board
    measures: Measures | None
    hub: HubWatch
    roll: Roll | None
    latency: Latency | None
    _process: int = field(default=0)

    @cached_property
    def public_origin(self) -> str:
        """Scheme and host of CHATBOT_PUBLIC_URL; empty where it is not set."""
        parts = urlsplit(self.settings.public_url)
        return check_pattern(f"{parts.scheme}://{parts.netloc}") if parts.netloc else ""

    def start(self) -> None:
        """Begin what goes on beside the requests. Safe to call again, also after a fork.

        A process may have been idle since long before: what it knows of keys is brought up to date first.
        """
        if self._process != os.getpid():
            self._process = os.getpid()
            self._start_counting()
            self.directory.look()
            self.directory.start()
            self.writer.start()
            self.upkeep.start()
            self.budgets.start()

    def _start_counting(self) -> None:
        self.board.open()
        if self.board.trouble:
            log("metrics_alone", level=logging.WARNING, reason=self.board.trouble)
        self.board.add(STARTS)
        if self.roll is not None:
            self.roll.start()
        if self.measures is not None:
            self.measures.start()
            self.hub.start()
        if self.latency is not None:
            self.latency.start()

    def close(self) -> None:
        """Save what there is to save, and end."""
        self.hub.stop()
        if self.latency is not None:
            self.latency.close()
        if self.roll is not None:
            self.roll.close()
        self.directory.close()
        self.budgets.close()
        self.upkeep.close()
        self.writer.close()
        self.database.close()
        self.board.close()

    def standing(self) -> dict[str, object]:
        """How this server is, for its operator: breakers by target, where state and data are kept."""
        standings = self.breakers.standings(self.router.target_names)
        database = {
            "kind": self.database.name,
            "away": self.writer.is_away or self.directory.is_away,
            "not_saved": self.writer.lost,
        }
        return {
            "breakers": standings,
            "shared_state": self.state.name,
            "limits": self.meter.name,
            "database": database,
            "stopped": dict(self.directory.stops),
        }


def metrics_folder(settings: Settings) -> Path:
    """Where the workers of this machine keep what they count."""
    return settings.data_dir / "state" / "metrics"


def build_board(settings: Settings) -> Board:
    """What this process counts on, in the data directory."""

    def about() -> dict[str, object]:
        mine = {"version": __version__, "configuration": fingerprint(settings)}
        return {"pid": os.getpid(), "started": time.time(), **mine}

    return Board(metrics_folder(settings), about, locks=not under_gevent())


def build_hub(board: Board) -> HubWatch:
    """What watches the event loop."""
    return HubWatch(lambda seconds: board.observe(LAG, seconds), lambda: board.add(BLOCKED))


def build_latency(settings: Settings, board: Board, redis: RedisState | None) -> Latency | None:
    """The last day by minutes; None where nothing is counted."""
    if not settings.latency_metrics_enabled:
        return None
    files = FilesState(settings.data_dir / "state")  # each machine has its own
    shared = RedisMinutes(redis, machine_name(settings.data_dir)) if redis is not None else None
    file = MinutesFile(metrics_folder(settings))
    return Latency(board.read, file, shared, lambda: files.lease("latency"))


def build_router(settings: Settings) -> Router:
    """The providers of the settings; the mock where there is none."""
    for config in settings.providers:
        hide(config.api_key)
    providers: list[Provider] = [HTTPProvider(config) for config in settings.providers]
    if settings.uses_mock:
        return Router([MockProvider()], (), settings.model or "mock")
    return Router(providers, settings.routes, settings.model)


def build_state(settings: Settings, redis: RedisState | None) -> SharedState:
    """What workers share: Redis where it is given, else files of the machine."""
    files = SteadyState(FilesState(settings.data_dir / "state"), ProcessState())
    return files if redis is None else SteadyState(redis, files)


def build_meter(settings: Settings, redis: RedisState | None) -> Meter:
    """What counts: Redis where it is given, else files of the machine."""
    machine = MachineMeter(settings.data_dir / "state")
    if redis is None:
        return machine
    from chatbot.shared.redis_meter import RedisMeter

    return SteadyMeter(RedisMeter(redis), machine)


def build_redis(settings: Settings) -> RedisState | None:
    """The Redis of the settings, not connected yet. Raises `SettingsError`."""
    if not settings.redis_url:
        return None
    from chatbot.shared.redis import RedisState

    hide(settings.redis_url)
    try:
        return RedisState(settings.redis_url)
    except ValueError:
        raise SettingsError(
            "CHATBOT_REDIS_URL can't be used: expected redis://host:6379/0"
        ) from None


def build_signer(settings: Settings) -> Signer:
    """The signer of sessions: with CHATBOT_SECRET_KEY, or a secret that is made and kept. Raises `SettingsError`."""
    if settings.database_url and not settings.secret_key:
        log("secret_key_of_this_machine_alone", level=logging.WARNING, setting="CHATBOT_SECRET_KEY")
    secret = signing_secret(settings)
    hide(secret)
    return Signer(secret)


def signing_secret(settings: Settings) -> Secret:
    """CHATBOT_SECRET_KEY, or what is made and kept in its place. Raises `SettingsError`."""
    kept = settings.data_dir / SECRET_KEY_FILE
    return settings.secret_key or kept_secret(kept, lambda: token_urlsafe(32))[0]


def build_webhook(settings: Settings) -> Send | None:
    """What tells the owner's server; None where there is none."""
    if not settings.webhook_url:
        return None
    hide(settings.webhook_secret)
    return Webhook(settings.webhook_url, settings.webhook_secret).send


def build_database(settings: Settings) -> Database:
    """The database of the settings, not connected yet. Raises `SettingsError`."""
    hide(settings.database_url)
    return Database(settings.database_url, settings.data_dir)


def prepare(settings: Settings, database: Database) -> None:
    """Bring the database up to date, and make at the first start what there has to be.

    Raises `SettingsError`, `StoreAway`.
    """
    database.prepare()
    store, key = DirectoryStore(database), None
    has_one = (settings.data_dir / FIRST_KEY_FILE).exists()
    # A machine that joins others finds their keys: it makes none of its own.
    if not settings.api_keys and (has_one or database.is_sqlite or not store.number()):
        key, _ = first_key(settings.data_dir)
        hide(key)
    first_run(store, key, alone=database.is_sqlite)


def build_services(settings: Settings) -> Services:
    """Build all services. Raises `SettingsError`."""
    for key in settings.api_keys:
        hide(key)
    redis = build_redis(settings)
    state, meter = build_state(settings, redis), build_meter(settings, redis)
    router, signer = build_router(settings), build_signer(settings)
    breakers, database = Breakers(state), build_database(settings)
    board = build_board(settings)
    running = Running(min(settings.max_streams, room_for_streams()), board.say_live)
    conversations = ConversationStore(database)
    writer = Writer(database, Spool(settings.data_dir / "spool"))
    directory = Directory(
        DirectoryStore(database),
        state,
        fixed_keys(settings.api_keys),
        prepare=lambda: prepare(settings, database),
        on_ended=running.stop_keys,
        on_stopped=running.stop_keys,
    )
    directory.look()
    usage, trials = UsageStore(database), Trials(signer, uses_mock=settings.uses_mock)
    budgets = Budgets(directory, meter, usage, state, build_webhook(settings))
    return Services(
        settings=settings,
        signer=signer,
        router=router,
        chat=ChatService(router, breakers, directory.stopped_providers),
        running=running,
        drain=Drain(settings.data_dir),
        state=state,
        breakers=breakers,
        metrics=registry_of(
            router,
            breakers,
            board,
            meter,
            lambda: directory.bots,
            lambda: directory.keys,
            lambda: writer.is_away,
        ),
        database=database,
        directory=directory,
        logins=Logins(state),
        conversations=conversations,
        conversing=Conversing(signer, conversations, writer, trials, settings.model_of_bots),
        trials=trials,
        writer=writer,
        upkeep=Upkeep(conversations, state),
        meter=meter,
        gate=Gate(meter, budgets.on_used),
        budgets=budgets,
        usage=usage,
        board=board,
        measures=Measures(board) if settings.latency_metrics_enabled else None,
        hub=build_hub(board),
        roll=None if redis is None else Roll(state, board.read, settings.data_dir),
        latency=build_latency(settings, board, redis),
    )

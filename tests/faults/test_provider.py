"""Every way in which a provider fails, all at the same time through one worker, held to the invariants."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatbot.upstream.mock_api import script_for
from chatbot.upstream.mock_faults import FAULTS
from chatbot.upstream.mock_server import MockServer
from chatbot.upstream.mock_text import answer_text, tokens_of
from tests.faults import invariants
from tests.faults.invariants import PROVIDER_KEY, Run
from tests.faults.rows import UPSTREAM, Row
from tests.server import Client, running, wait_for

THREADS = 8
PLACES = 2 * THREADS
TOML = """
[[provider]]
name = "odd"
base_url = "{odd}"
api_key_env = "ODD_KEY"
timeouts = {{ connect = 2, first_token = 1.5, first_token_last = 2, idle = 0.8, total = 6 }}
[[provider]]
name = "well"
base_url = "{well}"
[[route]]
model = "mock-pair-*"
targets = ["odd/*", "well/*"]
"""
ROUTES = """
[[route]]
model = "mock-{fault}"
targets = ["odd/*"]
[[route]]
model = "mock-pair-{fault}"
targets = ["odd/*", "well/*"]
"""
CUT_WHEN_PLAIN = ("length_too_long",)
CASES = [(row, setting) for row in UPSTREAM for setting in ("alone", "pair", "plain")
         if getattr(row, setting)]  # fmt: skip


def _well(method, path, body):
    payload = json.loads(body)
    payload["mock"].pop("fault", None)
    return script_for(method, path, json.dumps(payload).encode())


class World:
    """One server, its two providers, and what came of every case."""

    def __init__(self, server, odd, well) -> None:
        self.server, self.odd, self.well = server, odd, well
        self.runs: dict[tuple[str, str], Run] = {}
        self.health: tuple[list[int], list[float]] = ([], [])
        self._over = threading.Event()

    def run(self, case: tuple[Row, str]) -> Run:
        row, setting = case
        canary = f"canary{row.fault}-{setting}-end"
        model = f"mock-pair-{row.fault}" if setting == "pair" else f"mock-{row.fault}"
        mock = {"fault": row.fault, "first_token": 0, "pace": 0.002, "tokens": 60, **row.mock}
        payload = {"model": model, "messages": [{"role": "user", "content": canary}], "mock": mock,
                   "stream": setting != "plain"}  # fmt: skip
        if payload["stream"]:
            payload["stream_options"] = {"include_usage": True}
            if row.fault == "stream_options_refused":
                del payload["stream_options"]
        with Client(self.server.port) as client:
            reply = client.chat(**payload)
        expected = {"alone": row.alone, "pair": row.pair, "plain": row.plain}[setting]
        text = "".join(tokens_of(answer_text(payload), 60))
        return Run(
            canary, text, expected, _calls(row, setting), reply, time.monotonic(), payload["stream"]
        )

    def poll_health(self) -> None:
        while not self._over.wait(0.03):
            begin = time.monotonic()
            with Client(self.server.port) as client:
                self.health[0].append(client.get("/healthz").status)
            self.health[1].append(time.monotonic() - begin)

    def run_all(self) -> None:
        poller = threading.Thread(target=self.poll_health)
        poller.start()
        with ThreadPoolExecutor(THREADS) as pool:
            for case, run in zip(CASES, pool.map(self.run, CASES), strict=True):
                self.runs[case[0].fault, case[1]] = run
        self._over.set()
        poller.join()
        wait_for(lambda: all("at" in entry for entry in [*self.odd.log, *self.well.log]))
        self.gather()

    def gather(self) -> None:
        """Give each run its calls and its lines of the log."""
        ids = {run.reply.headers["x-request-id"]: run for run in self.runs.values()}
        wait_for(lambda: {n.get("request_id") for n in self._requests()} >= set(ids))
        for line in self.server.log():
            if line.get("request_id") in ids:
                ids[line["request_id"]].lines.append(line)
        for run in self.runs.values():
            run.calls = sorted(
                (e for e in [*self.odd.log, *self.well.log] if run.canary in e["body"]),
                key=lambda entry: entry["began"],
            )

    def _requests(self) -> list[dict]:
        return [line for line in self.server.log() if line["event"] == "request"]


def _calls(row: Row, setting: str) -> int:
    """How often providers are asked: a second target is asked once, in place of the same once more."""
    if setting == "alone":
        return row.calls
    if setting == "plain":
        return 3 if row.calls == 3 or row.fault in CUT_WHEN_PLAIN else 1
    moved_on = row.pair == "whole" and row.alone != "whole"
    after_content = row.alone.startswith("event")
    return (1 if after_content else row.calls) + moved_on


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    odd, well = MockServer().start(), MockServer(scripts=_well).start()
    toml = TOML.format(odd=odd.base_url, well=well.base_url).replace(
        '\n[[route]]\nmodel = "mock-pair-*"\ntargets = ["odd/*", "well/*"]\n', ""
    )
    routes = "".join(ROUTES.format(fault=row.fault) for row in UPSTREAM)
    (folder / "c.toml").write_text(toml + routes)
    with running(
        folder, CHATBOT_CONFIG=str(folder / "c.toml"), ODD_KEY=PROVIDER_KEY,
        CHATBOT_MAX_STREAMS=str(PLACES),
    ) as server:  # fmt: skip
        made = World(server, odd, well)
        made.run((Row("slow_headers", "whole"), "alone"))
        odd.log.clear()
        made.before = server.counts()
        made.run_all()
        yield made
    odd.stop()
    well.stop()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("row", "setting"), CASES, ids=[f"{row.fault}-{setting}" for row, setting in CASES]
)
def test_each_fault_keeps_the_invariants(world, row, setting):
    invariants.check(world.runs[row.fault, setting], list(world.runs.values()))


@pytest.mark.fault
def test_no_key_and_no_text_is_in_the_log(world):
    invariants.no_secrets_logged(world.server.log_file.read_text(), list(world.runs.values()))


@pytest.mark.fault
def test_the_server_was_healthy_all_the_time(world):
    assert len(world.health[0]) > 20
    invariants.healthy(*world.health)


@pytest.mark.fault
def test_nothing_is_left_behind(world):
    after = wait_for(
        lambda: (now := world.server.counts())["greenlets"] <= world.before["greenlets"] and now
    )
    invariants.recovered(world.before, after, pooled=2 * THREADS + 2)


@pytest.mark.fault
def test_every_place_was_given_back(world):
    held = [Client(world.server.port) for _ in range(PLACES)]
    try:
        for client in held:
            client.send_chat(stream=True, model="mock-stall", mock={"pace": 0.2, "first_token": 0})
        assert [client.head().status for client in held] == [200] * PLACES
        with Client(world.server.port) as client:
            assert client.chat(stream=True).status == 503
    finally:
        for client in held:
            client.sock.close()


def test_every_fault_of_the_mock_is_in_the_matrix():
    assert {row.fault for row in UPSTREAM} == set(FAULTS)

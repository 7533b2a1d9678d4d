"""The sixteen scenarios of FailoverBench's public catalogue (methodology 0.1), by its own scoring.

Its provider, told by the model's name how to fail; its timing (`full`); a fallback that gives the same answer
of sixty words; our default settings. `pass` there is: the caller got the whole answer (S13: a clean error)
and each check, advisory ones too, holds. All sixteen run side by side; S15 takes 77 s by itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from chatbot.protocol.sse_encoder import DONE, encode_event
from chatbot.upstream.mock_script import Script, body_script, error_script
from chatbot.upstream.mock_server import MockServer
from tests.server import Client, running

WORDS = [f"word{n}" for n in range(60)]
OUTAGE = 60.0
PACE = 0.015


@dataclass
class Result:
    """What the caller and the provider saw of one scenario."""

    answered: bool
    complete: bool
    elapsed: float
    model: str = ""
    usage: dict | None = None
    error: dict | None = None
    primary: list[float] = field(default_factory=list)
    fallback: list[float] = field(default_factory=list)
    prefill_refused: bool = False
    alive: bool = False


def good(payload: dict, words: list[str] = WORDS) -> Script:
    """The canonical answer, streamed or whole."""
    top = {"id": "chatcmpl-fb", "created": 1, "model": payload["model"]}
    usage = {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80}
    if not payload.get("stream"):
        message = {"role": "assistant", "content": " ".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return body_script(json.dumps({**top, "choices": [choice], "usage": usage}).encode())

    def chunk(delta: dict, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return encode_event({**top, "object": "chat.completion.chunk", "choices": [choice]})

    steps = [(0.0, chunk({"role": "assistant", "content": ""}))]
    steps += [(PACE, chunk({"content": (" " if n else "") + w})) for n, w in enumerate(words)]
    steps.append((0.0, chunk({}, "stop")))
    if (payload.get("stream_options") or {}).get("include_usage"):
        steps.append((0.0, encode_event({**top, "choices": [], "usage": usage})))
    return Script([*steps, (0.0, DONE)])


Fault = Callable[[Script, int, float], Script]
"""The script for (a good one, the number of this attempt, seconds since the first)."""


def first_only(bad: Callable[[Script], Script]) -> Fault:
    return lambda script, attempt, _: bad(script) if attempt == 1 else script


def always(bad: Callable[[Script], Script]) -> Fault:
    return lambda script, *_: bad(script)


def status(code: int, name: str, **headers: str) -> Callable[[Script], Script]:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda _: error_script(code, f"about {name}", name, named)


def cut(script: Script) -> Script:
    return replace(script, steps=list(script.steps)[:41], end="cut")


def slow_first_token(script: Script) -> Script:
    steps = list(script.steps)
    return replace(script, steps=[steps[0], (20.0, steps[1][1]), *steps[2:]])


def stall(script: Script) -> Script:
    return replace(script, steps=[*list(script.steps)[:21], (30.0, b"")], end="cut")


def malformed(script: Script) -> Script:
    steps = list(script.steps)
    return replace(script, steps=[*steps[:10], (PACE, b'data: {"broken\n\n'), *steps[10:]])


Checks = dict[str, Callable[[Result], bool]]


@dataclass
class Scenario:
    """One scenario: how the primary fails, and what is checked besides the answer."""

    title: str
    fault: Fault
    checks: Checks
    fallback: str = "fb-ok"
    wants_error: bool = False


def within(seconds: float) -> Callable[[Result], bool]:
    return lambda r: r.elapsed <= seconds


def attempts(low: int, high: int) -> Callable[[Result], bool]:
    return lambda r: low <= len(r.primary) <= high


def no_more_than(count: int, seconds: float) -> Callable[[Result], bool]:
    return lambda r: sum(t - r.primary[0] < seconds for t in r.primary) <= count


SCENARIOS = {
    "S01": Scenario("429 with Retry-After",
        first_only(status(429, "rate_limit_exceeded", Retry_After="2")),
        {"retried": attempts(2, 9), "no_hammer": no_more_than(2, 1.5),
         "retry_after_honoured": lambda r: r.primary[1] - r.primary[0] >= 1.8}),
    "S02": Scenario("429 without Retry-After, persistent",
        always(status(429, "rate_limit_exceeded")),
        {"no_hammer": no_more_than(4, 3), "bounded_attempts": attempts(1, 6)}),
    "S03": Scenario("500 once, then healthy", first_only(status(500, "server_error")),
        {"same_provider_retry": attempts(2, 9)}),
    "S04": Scenario("503 persistent", always(status(503, "overloaded")),
        {"bounded_attempts": attempts(1, 6)}),
    "S05": Scenario("TCP reset before headers",
        first_only(lambda s: replace(s, head_reset=True)), {"no_hang": within(20)}),
    "S06": Scenario("No response at all", always(lambda s: replace(s, head_delay=None)),
        {"within_budget": within(100), "silent_route_not_retried": attempts(1, 1)}),
    "S07": Scenario("Slow first token", always(slow_first_token), {"ttft_limit": within(15)}),
    "S08": Scenario("Stream cut mid-answer", always(cut), {"no_hang": within(40)}),
    "S09": Scenario("Stream stalls", always(stall),
        {"bounded": within(45), "alive_after": lambda r: r.alive}),
    "S10": Scenario("Malformed chunk in the stream", always(malformed),
        {"alive_after": lambda r: r.alive, "no_hang": within(30)}),
    "S11": Scenario("Stream ends without [DONE]",
        always(lambda s: replace(s, steps=list(s.steps)[:-1])),
        {"prompt_finalise": within(8), "usage_reported": lambda r: bool(r.usage)}),
    "S12": Scenario("Context length exceeded", always(status(400, "context_length_exceeded")),
        {"no_same_model_retry": attempts(1, 1), "no_hang": within(20)}),
    "S13": Scenario("Content-filter rejection", always(status(400, "content_policy_violation")),
        {"no_same_model_retry": attempts(1, 1), "no_hang": within(20),
         "not_routed_around": lambda r: not r.fallback,
         "reason_passed_on": lambda r: r.error["message"] == "about content_policy_violation"},
        wants_error=True),
    "S14": Scenario("Fallback target rejects prefill", always(cut),
        {"no_prefill_masking": lambda r: r.answered or not r.prefill_refused},
        fallback="fb-ok-noprefill"),
    "S16": Scenario("Fail-over accounting", always(status(503, "overloaded")),
        {"reports_fallback_model": lambda r: r.model == "fb-ok",
         "usage_present": lambda r: bool(r.usage), "bounded_attempts": attempts(1, 6)}),
}  # fmt: skip
S15 = "S15 Primary flaps: down, then healthy"


class Wall:
    """The catalogue's provider: the model's name says how it fails."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: dict[str, list[float]] = {}
        self.prefill_refused: set[str] = set()
        self.server = MockServer(scripts=self.answer).start()

    def answer(self, _method, _path, body):
        payload = json.loads(body)
        name = payload["model"]
        key = self.key(name, payload)
        with self._lock:
            times = self.asked.setdefault(key, [])
            times.append(time.monotonic())
        script = good(payload)
        if name == "fb-ok-noprefill" and payload["messages"][-1]["role"] == "assistant":
            self.prefill_refused.add(key)
            return error_script(400, "no prefill", "invalid_prefill")
        if name == "S15":
            down = time.monotonic() - times[0] < OUTAGE
            return status(503, "overloaded")(script) if down else script
        if name in SCENARIOS:
            return SCENARIOS[name].fault(script, len(times), time.monotonic() - times[0])
        return script

    @staticmethod
    def key(name: str, payload: dict) -> str:
        """A fallback is asked for many scenarios: which one, the question says."""
        return (
            name
            if name in SCENARIOS or name == "S15"
            else f"{payload['messages'][0]['content']}/fallback"
        )


def toml(url: str) -> str:
    routes = {name: scenario.fallback for name, scenario in SCENARIOS.items()} | {"S15": "fb-ok"}
    return f'[[provider]]\nname = "wall"\nbase_url = "{url}"\n' + "".join(
        f'[[route]]\nmodel = "{name}"\ntargets = ["wall/*", "wall/{fallback}"]\n'
        for name, fallback in routes.items()
    )


def ask(port: int, model: str, question: str, *, stream: bool = True) -> Result:
    begin = time.monotonic()
    options = {"stream_options": {"include_usage": True}} if stream else {}
    with Client(port) as client:
        client.sock.settimeout(130)
        reply = client.chat(model=model, stream=stream, **options,
                            messages=[{"role": "user", "content": question}])  # fmt: skip
    elapsed = time.monotonic() - begin
    if reply.status != 200:
        return Result(False, False, elapsed, error=reply.json["error"])
    if not stream:
        return Result(
            True, reply.json["choices"][0]["message"]["content"] == " ".join(WORDS), elapsed
        )
    chunks = [json.loads(e) for e in reply.events if e != "[DONE]"]
    errors = [c["error"] for c in chunks if "error" in c]
    text = "".join(
        c["choices"][0]["delta"].get("content") or "" for c in chunks if c.get("choices")
    )
    return Result(
        answered=not errors and reply.events[-1] == "[DONE]",
        complete=text == " ".join(WORDS),
        elapsed=elapsed,
        model=[c["model"] for c in chunks if "model" in c][-1],
        usage=next((c["usage"] for c in chunks if c.get("usage")), None),
        error=errors[0] if errors else None,
    )


class Bench:
    """All scenarios, run once."""

    def __init__(self, port: int, wall: Wall) -> None:
        self.port, self.wall = port, wall
        self.results: dict[str, Result] = {}
        self.flaps: list[tuple[float, Result]] = []

    def single(self, name: str) -> None:
        result = ask(self.port, name, name)
        result.primary = self.wall.asked.get(name, [])
        result.fallback = self.wall.asked.get(f"{name}/fallback", [])
        result.prefill_refused = f"{name}/fallback" in self.wall.prefill_refused
        result.alive = ask(self.port, "fb-ok", "alive", stream=False).complete
        self.results[name] = result

    def sequence(self) -> None:
        """Twenty requests, one every 4 s, across an outage of 60 s."""
        begin, pause = time.monotonic(), threading.Event()
        for number in range(20):
            pause.wait(max(0.0, begin + 4 * number - time.monotonic()))
            sent = time.monotonic() - begin
            self.flaps.append((sent, ask(self.port, "S15", "S15")))

    def run(self) -> None:
        with ThreadPoolExecutor(len(SCENARIOS) + 1) as pool:
            jobs = [pool.submit(self.sequence)]
            jobs += [pool.submit(self.single, name) for name in SCENARIOS]
            for job in jobs:
                job.result()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder, wall = tmp_path_factory.mktemp("scenarios"), Wall()
    (folder / "c.toml").write_text(toml(wall.server.base_url))
    with running(folder, CHATBOT_CONFIG=str(folder / "c.toml")) as server:
        made = Bench(server.port, wall)
        made.run()
        yield made
    wall.server.stop()


def scenario(name: str):
    row = f"{name} {SCENARIOS[name].title}"
    return pytest.param(name, id=name, marks=pytest.mark.fault(row))


@pytest.mark.parametrize("name", [scenario(name) for name in SCENARIOS])
def test_a_scenario_passes(bench, name):
    result, wanted = bench.results[name], SCENARIOS[name]
    if wanted.wants_error:
        assert not result.answered
    else:
        assert (result.answered, result.complete) == (True, True)
    failed = [check for check, holds in wanted.checks.items() if not holds(result)]
    assert not failed, result


@pytest.mark.fault(S15)
def test_s15_the_circuit_opens_is_probed_and_closes(bench):
    assert len(bench.flaps) == 20
    assert all(r.complete and r.elapsed <= 30 for _, r in bench.flaps), (
        "nobody waits, all are served"
    )
    times = bench.wall.asked["S15"]
    healthy = [t - times[0] for t in times if t - times[0] >= OUTAGE]
    assert healthy[0] - OUTAGE <= 30, "the primary is used again soon"
    assert bench.flaps[-1][1].model == "S15"
    during = sum(t - times[0] < OUTAGE for t in times)
    requests = sum(sent < OUTAGE for sent, _ in bench.flaps)
    assert during <= requests, "a circuit breaker asks the primary less often than it is asked for"

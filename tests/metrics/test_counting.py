"""What is counted behind a real server: by all of its workers, the dead too, and bounded whatever is sent."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter

import pytest

from chatbot.metrics.families import FAMILIES, MODEL
from chatbot.upstream.mock_script import error_script, write_script
from chatbot.upstream.mock_server import MockServer
from tests.metrics.prometheus import Metrics
from tests.server import KEY, Client, _children, running, wait_for

DURATION = "gen_ai_server_request_duration_seconds"
FIRST_TOKEN = "gen_ai_server_time_to_first_token_seconds"
MODELS = 5
FEWER = f"""
import chatbot.metrics.families as families
families.CAPS[families.MODEL] = {MODELS}
"""


def metrics(server) -> Metrics:
    with Client(server.port) as client:
        return Metrics(client.get("/metrics").body.decode())


def ask(server, **payload):
    with Client(server.port) as client:
        return client.chat(
            **{"stream": True, "mock": {"tokens": 3, "pace": 0.001, "first_token": 0}, **payload}
        )


def when(server, name: str, value: float, **labels: str) -> Metrics:
    """The metrics once they say so: a request is counted behind its last byte."""

    def found():
        now = metrics(server)
        return now if now.value(name, **labels) == value else None

    return wait_for(found)


def workers(server) -> list[int]:
    return _children(server.process.pid)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("counting"), hold=0.05, beat=0.05, extra=FEWER) as found:
        yield found


def test_counters_go_on_where_a_worker_is_killed_or_all_are_replaced_and_gauges_end_with_theirs(
    tmp_path,
):
    with running(tmp_path, WEB_CONCURRENCY="2") as server:
        wait_for(lambda: metrics(server).value("chatbot_workers") == 2)
        for _ in range(12):
            assert ask(server).events[-1] == "[DONE]"
        before = when(server, f"{DURATION}_count", 12, code="ok")
        assert before.value(f"{FIRST_TOKEN}_count") == 12
        with Client(server.port) as client:
            client.send_chat(stream=True, mock={"pace": 30})
            client.head()
            wait_for(lambda: metrics(server).value("chatbot_live_streams") == 1)
            for worker in workers(server):
                os.kill(worker, signal.SIGKILL)
            wait_for(lambda: len(workers(server)) == 2)
            after = wait_for(lambda: _two(server))
        assert after.value("chatbot_live_streams") == 0
        assert after.value("chatbot_worker_starts_total") == 4
        assert _not_less(before, after)
        old = workers(server)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not set(old) & set(workers(server)))
        again = wait_for(lambda: _two(server))
        assert again.value("chatbot_worker_starts_total") == 6
        assert _not_less(after, again)
        assert ask(server).events[-1] == "[DONE]"
        when(server, f"{DURATION}_count", 13, code="ok")
    assert len(list((tmp_path / "state" / "metrics").glob("*.map"))) <= 4, "the dead are put away"
    with running(tmp_path) as server:
        assert metrics(server).value(f"{DURATION}_count", code="ok") == 13, "also over a restart"


def _two(server):
    """The metrics, once two workers live and both have counted their start."""
    try:
        found = metrics(server)
    except OSError:
        return None
    return found if found.value("chatbot_workers") == 2 else None


def _not_less(before: Metrics, after: Metrics) -> bool:
    now = after.counters()
    return all(now[series] >= value for series, value in before.counters().items())


def test_whoever_makes_up_names_gets_no_series_of_his_own(server):
    for number in range(2 * MODELS):
        ask(server, model=f"made-up-{number}")
    ask(server, model="a text that somebody typed, and no name")
    ask(server, model=f"{KEY}")
    found = metrics(server)
    names = {labels[MODEL] for labels, _ in found.samples[f"{DURATION}_count"]}
    assert len(names) == MODELS + 1
    assert "other" in names
    assert not any(" " in name or KEY in name for name in names)
    for number in range(2 * MODELS):
        ask(server, model=f"missing-{number}", mock={"fault": "404"})
    later = metrics(server)
    assert not any(
        "missing" in n for n in (of[MODEL] for of, _ in later.samples[f"{DURATION}_count"])
    )


def test_what_went_otherwise_is_counted_by_its_code(server):
    before = metrics(server)
    with Client(server.port) as client:
        client.chat(key="sk_wrong")
    with Client(server.port) as client:
        assert client.chat(stream=True, mock={"fault": "reset_before_headers"}).status == 502
    ask(server, mock={"tokens": 2, "first_token": 0.3})
    of_all = f"{DURATION}_count"
    found = when(server, of_all, before.value(of_all) + 2)

    def more(name, **labels):
        return found.value(name, **labels) - before.value(name, **labels)

    assert more("chatbot_refusals_total", code="invalid_api_key") == 1
    assert more(f"{DURATION}_count", code="upstream_unreachable") == 1
    assert more("chatbot_heartbeats_total") >= 2
    assert more("chatbot_overhead_seconds_count", part="request") == 2
    assert more("chatbot_overhead_seconds_count", part="answer") == 1


def test_attempts_that_failed_are_counted_for_the_provider_that_failed(tmp_path):
    ill = MockServer(scripts=lambda *_: error_script(503, "no", "no")).start()
    well = MockServer(scripts=lambda _m, _p, body: write_script(json.loads(body))).start()
    (tmp_path / "c.toml").write_text(
        f'[[provider]]\nname = "ill"\nbase_url = "{ill.base_url}"\nretries = 1\n'
        f'[[provider]]\nname = "well"\nbase_url = "{well.base_url}"\n'
        '[[route]]\nmodel = "*"\ntargets = ["ill/*", "well/*"]\n'
    )
    with running(tmp_path, CHATBOT_CONFIG=str(tmp_path / "c.toml")) as server:
        reply = ask(server)
        found = when(server, f"{DURATION}_count", 1)
    ill.stop()
    well.stop()
    assert found.value("chatbot_retries_total", gen_ai_provider_name="ill") == 1
    assert found.value("chatbot_failovers_total", gen_ai_provider_name="ill") == 1
    assert found.value(f"{DURATION}_count", gen_ai_provider_name="well", code="ok") == 1
    names = [part.split(";")[0] for part in reply.as_sent["server-timing"].split(", ")]
    assert names == ["auth", "limits", "retries", "connect", "upstream", "first-byte"]
    parts = [float(part.split("dur=")[1]) for part in reply.as_sent["server-timing"].split(", ")]
    assert sum(parts[:-1]) <= parts[-1] + 0.1 * len(parts), "the parts of the whole"


def test_a_departure_is_timed_until_the_provider_is_let_go(server):
    before = metrics(server).value("chatbot_departure_seconds_count")
    with Client(server.port) as client:
        client.send_chat(stream=True, mock={"pace": 30})
        client.head()
    found = wait_for(lambda: _departed(server, before))
    assert found.value(f"{DURATION}_count", code="client_left") >= 1


def _departed(server, before):
    found = metrics(server)
    return found if found.value("chatbot_departure_seconds_count") > before else None


def test_where_the_folder_is_gone_no_request_fails_and_nothing_is_shown_that_would_go_back(
    tmp_path,
):
    with running(tmp_path) as server:
        shutil.rmtree(tmp_path / "state")
        (tmp_path / "state").write_text("in the way")
        assert ask(server, model="new").events[-1] == "[DONE]"
        with Client(server.port) as client:
            assert client.get("/metrics").status == 503


def test_every_name_of_the_table_is_there_with_its_type(server):
    found = metrics(server)
    assert found.types.items() >= {f.name: f.kind for f in FAMILIES}.items()
    counted = Counter(name.split("_")[0] for name in found.types)
    assert set(counted) == {"gen", "chatbot"}
    assert found.value("chatbot_build_info") == 1
    assert found.value("chatbot_budget_limit_tokens", bot="demo", budget="tokens_per_day") > 0
    assert found.value("chatbot_budget_used_tokens", bot="demo", budget="tokens_per_day") == 0

"""Shared state: the same behaviour in one process, on one machine and in Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chatbot.core.secret import Secret
from chatbot.core.shared_state import StateAway
from chatbot.shared import redis as redis_state
from chatbot.shared import steady
from chatbot.shared.files import FilesState
from chatbot.shared.process import ProcessState
from chatbot.shared.redis import RedisState
from chatbot.shared.steady import SteadyState
from tests.engines import redis_server
from tests.ports import free_port
from tests.server import ROOT, wait_for

OTHER = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from chatbot.core.secret import Secret
from chatbot.shared.files import FilesState
from chatbot.shared.redis import RedisState
state = {state}
{code}
"""
COUNT = """
from chatbot.core.shared_state import StateAway
for _ in range(100):
    while True:
        try:
            state.change("n", lambda r: {"n": (r or {"n": 0})["n"] + 1}, 60)
            break
        except StateAway:  # locked for too long, on a busy machine: nothing has changed
            pass
"""
HOLD = """
assert state.lease("one") is not None
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.fixture
def connect():
    """Makes states in Redis, and closes their connections at the end."""
    made = []

    def state(url):
        made.append(RedisState(Secret(url)))
        return made[-1]

    yield state
    for state in made:
        state._redis.close()


@pytest.fixture(params=["process", "files", "redis"])
def backend(request, tmp_path, connect):
    """A state, and the code that makes the same one elsewhere (None: nobody else can see it)."""
    if request.param == "process":
        return ProcessState(), None
    if request.param == "files":
        return FilesState(tmp_path / "state"), f"FilesState(Path({str(tmp_path / 'state')!r}))"
    url = request.getfixturevalue("redis_url")
    state = connect(url)
    state._redis.flushall()
    return state, f"RedisState(Secret({url!r}))"


def elsewhere(made: str, code: str) -> subprocess.Popen:
    text = OTHER.format(root=str(ROOT), state=made, code=code)
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)


def test_a_record_is_changed_read_and_forgotten(backend):
    state, _ = backend
    assert state.read("a/b *") is None
    assert state.change("a/b *", lambda old: {"old": old, "n": 1}, 60) == {"old": None, "n": 1}
    assert state.read("a/b *") == {"old": None, "n": 1}
    assert state.read("a/b") is None
    assert state.change("a/b *", lambda old: {"n": old["n"] + 1}, 60) == {"n": 2}
    assert state.change("a/b *", lambda _: None, 60) is None
    assert state.read("a/b *") is None


def test_a_record_expires(backend):
    state, _ = backend
    state.change("k", lambda _: {"n": 1}, 0.05)
    wait_for(lambda: state.read("k") is None, 2)
    assert state.change("k", lambda old: {"old": old}, 60) == {"old": None}


def test_a_lease_is_one_persons_until_given_back_and_giving_back_twice_harms_nobody(backend):
    state, _ = backend
    give_back = state.lease("one")
    assert state.lease("one") is None
    assert state.lease("two") is not None
    give_back()
    assert state.lease("one") is not None
    give_back()
    assert state.lease("one") is None


def test_no_change_is_lost_between_processes(backend):
    state, made = backend
    if made is None:
        threads = [threading.Thread(target=exec, args=(COUNT, {"state": state})) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for other in [elsewhere(made, COUNT) for _ in range(4)]:
            assert other.wait(60) == 0
            other.stdout.close()
    assert state.read("n") == {"n": 400}


def test_a_lease_ends_with_its_process(backend, monkeypatch):
    state, made = backend
    if made is None:
        return  # nobody else can hold one
    if "Redis" in made:
        made = made.replace("RedisState(", "(setattr(__import__('chatbot.shared.redis').shared.redis, "
                            "'LEASE_SECONDS', 0.5), RedisState)[1](")  # fmt: skip
    other = elsewhere(made, HOLD)
    assert other.stdout.readline() == "held\n"
    assert state.lease("one") is None
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    wait_for(lambda: state.lease("one") is not None)


def test_a_lease_in_redis_is_renewed_while_its_process_lives(redis_url, connect, monkeypatch):
    monkeypatch.setattr(redis_state, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(redis_state, "RENEW_SECONDS", 0.1)
    state, other = connect(redis_url), connect(redis_url)
    give_back = state.lease("renewed")
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        assert other.lease("renewed") is None
    give_back()
    assert other.lease("renewed") is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": 0}', "\x00", '{"at": 1e999}'])
def test_a_damaged_file_is_no_record_and_is_replaced(tmp_path, text):
    state = FilesState(tmp_path)
    (tmp_path / "k.json").write_text(text)
    assert state.read("k") is None
    assert state.change("k", lambda old: {"old": old}, 60) == {"old": None}
    assert state.read("k") == {"old": None}


def test_a_clock_that_was_set_back_does_not_keep_a_record_for_an_hour(tmp_path, monkeypatch):
    state = FilesState(tmp_path)
    state.change("k", lambda _: {"n": 1}, 60)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() - 3600)
    assert state.read("k") is None


def test_a_name_can_not_leave_the_folder(tmp_path):
    FilesState(tmp_path / "in").change("../../x", lambda _: {"n": 1}, 60)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_folder_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    state = FilesState(tmp_path / "file" / "state")
    with pytest.raises(StateAway, match="NotADirectoryError"):
        state.change("k", lambda _: {"n": 1}, 60)


def test_a_worker_that_is_stopped_with_the_lock_held_stops_nobody(tmp_path):
    state = FilesState(tmp_path)
    made = f"FilesState(Path({str(tmp_path)!r}))"
    other = elsewhere(made, "with state._alone():\n    print('in', flush=True)\n    time.sleep(60)")
    assert other.stdout.readline() == "in\n"
    with pytest.raises(StateAway, match="locked"):
        state.change("k", lambda _: {"n": 1}, 60)
    other.kill()
    other.wait()
    other.stdout.close()
    assert state.change("k", lambda _: {"n": 1}, 60) == {"n": 1}


def test_without_redis_the_machine_goes_on_and_says_so_until_redis_is_back(
    tmp_path, connect, monkeypatch, caplog
):
    monkeypatch.setattr(steady, "REST_SECONDS", 0.02)
    port = free_port()
    state = SteadyState(connect(f"redis://127.0.0.1:{port}/0"), ProcessState())
    assert state.change("k", lambda _: {"n": 1}, 60) == {"n": 1}
    assert state.read("k") == {"n": 1}
    assert state.lease("k") is not None
    assert state.name == "this process, since Redis can't be used"
    with redis_server(tmp_path, port):
        wait_for(lambda: state.name == "Redis")
        assert state.read("k") is None
    assert [r.message for r in caplog.records] == ["state_away", "state_back"]


def test_a_frozen_redis_is_waited_for_once_and_not_by_all(tmp_path, connect):
    with redis_server(tmp_path) as (url, server):
        state = SteadyState(connect(url), ProcessState())
        state.read("k")
        os.kill(server.pid, signal.SIGSTOP)
        begin = time.monotonic()
        for n in range(1000):
            state.read(f"k{n}")
        # One limit was waited for; a thousand would be ten minutes.
        assert time.monotonic() - begin < 5
        os.kill(server.pid, signal.SIGCONT)


def test_a_storage_that_can_be_read_and_not_written_is_left_until_it_can(tmp_path, monkeypatch):
    monkeypatch.setattr(steady, "REST_SECONDS", 0.02)
    full = FilesState(tmp_path)

    def no_room(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(full, "_write", no_room)
        state = SteadyState(full, ProcessState())
        state.change("k", lambda _: {"n": 1}, 60)
        for _ in range(20):
            assert state.read("k") == {"n": 1}
            time.sleep(0.005)
        assert state.name.startswith("this process")
    wait_for(lambda: state.name == "files of this machine")


def test_many_at_once_are_no_sign_that_redis_is_away(redis_url, connect):
    state, found = connect(redis_url), []
    state._redis.flushall()

    def count() -> None:
        found.append(state.change("many", lambda r: {"n": (r or {"n": 0})["n"] + 1}, 60))

    threads = [threading.Thread(target=count) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert state.read("many") == {"n": 60}


def test_a_name_server_that_does_not_answer_costs_the_limit_and_one_look_up(monkeypatch):
    asked = []

    def getaddrinfo(host, *_, **__):
        if host == "redis.test":  # others' look-ups go on beside
            asked.append(1)
            time.sleep(2)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    state = SteadyState(RedisState(Secret("redis://redis.test/0")), ProcessState())
    begin = time.monotonic()
    for n in range(100):
        state.read(f"k{n}")
    assert time.monotonic() - begin < 2
    assert len(asked) == 1


def test_a_lease_that_somebody_else_has_by_now_is_not_given_back(redis_url, connect, monkeypatch):
    monkeypatch.setattr(redis_state, "LEASE_SECONDS", 0.05)
    state = connect(redis_url)
    first = state.lease("mine")
    monkeypatch.setattr(redis_state, "LEASE_SECONDS", 15)
    second = wait_for(lambda: state.lease("mine"))
    first()
    assert state.lease("mine") is None
    second()
    assert state.lease("mine") is not None


@pytest.mark.parametrize("text", ["[" * 100_000, "3", "not json", "\x00"])
def test_what_is_no_record_in_redis_is_none(redis_url, connect, text):
    state = connect(redis_url)
    state._redis.set("chatbot:odd", text)
    assert state.read("odd") is None
    state._redis.delete("chatbot:odd")


def test_a_name_that_is_too_long_for_a_file_is_shortened(tmp_path):
    state = FilesState(tmp_path)
    for name in ("语" * 300, "语" * 301):
        state.change(name, lambda _, n=name: {"n": len(n)}, 60)
    assert (state.read("语" * 300), state.read("语" * 301)) == ({"n": 300}, {"n": 301})
    assert state.lease("语" * 300) is not None


@pytest.mark.parametrize(
    "url", ["http://somewhere", "redis://host/0?foo=1", "redis://a..b/0", f"redis://{'x' * 64}.test/0"]
)  # fmt: skip
def test_an_address_that_is_none_stops_the_start(make_settings, url):
    from chatbot.core.settings import SettingsError
    from chatbot.services import build_redis

    with pytest.raises(SettingsError, match="CHATBOT_REDIS_URL"):
        build_redis(make_settings(CHATBOT_REDIS_URL=url))


def test_files_of_another_user_do_not_stop_reading(tmp_path):
    assert FilesState(Path("/nonexistent/chatbot")).read("k") is None

"""The ledger: each question counts once, sums stay what they are, and nobody's name is in it."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime

import pytest

from chatbot.core.bot import read_bot
from chatbot.store.saved import Charge, as_dict, from_dict, gather
from chatbot.store.spool import Spool
from chatbot.store.usage import UsageStore, Used
from chatbot.store.writer import Writer
from tests.server import wait_for
from tests.store.processes import at_once
from tests.store.turns import ANY, HERS, saved_talk


def charge(number: int, day: str = "2026-11-27", bot: str = "shop", model: str = "m") -> Charge:
    return Charge(
        {"id": f"req_{number}", "day": day, "bot_id": bot, "key_id": "key_1", "model": model,
         "requests": 1, "input_tokens": 10, "output_tokens": number}
    )  # fmt: skip


def save(database, *items: Charge) -> None:
    database.run(gather(items).write, write=True)


def test_a_question_that_is_saved_twice_counts_once(database):
    save(database, charge(1))
    save(database, charge(1), charge(2), from_dict(as_dict(charge(2))))
    assert UsageStore(database).used("2026-11") == [Used("shop", "key_1", "m", 2, 20, 3)]


def test_sums_are_by_day_and_month_of_one_bot_or_all(database):
    save(database, charge(1), charge(2, "2026-11-28"), charge(3, "2026-12-01"), charge(4, bot="b"))
    usage = UsageStore(database)
    assert [u.output_tokens for u in usage.used("2026-11-27")] == [4, 1]
    assert [u.output_tokens for u in usage.used("2026-11", "shop")] == [3]
    assert [u.requests for u in usage.used("2026")] == [1, 3]
    assert usage.used("2026-10") == []


NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_adding_up_changes_no_sum_and_leaves_the_last_days(database):
    save(database, *(charge(n, model="ab"[n % 2]) for n in range(20)), charge(99, "2026-11-30"))
    usage = UsageStore(database)
    before = usage.used("2026-11")
    assert usage.roll_up(NOW) == 20
    assert usage.used("2026-11") == before
    save(database, charge(50))  # late, from a spool
    assert usage.roll_up(NOW) == 1
    assert usage.roll_up(NOW) == 0
    assert sum(u.requests for u in usage.used("2026-11")) == 22


def test_two_who_add_up_at_once_count_nothing_twice(database, monkeypatch):
    monkeypatch.setattr("chatbot.store.usage._AT_ONCE", 7)
    save(database, *(charge(n) for n in range(60)))
    usage = UsageStore(database)
    before = usage.used("2026-11")
    done = []
    threads = [threading.Thread(target=lambda: done.append(usage.roll_up(NOW))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 60
    assert usage.used("2026-11") == before


def test_a_model_that_two_bots_share_is_two_rows(database):
    save(database, charge(1), charge(2, bot="b"), charge(3, model="n"))
    rows = UsageStore(database).used("2026-11")
    assert [(u.bot_id, u.model, u.tokens) for u in rows] == [("b", "m", 12), ("shop", "m", 11), ("shop", "n", 13)]  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_what_is_spent_while_the_database_is_away_is_counted_later(database, make_writer, outage, spool_folder):  # fmt: skip
    writer, usage = make_writer(), UsageStore(database)
    with outage.during():
        for number in range(3):
            writer.put(charge(number))
        writer.flush()
        writer.put(charge(3))
        writer.flush()
        assert writer.is_away
    wait_for(lambda: writer._work() or not writer.is_away)
    assert usage.used("2026-11") == [Used("shop", "key_1", "m", 4, 40, 6)]
    assert Spool(spool_folder).files() == []


@pytest.mark.usefixtures("quick")
def test_a_spool_that_is_played_back_twice_counts_once(database, make_writer, spool_folder):
    spool = Spool(spool_folder)
    spool.append([charge(1), charge(2), charge(2)])
    spool._release()
    (file,) = spool.files()
    shutil.copy(file, file.with_name("00000000000000000000-copy.jsonl"))
    save(database, charge(2))
    writer: Writer = make_writer()
    wait_for(lambda: writer._work() or not spool.files())
    assert UsageStore(database).used("2026-11") == [Used("shop", "key_1", "m", 2, 20, 3)]


def test_what_was_spent_stays_when_conversations_and_the_bot_are_deleted(database, store, directory):  # fmt: skip
    directory.save_bot(read_bot({"id": "shop"}))
    talk, _ = saved_talk(database), saved_talk(database)
    save(database, charge(1), charge(2, "2026-11-20"))
    usage = UsageStore(database)
    before = usage.used("2026-11", "shop")
    assert store.forget(HERS, talk.id)
    assert store.forget(ANY)
    usage.roll_up(NOW)
    directory.delete_bot("shop")
    assert usage.used("2026-11", "shop") == before != []


def test_processes_that_add_up_while_charges_come_late_change_no_sum(database, database_url, open_database, tmp_path):  # fmt: skip
    save(database, *(charge(n, model="abc"[n % 3]) for n in range(300)))
    database.close()

    def add_up() -> int:
        return UsageStore(open_database(database_url)).roll_up(NOW)

    def come_late() -> int:
        mine = open_database(database_url)
        for number in range(300, 320):
            save(mine, charge(number, model="abc"[number % 3]))
        return 0

    done = at_once(tmp_path, add_up, add_up, come_late, add_up)
    assert 300 <= sum(map(int, done)) <= 320
    usage = UsageStore(open_database(database_url))
    assert sum(map(int, done)) + usage.roll_up(NOW) == 320
    rows = usage.used("2026-11")
    assert [row.requests for row in rows] == [107, 107, 106]
    assert sum(row.output_tokens for row in rows) == sum(range(320))

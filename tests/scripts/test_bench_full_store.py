"""The store with a history: what is copied is what the engine wrote, under ids of its own."""

import sqlite3
import time
from pathlib import Path

import pytest

from engine.job import AttemptRecord, Job, Request
from engine.reports.cdr import moments_of, row_of
from engine.store.batch import EventRow
from engine.store.store import Store
from scripts.bench import full_store

REQUEST = Request(to="sip:customer@127.0.0.1", agent="sip:operator@127.0.0.1")


async def a_store(path: Path) -> None:
    store = Store(path)
    await store.open()
    now = time.time()
    ended = Job(id="ended", state="completed", request=REQUEST, created=now, ended_at=now)
    ended.attempts = [AttemptRecord(call="call-1", result="completed")]
    store.save(ended)
    store.insert("records", row_of(ended, moments_of(ended), (), None))
    store.append(EventRow(1, now, "callback.completed", b'{"seq":1}'))
    store.save(Job(id="waiting", request=REQUEST, created=now))
    await store.close()


async def test_copies_are_jobs_that_the_engine_can_read(tmp_path: Path) -> None:
    path = tmp_path / "ringback.db"
    await a_store(path)
    full_store.multiply(path, "ended", "waiting", jobs=50, still_open=8)
    store = Store(path)
    await store.open()
    try:
        assert await store.count() == {"completed": 42, "queued": 8}
        assert len({job.id for job in await store.load_open()}) == 8
        found = store.find("ended-7")
        assert found is not None
        assert (found.id, found.attempts[0].call) == ("ended-7", "call-1")
        assert store.kept_log.newest == 42
    finally:
        await store.close()


async def test_each_ended_copy_has_its_record_in_the_last_weeks(tmp_path: Path) -> None:
    path = tmp_path / "ringback.db"
    await a_store(path)
    full_store.multiply(path, "ended", "waiting", jobs=50, still_open=8)
    store = sqlite3.connect(path)
    (count, numbers, apart, oldest) = store.execute(
        "SELECT count(*), count(DISTINCT records.number),"
        " max(abs(records.ended_at - jobs.ended_at)), min(records.created)"
        " FROM records JOIN jobs USING (id)"
    ).fetchone()
    store.close()
    assert (count, numbers, apart) == (42, 41, 0.0)
    assert time.time() - oldest == pytest.approx(full_store.HISTORY_S, abs=60)

"""The job store: what is confirmed as saved is saved, whatever happens next."""

import asyncio
import inspect
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from engine.errors import BadParams
from engine.job import AttemptRecord, Job, LegRecord
from engine.store import batch, job_table
from engine.store import store as store_module
from engine.store.errors import StoreError
from engine.store.filters import Filters
from engine.store.store import Store
from tests.support.jobs import callback_job
from tests.support.waiting import until


@asynccontextmanager
async def opened(path: Path, **options: float) -> AsyncIterator[Store]:
    store = Store(path, **options)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def rows(path: Path) -> dict[str, str]:
    """What another process would find."""
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT id, state FROM jobs"))


async def test_durable_save_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    path = tmp_path / "run" / "jobs.db"
    async with opened(path) as store:
        await store.save(callback_job("j1"), durable=True)
        assert rows(path) == {"j1": "queued"}
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_job_comes_back_as_it_was(tmp_path: Path) -> None:
    leg = LegRecord(leg="l1", role="agent", uri="sip:a@h", started=2.0, sip_status=486)
    attempt = AttemptRecord(call="c1", legs=[leg], result="busy")
    context = {"site": "shop", "n": [1]}
    saved = callback_job("j1", attempts=[attempt], cause="busy", context=context)
    async with opened(tmp_path / "jobs.db") as store:
        await store.save(saved, durable=True)
    async with opened(tmp_path / "jobs.db") as store:
        assert store.find("j1") == saved
        assert store.find("j2") is None


async def test_save_takes_a_snapshot(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        one = callback_job("j1")
        saved = store.save(one, durable=True)
        one.enter("dialing_agent")
        one.request.context["later"] = True
        await saved
        found = store.find("j1")
        assert found is not None
        assert found.state == "queued"
        assert "later" not in found.request.context


async def test_find_sees_what_is_not_committed_yet(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0) as store:
        one = callback_job("j1")
        store.save(one)
        one.enter("dialing_agent")
        store.save(one)
        found = store.find("j1")
        assert found is not None
        assert found.state == "dialing_agent"
        assert rows(tmp_path / "jobs.db") == {}
        await store.flush()
        assert rows(tmp_path / "jobs.db") == {"j1": "dialing_agent"}


async def test_saves_are_coalesced_and_grouped(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0) as store:
        jobs = [callback_job(f"j{n}") for n in range(100)]
        for state in ("dialing_agent", "whispering", "dialing_customer"):
            for one in jobs:
                one.enter(state)
                store.save(one)
        await asyncio.gather(*(store.save(one, durable=True) for one in jobs))
        status = store.status()
        assert status["saves"] == 400
        assert status["commits"] == 1
        assert status["pending"] == 0
        assert set(rows(tmp_path / "jobs.db").values()) == {"dialing_customer"}


async def test_other_saves_follow_by_themselves(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=0.0) as store:
        store.save(callback_job("j1"))
        await until(lambda: store.status()["commits"])
        assert rows(tmp_path / "jobs.db") == {"j1": "queued"}


async def test_close_writes_what_is_pending(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0) as store:
        store.save(callback_job("j1", state="completed"))
    assert rows(tmp_path / "jobs.db") == {"j1": "completed"}
    await store.close()


async def test_list_is_newest_first_in_pages(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        for n in range(25):
            store.save(callback_job(f"j{n}", state="failed" if n % 5 == 0 else "queued"))
        seen: list[str] = []
        cursor: str | None = None
        sizes = []
        while True:
            page, cursor = await store.list(limit=10, cursor=cursor)
            sizes.append(len(page))
            seen += [one.id for one in page]
            # What is saved meanwhile does not disturb the pages.
            store.save(callback_job(f"new{len(seen)}"))
            store.save(callback_job("j3", state="failed"))
            if cursor is None:
                break
        assert sizes == [10, 10, 5]
        assert seen == [f"j{n}" for n in range(24, -1, -1)]


async def test_list_by_state_includes_what_was_just_saved(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0) as store:
        store.save(callback_job("j1"))
        store.save(callback_job("j2", state="failed"))
        page, cursor = await store.list(Filters(state="failed"), limit=1)
        assert [one.id for one in page] == ["j2"]
        assert cursor is None
        assert await store.count() == {"queued": 1, "failed": 1}


async def test_page_ends_early_when_it_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_table, "PAGE_BYTES", 1500)
    async with opened(tmp_path / "jobs.db") as store:
        for n in range(10):
            store.save(callback_job(f"j{n}"))
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page, cursor = await store.list(limit=10, cursor=cursor)
            assert 0 < len(page) < 10
            seen += [one.id for one in page]
            if cursor is None:
                break
        assert seen == [f"j{n}" for n in range(9, -1, -1)]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "0", "0x1", "1f" * 20, " 1", "01", "A"])
async def test_cursor_that_was_never_given_is_refused(tmp_path: Path, cursor: str) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        with pytest.raises(BadParams) as raised:
            await store.list(cursor=cursor)
        assert raised.value.field == "cursor"


async def test_open_jobs_are_those_that_have_not_ended(tmp_path: Path) -> None:
    states = "queued dialing_agent bridged holding whispering completed failed cancelled expired"
    async with opened(tmp_path / "jobs.db") as store:
        for state in states.split():
            store.save(callback_job(state, state=state))
    async with opened(tmp_path / "jobs.db") as store:
        assert [one.id for one in await store.load_open()] == states.split()[:5]


async def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        await store.save(callback_job("j1"), durable=True)
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_second_engine_on_the_same_file_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db"):
        with pytest.raises(StoreError, match="another engine") as raised:
            await Store(tmp_path / "jobs.db").open()
        assert raised.value.reason == "locked"


async def test_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError) as raised:
        await Store(tmp_path / "jobs.db").open()
    assert raised.value.reason == "corrupt"
    assert (tmp_path / "jobs.db").read_bytes().startswith(b"not a database")


async def test_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        await Store(tmp_path / "file" / "jobs.db").open()


async def fill_disk(store: Store) -> None:
    """Let no write succeed, as on a full disk, from the writer's next batch on."""
    await store.flush()
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")


def free_disk(store: Store) -> None:
    store._writer.execute("PRAGMA max_page_count = 1000000")


def large(id: str, state: str = "queued") -> Job:
    one = callback_job(id, state=state)
    one.request.context["text"] = "x" * 50_000
    return one


async def test_full_disk_fails_the_durable_save_and_undoes_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        await fill_disk(store)
        with pytest.raises(StoreError) as raised:
            await store.save(large("j1"), durable=True)
        assert raised.value.reason == "disk_full"
        assert raised.value.kind == "unavailable"
        assert store.find("j1") is None
        status = store.status()
        assert status["errors"] == 1
        assert status["last_error"]["reason"] == "disk_full"
        assert status["pending"] == 0
        free_disk(store)
        await store.save(large("j2"), durable=True)
        assert list(rows(tmp_path / "jobs.db")) == ["j2"]


async def test_change_that_cannot_be_saved_is_undone_and_what_else_changed_is_kept(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0, retry_delay_s=0.0) as store:
        await store.save(changed := callback_job("j1"), durable=True)
        await fill_disk(store)

        def undo() -> None:
            changed.request.context["text"] = "as it was"

        changed.request.context["text"] = "x" * 50_000
        changing = asyncio.ensure_future(store.save_or_undo(changed, undo))
        await asyncio.sleep(0)
        changed.enter("dialing_agent")
        with pytest.raises(StoreError):
            await changing
        free_disk(store)
        await store.flush()
        kept = store.find("j1")
        assert kept is not None
        assert (kept.request.context["text"], kept.state) == ("as it was", "dialing_agent")
        assert rows(tmp_path / "jobs.db") == {"j1": "dialing_agent"}


async def test_other_saves_wait_until_the_disk_has_room(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0, retry_delay_s=0.0) as store:
        await fill_disk(store)
        store.save(large("j1", "completed"))
        with pytest.raises(StoreError):
            await store.flush()
        assert store.find("j1") is not None
        page, _ = await store.list()
        assert page == []
        free_disk(store)
        await store.flush()
        assert rows(tmp_path / "jobs.db") == {"j1": "completed"}


async def test_newer_save_wins_over_the_one_that_failed(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=1000.0, retry_delay_s=1000.0) as store:
        await fill_disk(store)
        store.save(large("j1", "dialing_agent"))
        failing = asyncio.ensure_future(store.flush())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.save(large("j1", "completed"))
        with pytest.raises(StoreError):
            await failing
        free_disk(store)
        await store.flush()
        assert rows(tmp_path / "jobs.db") == {"j1": "completed"}


async def test_lock_by_another_process_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT_S", 0.01)
    async with opened(tmp_path / "jobs.db") as store:
        other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as raised:
            await store.save(callback_job("j1"), durable=True)
        assert raised.value.reason == "locked"
        other.execute("ROLLBACK")
        other.close()
        await store.save(callback_job("j1"), durable=True)


KILLED = """
import asyncio, pathlib, sys
from engine.store.store import Store
from tests.support.jobs import callback_job

async def main():
    store = Store(pathlib.Path(sys.argv[1]))
    await store.open()
    for n in range(1_000_000):
        await store.save(callback_job(f"j{n}"), durable=True)
        print(n, flush=True)

asyncio.run(main())
"""


async def test_what_was_confirmed_as_saved_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    heard = [int(await process.stdout.readline()) for _ in range(100)]
    process.send_signal(signal.SIGKILL)
    heard += [int(line) for line in (await process.stdout.read()).split(b"\n")[:-1]]
    await process.wait()
    async with opened(path) as store:
        assert all(store.find(f"j{n}") is not None for n in heard)
        assert len(await store.load_open()) >= len(heard)


async def test_a_batch_larger_than_one_statement_is_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    count = 2 * batch.MOST_ROWS + 37
    async with opened(path) as store:
        for number in range(count):
            store.save(callback_job(f"j{number}"))
        await store.flush()
        assert len(rows(path)) == count
        assert store.status()["commits"] == 1


async def test_a_flush_while_a_batch_is_being_written_needs_no_rows_of_its_own(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        saved = store.save(callback_job("j1"), durable=True)
        await asyncio.sleep(0)  # the batch is handed over
        await store.flush()
        await saved
        assert store.status()["errors"] == 0


async def test_nothing_but_the_writer_writes(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        (mode,) = store._writer.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = store._writer.execute("PRAGMA synchronous").fetchone()
        assert (mode, synchronous) == ("wal", 2)  # 2: FULL
        with pytest.raises(StoreError):
            await store.query("DELETE FROM jobs")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._finder.execute("DELETE FROM jobs")


async def test_a_file_of_a_newer_engine_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    async with opened(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, 1.0)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="9999") as refused:
        await Store(path).open()
    assert refused.value.reason == "corrupt" and path.read_bytes() == before
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM migrations WHERE version = 9999")
    async with opened(path):  # nothing of the refused start holds it
        pass


async def test_what_cannot_be_written_at_the_end_is_counted_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(_batch: batch.Batch, _connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    store = Store(tmp_path / "jobs.db", flush_delay_s=3600)
    await store.open()
    monkeypatch.setattr(batch.Batch, "write", is_full)
    store.save(callback_job("j1"))
    with structlog.testing.capture_logs() as logs:
        await store.close()
    (entry,) = [one for one in logs if one["event"] == "store_not_flushed"]
    assert entry["pending"] == 1


async def test_a_value_that_no_column_can_hold_is_refused_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        with pytest.raises(TypeError, match=r"audit\.params cannot hold dict"):
            store.insert("audit", {"time": 1.0, "params": {}})
        with pytest.raises(TypeError, match="cannot hold int"):
            store.insert("audit", {"time": 1 << 70})
        store.insert("audit", {"time": 1.0, "who": "x", "role": "y", "peer": "", "method": "m",
                               "outcome": "done", "repeated": True})  # fmt: skip
        await store.flush()
        assert await store.query("SELECT who, repeated FROM audit") == [("x", 1)]


async def test_a_document_is_read_as_last_put_whether_written_or_not(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db", flush_delay_s=3600) as store:
        assert store.document("kind", "a", dict) is None
        store.put("kind", "a", {"n": 1})
        assert store.document("kind", "a", dict) == {"n": 1}
        await store.flush()
        assert store.document("kind", "a", dict) == {"n": 1}
        store.drop("kind", "a")
        assert store.document("kind", "a", dict) is None
        assert await store.load("kind", dict) == {}


async def test_a_document_that_is_something_else_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        store.put("kind", "a", {"n": 1})
        await store.flush()
        for read in (lambda: store.document("kind", "a", list), lambda: store.load("kind", list)):
            with pytest.raises(StoreError, match="a document of kind kind cannot be read"):
                found = read()
                if inspect.isawaitable(found):
                    await found


async def test_a_file_that_fails_while_it_is_read_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path / "jobs.db") as store:
        finder = store._finder
        store._finder = sqlite3.connect(":memory:")  # without the tables
        try:
            with pytest.raises(StoreError):
                store.find("j1")
            with pytest.raises(StoreError):
                store.document("kind", "a", dict)
        finally:
            store._finder.close()
            store._finder = finder

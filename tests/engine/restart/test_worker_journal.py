"""The media workers that run, as the store knows them."""

from pathlib import Path
from unittest.mock import patch

from engine.restart.worker_journal import STORED_AS, WorkerJournal
from engine.store.store import Store
from media.orphan_worker import WorkerMark


def mark(pid: int) -> WorkerMark | None:
    return None if pid < 0 else WorkerMark(pid, 1000 + pid)


async def test_the_next_engine_ends_those_that_were_noted_last(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    await store.open()
    ended: list[WorkerMark] = []

    def end(one: WorkerMark) -> bool:
        ended.append(one)
        return True

    with (
        patch("engine.restart.worker_journal.mark_of", mark),
        patch("engine.restart.worker_journal.end", end),
    ):
        journal = WorkerJournal(store)
        journal.note([11, 12, -1])
        journal.note([12, 13])
        await store.close()
        store = Store(tmp_path / "db")
        await store.open()
        await WorkerJournal(store).end_left_behind()
        assert ended == [WorkerMark(12, 1012), WorkerMark(13, 1013)]
        assert await store.load(STORED_AS, WorkerMark) == {}
        await WorkerJournal(store).end_left_behind()
        assert len(ended) == 2
    await store.close()


async def test_nothing_is_left_of_a_stop_in_good_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    await store.open()
    with patch("engine.restart.worker_journal.mark_of", mark):
        journal = WorkerJournal(store)
        journal.note([11])
        journal.note([])
    assert await store.load(STORED_AS, WorkerMark) == {}
    await store.close()

"""Batches: what gathers while one is written, when it is written, and what a failure leaves."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.store import schema
from engine.store.batch import Batch, EventRow
from engine.store.checkpoints import Checkpoints
from engine.store.errors import StoreError
from engine.store.group_commit import GroupCommit

LIMIT_S = 40.0


class Writer:
    """A group commit on a file, and what it has told."""

    def __init__(self, file: Path, connection: sqlite3.Connection, flush_delay_s: float) -> None:
        self.told: list[int] = []
        self._more = asyncio.Event()
        self.connection = connection
        self.checkpoints = Checkpoints(sqlite3.connect(file, check_same_thread=False))
        self.commit = GroupCommit(
            file, connection, self.checkpoints,
            flush_delay_s=flush_delay_s, retry_delay_s=0.01,
            on_events=self._on_events,
        )  # fmt: skip

    def _on_events(self, rows: list[EventRow]) -> None:
        self.told += [row.seq for row in rows]
        self._more.set()

    def event(self, seq: int) -> None:
        self.commit.pending.events.append(EventRow(seq, 1.0, "x.y", b"{}"))

    async def until(self, *seqs: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while self.told != list(seqs):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def writer(tmp_path: Path, flush_delay_s: float = 0.001) -> AsyncIterator[Writer]:
    file = tmp_path / "s.db"
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    schema.migrate(connection)
    made = Writer(file, connection, flush_delay_s)
    try:
        yield made
    finally:
        made.commit.close()
        made.checkpoints.close()
        connection.close()


async def test_what_is_saved_in_one_turn_is_one_transaction(tmp_path: Path) -> None:
    async with writer(tmp_path) as here:
        here.event(1)
        first = here.commit.wait()
        here.event(2)
        await asyncio.gather(first, here.commit.wait())
        assert (here.commit.commits, here.told) == (1, [1, 2])


async def test_what_comes_while_a_batch_is_written_is_in_the_next(tmp_path: Path) -> None:
    async with writer(tmp_path) as here:
        here.event(1)
        first = here.commit.wait()
        await asyncio.sleep(0)
        assert here.commit.writing is not None
        here.event(2)
        second = here.commit.wait()
        await asyncio.gather(first, second)
        assert (here.commit.commits, here.told) == (2, [1, 2])


async def test_what_nobody_waits_for_is_written_in_a_while(tmp_path: Path) -> None:
    async with writer(tmp_path) as here:
        here.event(1)
        here.commit.flush_in(3600.0)
        here.commit.flush_in(0.001)  # sooner
        here.commit.flush_in(3600.0)  # which does not make it later
        await here.until(1)
        here.event(2)
        here.commit.flush_in(0.001)
        await here.until(1, 2)


async def test_a_failure_is_told_to_who_waits_and_tried_again_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writer(tmp_path) as here:
        write, failures = Batch.write, iter([sqlite3.OperationalError("database is locked"), None])

        def sometimes(batch: Batch, connection: sqlite3.Connection) -> None:
            if (failure := next(failures, None)) is not None:
                raise failure
            write(batch, connection)

        monkeypatch.setattr(Batch, "write", sometimes)
        here.event(1)
        with pytest.raises(StoreError, match="locked"):
            await here.commit.wait()
        assert here.commit.errors == 1 and here.commit.last_error is not None
        await here.until(1)  # an event is not undone with what was durable
        assert here.commit.commits == 1


async def test_a_defect_is_a_failure_and_the_thread_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writer(tmp_path) as here:

        def breaks(_batch: Batch, _connection: Any) -> None:
            raise KeyError("defect")

        with monkeypatch.context() as broken:
            broken.setattr(Batch, "write", breaks)
            here.event(1)
            with pytest.raises(StoreError, match="KeyError"):
                await here.commit.wait()
        await here.commit.wait()
        await here.until(1)


async def test_who_has_stopped_waiting_is_not_told(tmp_path: Path) -> None:
    async with writer(tmp_path) as here:
        here.event(1)
        gone = here.commit.wait()
        gone.cancel()
        await here.commit.wait()
        assert gone.cancelled() and here.told == [1]


async def test_what_is_pending_at_the_end_is_not_written(tmp_path: Path) -> None:
    async with writer(tmp_path, flush_delay_s=3600.0) as here:
        here.event(1)
        here.commit.flush_in(3600.0)
    assert here.told == []

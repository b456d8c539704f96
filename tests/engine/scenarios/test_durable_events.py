"""The event log in a store: published once it is on the disk, and the same log after a restart."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.store.errors import StoreError
from engine.store.event_log import NOT_SAVED, EventLog, Gap
from engine.store.kept_events import Event
from engine.store.store import Store
from tests.support.waiting import until


@asynccontextmanager
async def opened(path: Path, *, capacity: int = 1000) -> AsyncIterator[tuple[Store, EventLog]]:
    store, log = Store(path, retry_delay_s=0.0), EventLog(capacity=capacity)
    await store.open()
    log.attach(store)
    try:
        yield store, log
    finally:
        await store.close()


def on_disk(path: Path) -> list[dict[str, Any]]:
    """What another process would find."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT body FROM events ORDER BY seq")
        return [json.loads(body) for (body,) in rows]


async def test_an_event_of_what_could_not_be_saved_is_published_as_that(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path) as (store, log):
        store.put("large", "0", {"text": "x" * 50_000})
        await store.flush()
        (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        log.publish("thing.kept", job="j1", x=1)  # of what is not undone
        log.publish("thing.added", job="j1", context={"a": 1}, if_saved=True, x=1)
        with pytest.raises(StoreError):
            await store.put("thing", "j1", {"text": "x" * 50_000}, durable=True)
        store._writer.execute("PRAGMA max_page_count = 1000000")
        log.publish("thing.added", job="j1", if_saved=True)
        await store.put("thing", "j1", {"text": "short"}, durable=True)
        await log.settled()
        assert [event["type"] for event in on_disk(path)] == [
            "thing.kept", NOT_SAVED, "thing.added"
        ]  # fmt: skip
        instead = on_disk(path)[1]
        assert (instead["seq"], instead["job"], instead["of"]) == (2, "j1", "thing.added")
        assert "context" not in instead
        assert [event.type for event in log.after(0)][1] == NOT_SAVED


async def test_an_event_is_on_the_disk_when_it_is_published(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path) as (_store, log):
        seen: list[int] = []

        def listener(event: Event) -> None:
            assert on_disk(path)[-1]["seq"] >= event.seq
            seen.append(event.seq)

        log.listen(listener)
        assert log.publish("test.event", job="j1", agent="alice", queue="sales", x=1) == 1
        assert log.publish("test.event") == 2
        assert (seen, log.seq, log.delivered, list(log.after(0))) == ([], 2, 0, [])
        assert log.gap(1, None) == Gap(2, None, "epoch")  # nobody can have seen it yet
        await log.settled()
        assert (seen, log.delivered) == ([1, 2], 2)
        (first, _second) = on_disk(path)
        assert first == json.loads(next(log.after(0)).line)["params"]
        assert (first["job"], first["agent"], first["queue"], first["x"]) == (
            "j1",
            "alice",
            "sales",
            1,
        )
        await log.settled()


async def test_numbers_and_epoch_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path) as (_store, log):
        epoch = log.epoch
        for _ in range(3):
            log.publish("test.event")
    async with opened(path) as (_store, log):
        assert (log.epoch, log.seq, log.delivered, log.oldest) == (epoch, 3, 3, 1)
        assert log.publish("test.event") == 4
        await log.settled()
        assert [event.seq for event in log.after(0)] == [4]
        events, through = await log.stored_after(1, ())
        assert ([event.seq for event in events], through) == ([2, 3], 3)
        assert log.gap(2, epoch) is None
        assert log.gap(2, "another") == Gap(3, None, "epoch")
    assert [event["seq"] for event in on_disk(path)] == [1, 2, 3, 4]


async def test_what_a_watcher_saves_is_in_the_transaction_of_the_event(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path) as (store, log):
        log.watch(lambda event: store.put("last", "event", {"seq": event["seq"]}))
        log.publish("test.event")
        log.publish("test.event")
        await log.settled()
        assert store.status()["commits"] == 1
        assert await store.load("last", dict) == {"event": {"seq": 2}}


async def test_cut_log_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path, capacity=3) as (store, log):
        for _ in range(10):
            log.publish("test.event")
        await log.settled()
        assert (log.oldest, log.oldest_in_memory) == (1, 8)
        log.cut(4)
        assert log.gap(1, None) == Gap(2, 4, "evicted")
        assert log.gap(4, None) is None
        log.cut(8)
        assert (log.oldest, log.oldest_in_memory) == (9, 9)
        log.cut(2)
        assert log.oldest == 9
        log.cut(1000)
        assert (log.oldest, [event.seq for event in log.after(0)]) == (10, [10])
        await store.flush()
    async with opened(path) as (_store, log):
        assert (log.oldest, log.seq) == (10, 10)


async def test_full_disk_holds_events_back_until_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with opened(path) as (store, log):
        log.publish("test.event")
        await log.settled()
        (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        log.publish("test.event", text="x" * 50_000)
        await until(lambda: store.status()["errors"])
        log.publish("test.event")
        assert log.delivered == 1
        store._writer.execute("PRAGMA max_page_count = 1000000")
        async with asyncio.timeout(40):
            await log.settled()
        assert [event.seq for event in log.after(0)] == [1, 2, 3]
    assert [event["seq"] for event in on_disk(path)] == [1, 2, 3]


KILLED = """
import asyncio, pathlib, sys
from engine.store.event_log import EventLog
from engine.store.store import Store

async def main():
    store, log = Store(pathlib.Path(sys.argv[1])), EventLog()
    await store.open()
    log.attach(store)
    print("epoch", log.epoch, log.seq, flush=True)
    log.listen(lambda event: print("heard", event.seq, flush=True))
    log.watch(lambda event: store.put("last", "event", {"seq": event["seq"]}))
    while True:
        for _ in range(7):
            log.publish("test.event", job="j1", text="x" * 100)
        await asyncio.sleep(0.0003)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [2, 40, 300])
async def test_published_events_survive_kill_9(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "log.db"
    told_ever: list[int] = []
    epochs = set()
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, str(path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        out = b"".join([await process.stdout.readline() for _ in range(lines)])
        process.send_signal(signal.SIGKILL)
        out += await process.stdout.read()
        await process.wait()
        words = [line.split() for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
        ((_, epoch, began_at),) = [line for line in words if line[0] == b"epoch"]
        epochs.add(epoch)
        seen = [int(line[1]) for line in words if line[0] == b"heard"]
        assert seen == list(range(int(began_at) + 1, int(began_at) + 1 + len(seen)))
        assert int(began_at) >= (told_ever[-1] if told_ever else 0)
        told_ever += seen
        kept = [event["seq"] for event in on_disk(path)]
        assert kept == list(range(1, len(kept) + 1))
        assert kept[-1] >= told_ever[-1]
        with sqlite3.connect(path) as connection:
            ((body,),) = connection.execute("SELECT body FROM documents").fetchall()
        assert json.loads(body)["seq"] == kept[-1]
    assert len(epochs) == 1
    assert len(told_ever) == len(set(told_ever))

"""Retention: deletes what is too old or too much, and keeps what is still needed.

It goes in small steps, each a transaction that other saves share, so that nobody waits long for
the writer. What was cut off the event log is not published: a reader who asks for it learns of
the gap.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import structlog

from config.sections import Store as Kept

from . import recording_files
from .errors import StoreError
from .event_log import EventLog
from .protocols import NOTHING_RECORDED, RecordingKeeper
from .store import Store

log = structlog.get_logger()

PERIOD_S = 60.0
DAY_S = 86_400.0
ROWS_PER_STEP = 1_000
STEP_S = 3600.0
"""A clock that is set forward by as much may be wrong, and what is deleted does not come back."""
REST_S = DAY_S

# Which requests joined jobs that are deleted.
_WITHOUT_JOB = """
    DELETE FROM documents WHERE kind = 'joined'
    AND json_extract(CAST(body AS TEXT), '$.job') NOT IN (SELECT id FROM jobs)
"""
# Who has admitted the visitors of pages whose records are deleted; a call that is up has none yet.
_WITHOUT_RECORD = """
    DELETE FROM documents WHERE kind = 'page_call'
    AND json_extract(CAST(body AS TEXT), '$.begun') < ? AND key NOT IN (SELECT id FROM records)
"""
# Which rows that reports are counted from are old, oldest first, by the table they are in.
_OLD_RECORDS = {
    "records": "ended_at < ? ORDER BY ended_at",
    "queue_stays": "joined_at < ? AND left_at IS NOT NULL ORDER BY joined_at",
    "customer_answers": "answered_at < ? ORDER BY answered_at",
    # The last period of an agent says what they still do.
    "agent_periods": """
        since < ? AND EXISTS (
            SELECT 1 FROM agent_periods n
            WHERE n.agent = agent_periods.agent AND n.since > agent_periods.since
        ) ORDER BY since
    """,
}


class Retention:
    """Deletes every PERIOD_S, and at once when the limits change.

    [store] says how many events and entries of the audit log are kept, and how long these, jobs
    that have ended and files in `recordings`; `library` knows what those are. `keep_records_days`
    is for records and what reports are counted from. 0 days: for ever. A recording goes with its
    record at the latest.
    """

    def __init__(
        self,
        store: Store,
        events: EventLog,
        kept: Kept,
        keep_records_days: float = 0.0,
        *,
        recordings: Path,
        library: RecordingKeeper = NOTHING_RECORDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._events = events
        self._kept = kept
        self._keep_records_days = keep_records_days
        self._recordings = recordings
        self._library = library
        self._clock = clock
        self._rests_until = 0.0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def configure(self, kept: Kept, keep_records_days: float) -> None:
        """Use these limits from now on."""
        if (kept, keep_records_days) != (self._kept, self._keep_records_days):
            self._kept, self._keep_records_days = kept, keep_records_days
            self._changed.set()

    def shift(self, by_s: float) -> None:
        """The clock was stepped: what is too old since it was set forward stays for a day.

        Set back again, it rests no more.
        """
        if by_s >= STEP_S:
            self._rests_until = self._clock() + REST_S
            log.warning("housekeeping_rests", until=self._rests_until, by_s=round(by_s, 3))
        elif by_s <= -STEP_S:
            self._rests_until = 0.0

    def start(self) -> None:
        """Begin, with a first round in PERIOD_S."""
        self._task = asyncio.get_running_loop().create_task(self._go_round())

    async def stop(self) -> None:
        """End, in the middle of a round if need be."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _go_round(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("housekeeping_put_off", reason=error.message)

    async def sweep(self) -> None:
        """One round: forget what is too old now. Raises StoreError."""
        await self._cut_events()
        await self._forget_jobs()
        await self._cut_audit()
        await self._forget_records()
        await self._delete_old_recordings()

    def _before(self, days: float) -> float | None:
        """The time this many days ago; None where nothing is too old: for 0 days, or for now."""
        now = self._clock()
        return now - days * DAY_S if days and now >= self._rests_until else None

    async def _cut_events(self) -> None:
        events = self._events
        through = events.delivered - self._kept.keep_events
        limit = self._before(self._kept.keep_events_days or self._kept.keep_days)
        if limit is not None:
            # The log is in the order of time, but for steps of the clock.
            rows = await self._store.query(
                "SELECT seq FROM events WHERE time >= ? ORDER BY seq LIMIT 1", (limit,)
            )
            through = max(through, rows[0][0] - 1 if rows else events.delivered)
        while events.oldest <= min(through, events.delivered - 1):
            events.cut(min(through, events.oldest + ROWS_PER_STEP - 1))
            await self._store.flush()

    async def _forget_jobs(self) -> None:
        limit = self._before(self._kept.keep_days)
        if limit is None:
            return
        old = "SELECT number FROM jobs WHERE ended_at < ? ORDER BY ended_at"
        forgotten = 0
        while rows := await self._store.query(f"{old} LIMIT {ROWS_PER_STEP}", (limit,)):
            # Asked again where it is done: a job may have been saved meanwhile.
            self._store.execute(
                f"DELETE FROM jobs WHERE number IN ({old} LIMIT {ROWS_PER_STEP})", (limit,)
            )
            await self._store.flush()
            forgotten += len(rows)
        if forgotten:
            self._store.execute(_WITHOUT_JOB)
            log.info("old_jobs_forgotten", jobs=forgotten)

    async def _cut_audit(self) -> None:
        ((newest,),) = await self._store.query("SELECT COALESCE(MAX(number), 0) FROM audit")
        through = newest - self._kept.keep_audit
        limit = self._before(self._kept.keep_audit_days)
        if limit is not None:
            # In the order of time, but for steps of the clock.
            ((last,),) = await self._store.query(
                "SELECT COALESCE(MAX(number), 0) FROM audit WHERE time < ?", (limit,)
            )
            through = max(through, last)
        ((oldest,),) = await self._store.query("SELECT COALESCE(MIN(number), 1) FROM audit")
        while oldest <= through:
            oldest = min(through + 1, oldest + ROWS_PER_STEP)
            self._store.execute("DELETE FROM audit WHERE number < ?", (oldest,))
            await self._store.flush()

    async def _forget_records(self) -> None:
        limit = self._before(self._keep_records_days)
        if limit is None:
            return
        has_forgotten = False
        for table, old in _OLD_RECORDS.items():
            rows = f"SELECT rowid FROM {table} WHERE {old}"
            some = f"{rows} LIMIT {ROWS_PER_STEP}"
            while await self._store.query(f"{rows} LIMIT 1", (limit,)):
                if table == "records":  # with the talks, and what people wrote about them
                    bodies = await self._store.query(
                        f"SELECT id, body FROM records WHERE rowid IN ({some})", (limit,)
                    )
                    await self._delete_recordings_of(bodies)
                    self._store.execute(
                        "DELETE FROM annotations WHERE id IN"
                        f" (SELECT id FROM records WHERE rowid IN ({some}))",
                        (limit,),
                    )
                    has_forgotten = True
                self._store.execute(f"DELETE FROM {table} WHERE rowid IN ({some})", (limit,))
                await self._store.flush()
        if has_forgotten:
            self._store.execute(_WITHOUT_RECORD, (limit,))
            await self._store.flush()

    async def _delete_recordings_of(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        records = [(record, json.loads(body)) for record, body in bodies]
        ids = {record for record, _body in records}
        ids.update(call for _record, body in records for call in recording_files.calls_of(body))
        await self._library.delete_of(ids, "retention")
        await asyncio.to_thread(recording_files.delete, self._recordings_of(records))

    def _recordings_of(self, records: Iterable[tuple[str, dict[str, Any]]]) -> list[Path]:
        """The files of these records. A call that was cut off names none, but has one."""
        return [
            self._recordings / name
            for record, body in records
            for name in recording_files.names(
                record, body.get("recording"), recording_files.calls_of(body)
            )
        ]

    async def _delete_old_recordings(self) -> None:
        limit = self._before(self._kept.keep_recordings_days)
        if limit is None:
            return
        await self._library.delete_before(limit)
        deleted = await asyncio.to_thread(recording_files.delete_before, self._recordings, limit)
        if deleted:
            log.info("old_recordings_deleted", recordings=deleted)

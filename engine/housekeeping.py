"""Housekeeping: cuts off the old end of the event log, and forgets jobs that ended long ago.

It goes in small steps, each a transaction that other saves share, so that nobody waits long for
the writer. Nothing is told of what was cut: a reader who asks for it is told of the gap.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from .events import EventLog
from .store import Store
from .store_error import StoreError

log = structlog.get_logger()

PERIOD_S = 60.0
DAY_S = 86_400.0
ROWS_PER_STEP = 1_000


# What requests were taken in by jobs that are no more.
_WITHOUT_JOB = """
    DELETE FROM documents WHERE kind = 'joined'
    AND json_extract(CAST(body AS TEXT), '$.job') NOT IN (SELECT id FROM jobs)
"""


class Housekeeping:
    """Keeps at most `keep_events` events; with `keep_days`, events and ended jobs for so long.

    The same for the `keep_audit` entries of the audit log, and `keep_audit_days`. 0 days: for ever.
    """

    def __init__(
        self,
        store: Store,
        events: EventLog,
        *,
        keep_events: int,
        keep_days: float,
        keep_audit: int = 1_000_000,
        keep_audit_days: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._events = events
        self.configure(keep_events, keep_days, keep_audit, keep_audit_days)
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def configure(
        self, keep_events: int, keep_days: float, keep_audit: int, keep_audit_days: float
    ) -> None:
        """Keep so much from now on."""
        self._keep_events = keep_events
        self._keep_s = keep_days * DAY_S
        self._keep_audit = keep_audit
        self._keep_audit_s = keep_audit_days * DAY_S

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
            await asyncio.sleep(PERIOD_S)
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("housekeeping_put_off", reason=error.message)

    async def sweep(self) -> None:
        """One round: cut off and forget what is too old now. Raises StoreError."""
        through = self._events.told - self._keep_events
        if self._keep_s:
            limit = self._clock() - self._keep_s
            through = max(through, await self._last_event_before(limit))
            await self._forget_jobs(limit)
        while self._events.oldest <= min(through, self._events.told - 1):
            self._events.cut(min(through, self._events.oldest + ROWS_PER_STEP - 1))
            await self._store.flush()

        await self._cut_audit()

    async def _cut_audit(self) -> None:
        """The audit log too is bounded, by number and by age."""
        ((newest,),) = await self._store.query("SELECT COALESCE(MAX(number), 0) FROM audit")
        through = newest - self._keep_audit
        if self._keep_audit_s:
            # In the order of time, but for steps of the clock.
            ((last,),) = await self._store.query(
                "SELECT COALESCE(MAX(number), 0) FROM audit WHERE time < ?",
                (self._clock() - self._keep_audit_s,),
            )
            through = max(through, last)
        ((oldest,),) = await self._store.query("SELECT COALESCE(MIN(number), 1) FROM audit")
        while oldest <= through:
            oldest = min(through + 1, oldest + ROWS_PER_STEP)
            self._store.execute("DELETE FROM audit WHERE number < ?", (oldest,))
            await self._store.flush()

    async def _last_event_before(self, limit: float) -> int:
        # The log is in the order of time, but for steps of the clock.
        rows = await self._store.query(
            "SELECT seq FROM events WHERE time >= ? ORDER BY seq LIMIT 1", (limit,)
        )
        return rows[0][0] - 1 if rows else self._events.told

    async def _forget_jobs(self, limit: float) -> None:
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

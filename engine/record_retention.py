"""Forgetting records: what is older than `reports.keep_days`, a little at a time.

Each step is a transaction that other saves share, so that nobody waits long for the writer.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from .store import Store
from .store_error import StoreError

log = structlog.get_logger()

PERIOD_S = 600.0
DAY_S = 86_400.0
ROWS_PER_STEP = 500

# Which rows are old, oldest first, by the table they are in.
_OLD = {
    "records": "ended_at < ? ORDER BY ended_at",
    "queue_stays": "joined_at < ? AND left_at IS NOT NULL ORDER BY joined_at",
    "customer_answers": "answered_at < ? ORDER BY answered_at",
    # The last period of an agent says what he does still.
    "agent_periods": """
        since < ? AND EXISTS (
            SELECT 1 FROM agent_periods n
            WHERE n.agent = agent_periods.agent AND n.since > agent_periods.since
        ) ORDER BY since
    """,
}


class Retention:
    """Keeps records for `keep_days`; 0: for ever."""

    def __init__(
        self, store: Store, keep_days: float, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.keep_days = keep_days
        self._store = store
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

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
                log.warning("records_not_forgotten", reason=error.message)

    async def sweep(self) -> None:
        """Forget what is too old now. Raises StoreError."""
        if not self.keep_days:
            return
        limit = self._clock() - self.keep_days * DAY_S
        for table, old in _OLD.items():
            rows = f"SELECT rowid FROM {table} WHERE {old}"
            some = f"{rows} LIMIT {ROWS_PER_STEP}"
            while await self._store.query(f"{rows} LIMIT 1", (limit,)):
                if table == "records":  # and what people wrote about them
                    self._store.execute(
                        "DELETE FROM annotations WHERE id IN"
                        f" (SELECT id FROM records WHERE rowid IN ({some}))",
                        (limit,),
                    )
                self._store.execute(f"DELETE FROM {table} WHERE rowid IN ({some})", (limit,))
                await self._store.flush()

"""Group commit: what is saved gathers in a batch while a thread commits the batch before.

All that is saved in one turn of the event loop is in one batch. Each batch is one transaction,
which is on the disk when it is published.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import structlog

from .batch import Batch, EventRow, Future
from .checkpoints import Checkpoints
from .errors import explain

log = structlog.get_logger()

# An event is published once it is on the disk, and is waited for. Each commit costs the processor
# as much as the rows of several callbacks: after a short wait, more changes share one.
EVENT_FLUSH_DELAY_S = 0.025


class GroupCommit:
    """Writes batches through `connection`, one after another, in a thread of its own.

    `pending` is the batch that gathers now; after adding to it call `flush_in` or `wait`.
    `checkpoints` is told of each that is in the log, and `on_events` is called with the events of
    each batch once it is on the disk.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        checkpoints: Checkpoints,
        *,
        flush_delay_s: float,
        retry_delay_s: float,
        on_events: Callable[[list[EventRow]], None],
    ) -> None:
        self.pending = Batch()
        self.writing: Batch | None = None
        self.commits = self.errors = 0
        self.last_error: dict[str, Any] | None = None
        self.flush_delay_s = flush_delay_s
        self.event_delay_s = min(flush_delay_s, EVENT_FLUSH_DELAY_S)
        self._path = path
        self._connection = connection
        self._checkpoints = checkpoints
        self._retry_delay_s = retry_delay_s
        self._on_events = on_events
        self._loop = asyncio.get_running_loop()
        self._hand_over_soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_delay_s = 0.0
        self._work: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()

    def wait(self) -> Future:
        """Write what is pending as soon as can be: done once that and all before is on the disk.

        The future fails with StoreError, and then what was durable in that batch is undone.
        """
        waiter: Future = self._loop.create_future()
        self.pending.waiters.append(waiter)
        self._flush_soon()
        return waiter

    def flush_in(self, delay_s: float) -> None:
        """Write what is pending within `delay_s`."""
        timer = self._timer
        if timer is not None:
            # One that was set before, for no longer a delay, is due before this one would be.
            if self._timer_delay_s <= delay_s or timer.when() <= self._loop.time() + delay_s:
                return
            timer.cancel()
        self._timer, self._timer_delay_s = self._loop.call_later(delay_s, self._flush_due), delay_s

    def close(self) -> None:
        """End the thread. What is still pending is not written."""
        self._cancel_timer()
        self._work.put(None)
        self._thread.join()

    def _flush_due(self) -> None:
        self._timer = None
        self._flush_soon()

    def _flush_soon(self) -> None:
        # At the end of this turn of the loop, so that its other saves come along.
        if self.writing is None and self._hand_over_soon is None:
            self._hand_over_soon = self._loop.call_soon(self._hand_over)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hand_over(self) -> None:
        self._hand_over_soon = None
        if self.writing is not None:
            return
        self._cancel_timer()
        batch, self.pending = self.pending, Batch()
        self.writing = batch
        self._work.put(batch)

    def _write(self) -> None:
        """The thread: one transaction for each batch."""
        while (batch := self._work.get()) is not None:
            failure: sqlite3.Error | None = None
            rows = len(batch)
            try:
                batch.write(self._connection)
            except sqlite3.Error as error:
                failure = error
            except Exception as error:
                # A defect: the thread has to go on, and the waiting saves have to fail.
                log.exception("store_writer_died")
                failure = sqlite3.InternalError(f"{type(error).__name__}: {error}")
            self._loop.call_soon_threadsafe(self._written, batch, failure)
            if failure is None:
                self._checkpoints.committed(rows)

    def _written(self, batch: Batch, error: sqlite3.Error | None) -> None:
        self.writing = None
        if error is None:
            self.commits += 1
            if batch.events:
                self._on_events(batch.events)
            for waiter in batch.waiters:
                if not waiter.done():
                    waiter.set_result(None)
        else:
            self._not_written(batch, error)
        if self.pending.waiters:
            self._flush_soon()
        elif len(self.pending):
            delay_s = self.event_delay_s if self.pending.events else self.flush_delay_s
            self.flush_in(delay_s if error is None else self._retry_delay_s)

    def _not_written(self, batch: Batch, error: sqlite3.Error) -> None:
        failure = explain(self._path, error)
        self.errors += 1
        self.last_error = {
            "reason": failure.reason,
            "message": failure.message,
            "time": time.time(),
        }
        log.error("store_write_failed", pending=len(batch), reason=failure.message)
        self.pending.take_back(batch)
        for waiter in batch.waiters:
            if not waiter.done():
                waiter.set_exception(failure)

"""Reads the event log for one webhook, where events came while it had no room or did not run."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from ..store.errors import StoreError
from ..store.event_log import EventLog
from ..store.store import Store

log = structlog.get_logger()

# The log is read again after so long, where it could not be.
READ_AGAIN_S = 1.0


class Reading(Protocol):
    """What events are read for."""

    @property
    def name(self) -> str:
        """The name of the webhook."""

    @property
    def types(self) -> tuple[str, ...]:
        """The beginnings of the types of events that are read."""

    def has_room(self, share: float = 1.0) -> bool:
        """Whether one more should be held in memory: no more than this share of the most."""

    def take_in(self, seq: int, kind: str, body: bytes) -> bool:
        """An event, in the order of the log. Whether it is to be delivered. Raises StoreError."""

    def skip(self, first: int, last: int) -> None:
        """The log was cut before these were read: nobody knows whether they were for it."""

    def read_some(self) -> None:
        """Some were read."""


class LogReader:
    """How far one webhook has read the event log. It keeps up, and takes events as they come, or
    it is behind, and reads them as there is room."""

    def __init__(self, events: EventLog, store: Store, reading: Reading) -> None:
        self._events = events
        self._store = store
        self._reading = reading
        self._behind_at: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_halted = False

    @property
    def keeps_up(self) -> bool:
        """Whether it takes events as they come."""
        return self._behind_at is None

    @property
    def through(self) -> int:
        """The number of the last event that was read."""
        return self._events.delivered if self._behind_at is None else self._behind_at

    @property
    def behind(self) -> int:
        """How many events it has not read."""
        return self._events.delivered - self.through

    def fall_behind(self, through: int) -> None:
        """Read what comes after this one from the log."""
        self._behind_at = through

    def catch_up_at_once(self) -> None:
        """Leave out what was not read."""
        self._behind_at = None

    async def read_on(self) -> None:
        """Take in what follows, until the log ends or there is no room. Raises StoreError."""
        events, reading = self._events, self._reading
        while self._behind_at is not None and not self._is_halted:
            if self._behind_at >= events.delivered:
                self._behind_at = None  # from here on events are taken as they come
                return
            if self._behind_at + 1 < events.oldest:
                reading.skip(self._behind_at + 1, events.oldest - 1)
                self._behind_at = events.oldest - 1
            found, through = await self._store.events_after(
                self._behind_at, events.delivered, reading.types
            )
            if self._behind_at is None:  # given up meanwhile
                return
            while found and reading.has_room():
                reading.take_in(*found[0])
                del found[0]
            # What there was no room for is read again.
            self._behind_at = found[0][0] - 1 if found else through
            reading.read_some()
            if found:
                return

    def read_on_soon(self) -> None:
        """Go on reading, where there is something to read, and room for more than a few."""
        if self.keeps_up or self._is_halted or self._task is not None:
            return
        if self._reading.has_room(0.5):
            self._task = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            await self.read_on()
        except StoreError as error:
            log.warning("webhook_cannot_read", webhook=self._reading.name, reason=error.message)
            await asyncio.sleep(READ_AGAIN_S)
        finally:
            self._task = None
        self._reading.read_some()
        self.read_on_soon()

    async def stored(self, numbers: Sequence[int]) -> list[tuple[int, str, bytes]]:
        """Number, type and body of those of these events that the log still has.

        Raises StoreError.
        """
        return await self._store.query(
            "SELECT seq, type, body FROM events"
            " WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (msgspec.json.encode(numbers).decode(),),
        )

    def halt(self) -> None:
        """Read nothing more."""
        self._is_halted = True

    async def stop(self) -> None:
        """Read nothing more, and end what is being read."""
        self.halt()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

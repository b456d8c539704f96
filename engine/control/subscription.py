"""One reader of the event log: a cursor that moves as fast as the reader takes the events.

Nothing is queued for a reader: what it has not taken yet is in the log, in memory or on the disk.
A reader that lets more than a limit of new events wait, or whose next event is no longer kept, is
cut off with a last line that says where to resume.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from ..store.errors import StoreError
from ..store.event_log import EventLog, encode_event
from ..store.kept_events import Event

# Events looked at in one turn of the loop while catching up, so that others get their turn.
CATCH_UP_EVENTS = 2_000
SNAPSHOT_LINES = 100  # the same for the lines of a snapshot, which take longer to make
TOO_SLOW = "events were not read fast enough; subscribe again with since = resume"

# The lines of a snapshot for a reader who has everything up to this number.
Snapshot = Callable[[int], Iterator[bytes]]


class EventFilter(NamedTuple):
    """The events that a reader gets: those whose type begins with one of `types` (none: all).

    `sees` says whether an event is for the reader (None: every one is).
    """

    types: tuple[str, ...] = ()
    sees: Callable[[Event], bool] | None = None

    def matches(self, event: Event) -> bool:
        """Whether the reader gets this event."""
        if self.types and not event.type.startswith(self.types):
            return False
        return self.sees is None or self.sees(event)


class Subscription:
    """Sends the events after `after` that match `wanted`.

    `write` takes one line; `pause` and `resume` say whether the transport takes more now;
    `snapshot` is sent once the reader has caught up, before the events that follow;
    `on_slow` is called once with the last line to send when the reader is cut off.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        wanted: EventFilter,
        after: int,
        limit_bytes: int,
        write: Callable[[bytes], None],
        on_slow: Callable[[bytes], None],
        snapshot: Snapshot | None = None,
    ) -> None:
        self._log = log
        self._types = wanted.types
        self._wants = wanted.matches
        self._sent = after  # every event up to here was sent or does not match
        self._replay_until = log.delivered
        self._limit_bytes = limit_bytes
        self._lag_bytes = 0  # new events that wait
        self._write = write
        self._on_slow = on_slow
        self._snapshot = snapshot
        self._room = asyncio.Event()
        self._paused = True  # as long as there is no room
        self._next_turn: asyncio.Handle | None = None
        # What cannot be done at once: reading from the disk, sending the snapshot.
        self._errand: asyncio.Task[None] | None = None

    def start(self, *, paused: bool) -> None:
        """Begin with what is kept, then go on with what is published."""
        if not paused:
            self._make_room()
        self._log.listen(self._on_event)
        self._catch_up()

    def stop(self) -> None:
        """Send nothing more."""
        self._log.forget(self._on_event)
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        if self._errand is not None:
            self._errand.cancel()

    def pause(self) -> None:
        """The transport takes no more for now."""
        self._paused = True
        self._room.clear()

    def resume(self) -> None:
        """The transport takes more again."""
        self._make_room()
        if self._next_turn is None and self._errand is None:
            self._catch_up()

    def _make_room(self) -> None:
        self._paused = False
        self._room.set()

    def _on_event(self, event: Event) -> None:
        if self._sent == event.seq - 1 and not self._paused and self._errand is None:
            self._sent = event.seq
            if self._wants(event):
                self._write(event.line)
            return
        if self._wants(event):
            self._lag_bytes += len(event.line)
        if self._lag_bytes > self._limit_bytes or self._log.oldest > self._sent + 1:
            self._cut_off(TOO_SLOW)

    def _catch_up(self) -> None:
        self._next_turn = None
        if self._paused:
            return
        if self._log.oldest <= self._sent + 1 < self._log.oldest_in_memory:
            self._errand = asyncio.get_running_loop().create_task(self._read_from_disk())
            return
        for seen, event in enumerate(self._log.after(self._sent)):
            if self._paused:
                return
            if seen == CATCH_UP_EVENTS:
                self._next_turn = asyncio.get_running_loop().call_soon(self._catch_up)
                return
            self._send(event)
        if self._snapshot is not None and not self._paused:
            snapshot, self._snapshot = self._snapshot, None
            lines = snapshot(self._sent)
            self._errand = asyncio.get_running_loop().create_task(self._send_snapshot(lines))

    def _send(self, event: Event) -> None:
        self._sent = event.seq
        if self._wants(event):
            # A reader that gets on with the replay is not slow yet.
            replaying = event.seq <= self._replay_until
            self._lag_bytes = 0 if replaying else max(0, self._lag_bytes - len(event.line))
            self._write(event.line)

    async def _read_from_disk(self) -> None:
        log = self._log
        while self._sent + 1 < log.oldest_in_memory:
            try:
                events, through = await log.stored_after(self._sent, self._types)
            except StoreError as error:
                self._cut_off(error.message)
                return
            if log.oldest > self._sent + 1:
                self._cut_off(TOO_SLOW)
                return
            for event in events:
                await self._room.wait()
                self._send(event)
            self._sent = through
            if through <= self._replay_until:
                self._lag_bytes = 0
        self._errand = None
        self._catch_up()

    async def _send_snapshot(self, lines: Iterator[bytes]) -> None:
        while some := list(islice(lines, SNAPSHOT_LINES)):
            # What these show may not be on the disk yet.
            await self._log.settled()
            for line in some:
                await self._room.wait()
                self._write(line)
            self._lag_bytes = 0
            await asyncio.sleep(0)
        self._errand = None
        self._catch_up()

    def _cut_off(self, reason: str) -> None:
        self.stop()
        params = {
            "seq": self._sent,
            "epoch": self._log.epoch,
            "time": time.time(),
            "type": "engine.slow_reader",
            "resume": self._sent,
            "reason": reason,
        }
        self._on_slow(encode_event(msgspec.json.Encoder(), params))

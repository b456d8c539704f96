"""One reader of the event log: a cursor that moves as fast as the reader takes the events.

Nothing is queued for a reader: what it has not taken yet is in the log, and only there. A reader
that lets more than a limit of new events wait, or whose next event is no longer kept, is cut off
with a last line that says where to resume.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec

from .events import Event, EventLog, encode_event

# Events looked at in one turn of the loop while catching up, so that others get their turn.
CATCH_UP_EVENTS = 2_000


class Subscription:
    """Sends the events after `after` whose type begins with one of `types` (none: all).

    `write` takes one line; `pause` and `resume` say whether the transport takes more now;
    `on_slow` is called once with the last line to send when the reader is cut off.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        types: tuple[str, ...],
        after: int,
        limit_bytes: int,
        write: Callable[[bytes], None],
        on_slow: Callable[[bytes], None],
    ) -> None:
        self._log = log
        self._types = types
        self._sent = after  # every event up to here was sent or does not match
        self._replay_until = log.seq
        self._limit_bytes = limit_bytes
        self._lag_bytes = 0  # new events that wait
        self._write = write
        self._on_slow = on_slow
        self._paused = False
        self._next_turn: asyncio.Handle | None = None

    def start(self, *, paused: bool) -> None:
        """Begin with what is kept, then go on with what is published."""
        self._paused = paused
        self._log.listen(self._on_event)
        self._catch_up()

    def stop(self) -> None:
        """Send nothing more."""
        self._log.forget(self._on_event)
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None

    def pause(self) -> None:
        """The transport has enough for now."""
        self._paused = True

    def resume(self) -> None:
        """The transport takes more again."""
        self._paused = False
        if self._next_turn is None:
            self._catch_up()

    def _wants(self, event: Event) -> bool:
        return not self._types or event.type.startswith(self._types)

    def _on_event(self, event: Event) -> None:
        if self._sent == event.seq - 1 and not self._paused:
            self._sent = event.seq
            if self._wants(event):
                self._write(event.line)
            return
        if self._wants(event):
            self._lag_bytes += len(event.line)
        if self._lag_bytes > self._limit_bytes or self._log.oldest > self._sent + 1:
            self._cut_off()

    def _catch_up(self) -> None:
        self._next_turn = None
        for seen, event in enumerate(self._log.after(self._sent)):
            if self._paused:
                return
            if seen == CATCH_UP_EVENTS:
                self._next_turn = asyncio.get_running_loop().call_soon(self._catch_up)
                return
            self._sent = event.seq
            if self._wants(event):
                # A reader that gets on with the replay is not slow yet.
                replaying = event.seq <= self._replay_until
                self._lag_bytes = 0 if replaying else max(0, self._lag_bytes - len(event.line))
                self._write(event.line)

    def _cut_off(self) -> None:
        self.stop()
        params = {
            "seq": self._sent,
            "epoch": self._log.epoch,
            "time": time.time(),
            "type": "engine.slow_reader",
            "resume": self._sent,
            "reason": "events were not read fast enough; subscribe again with since = resume",
        }
        self._on_slow(encode_event(msgspec.json.Encoder(), params))

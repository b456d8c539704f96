"""When to drain the relay: at every packet, or every one or two milliseconds.

With a few calls a wake for each packet is the quickest and costs little. With more, the wakes cost
more than the packets; the relay is then drained at fixed times, as network drivers do under load:
every two milliseconds, and every millisecond where handling a batch takes long.
"""

import asyncio
from typing import Final, Protocol

from .processor_time import ProcessorTime

POLL_S: Final = 0.002
POLL_OFTEN_S: Final = 0.001
_BUSY_WAKES: Final = 30  # wakes in a frame of 20 ms, from which on it pays to poll
_QUIET_PACKETS: Final = 30  # packets in a frame, below which it does not pay any more
_MANY_PACKETS: Final = 600  # packets in a frame, from which on a batch of 2 ms would take too long


class Drained(Protocol):
    """What is used of a relay."""

    def fileno(self) -> int:
        """A descriptor that is readable while there are packets."""

    def drain(self) -> int:
        """Take the packets there are; how many they were."""


class RelayPacing:
    """Drains a relay on the running loop. Call `frame` every 20 ms."""

    __slots__ = ("_loop", "_packets", "_poll_s", "_relay", "_timer", "_wakes")

    def __init__(self, loop: asyncio.AbstractEventLoop, relay: Drained) -> None:
        self._loop = loop
        self._relay = relay
        self._wakes = 0
        self._packets = 0
        self._poll_s = POLL_S
        self._timer: asyncio.TimerHandle | None = None
        loop.add_reader(relay.fileno(), self._readable)

    @property
    def polling(self) -> bool:
        """Whether the relay is drained at fixed times."""
        return self._timer is not None

    def frame(self) -> None:
        """Choose how to go on, by the traffic since the last call."""
        if self._timer is None:
            if self._wakes >= _BUSY_WAKES:
                self._loop.remove_reader(self._relay.fileno())
                self._timer = self._loop.call_later(self._poll_s, self._poll)
        elif self._packets < _QUIET_PACKETS:
            self._timer.cancel()
            self._timer = None
            self._loop.add_reader(self._relay.fileno(), self._readable)
        else:
            self._poll_s = POLL_OFTEN_S if self._packets >= _MANY_PACKETS else POLL_S
        self._wakes = self._packets = 0

    def processor_time(self) -> ProcessorTime:
        """None: it has no thread of its own."""
        return ProcessorTime(0.0)

    def stop(self) -> None:
        """Drain no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        else:
            self._loop.remove_reader(self._relay.fileno())

    def _readable(self) -> None:
        self._wakes += 1
        self._relay.drain()

    def _poll(self) -> None:
        self._timer = self._loop.call_later(self._poll_s, self._poll)
        self._packets += self._relay.drain()

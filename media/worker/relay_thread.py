"""The thread in which the relay in C works, and the event loop's part in it."""

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from ..priority import Turn, go_first
from .pacing import RelayPacing
from .processor_time import ProcessorTime, of_thread
from .relay import Relay

if TYPE_CHECKING:
    from ..relay import native


# Packets that are dealt with before the loop looks whether the clock is due: half a millisecond.
_AT_ONCE: Final = 16


class RelayReader(Protocol):
    """What has a relay's packets read, one way or the other."""

    def frame(self) -> None:
        """20 ms have passed."""

    def processor_time(self) -> ProcessorTime:
        """Of a thread that does nothing else."""

    def stop(self) -> None:
        """Read no more."""


def read_relay(loop: asyncio.AbstractEventLoop, relay: Relay) -> RelayReader:
    """Have the relay's packets read: in a thread where it is in C, else on the loop."""
    if relay.implementation.name == "plain":
        return RelayPacing(loop, relay)
    reader = RelayThread(loop, relay, cast("native.PacketRelay", relay.packets))
    go_first(Turn.RELAY, reader.native_id)
    return reader


class RelayThread:
    """Runs a relay in a thread; what it hands over is dealt with on the event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, relay: Relay, packets: "native.PacketRelay"
    ) -> None:
        self._loop = loop
        self._relay = relay
        self._packets = packets
        loop.add_reader(relay.fileno(), relay.receive_handed_over, _AT_ONCE)
        self._thread = threading.Thread(target=packets.run, name="relay", daemon=True)
        self._thread.start()
        assert self._thread.ident is not None and self._thread.native_id is not None
        clock = time.pthread_getcpuclockid(self._thread.ident)
        self.native_id = self._thread.native_id
        self._processor_time = of_thread(self.native_id, partial(time.clock_gettime, clock))

    def frame(self) -> None:
        """Nothing: it chooses by itself how often it looks."""

    def processor_time(self) -> ProcessorTime:
        """Of the thread so far."""
        return self._processor_time()

    def stop(self) -> None:
        """End the thread."""
        self._loop.remove_reader(self._relay.fileno())
        self._packets.stop()
        self._thread.join()

"""The lines that one connection of the control socket is sent."""

import asyncio

# Until the peer has taken what is beyond, nothing more is read from it.
WRITE_BUFFER_BYTES = 64 * 1024
# Events of one turn of the loop are written at once, up to this many bytes: each write wakes the
# reader's process, which costs more than the event.
GATHER_BYTES = 16 * 1024


class LineWriter:
    """Writes lines in the order they come; `pause` and `resume` as the transport says."""

    __slots__ = ("_gathered", "_gathered_bytes", "_gathering", "_loop", "_room", "_transport")

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._room = asyncio.Event()
        self._room.set()
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._gathering: asyncio.Handle | None = None

    def write(self, line: bytes) -> None:
        """Write a line now, after the events that wait."""
        self._gathered.append(line)
        self.flush()

    def write_event(self, line: bytes) -> None:
        """Write a line at the end of this turn of the loop, together with its others."""
        self._gathered.append(line)
        self._gathered_bytes += len(line)
        if self._gathered_bytes > GATHER_BYTES:
            self.flush()
        elif self._gathering is None:
            self._gathering = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits."""
        gathered = self._take()
        if gathered and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    def pause(self) -> None:
        """The peer does not take what it is sent."""
        self._room.clear()

    def resume(self) -> None:
        """The peer takes it again, or is gone, and nobody is to wait for it."""
        self._room.set()

    @property
    def has_room(self) -> bool:
        """Whether the peer takes what it is sent."""
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until `has_room`. Of several that wait, one at a time may find that it has."""
        while not self._room.is_set():
            await self._room.wait()

    def drop(self) -> None:
        """The connection is lost: forget what waits."""
        self._take()
        self.resume()

    def _take(self) -> list[bytes]:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
        return gathered

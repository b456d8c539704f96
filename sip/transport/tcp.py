"""SIP over TCP (RFC 3261 section 18): outgoing and accepted connections, within limits."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..errors import ParseError
from ..hop import Hop
from ..message.framing import StreamFramer


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Limits of the TCP transport. Times are in seconds."""

    connect_timeout_s: float = 4.0
    idle_s: float = 600.0
    """A connection without a complete message for this long is closed."""
    first_message_s: float = 30.0
    """An accepted connection must have sent a complete message within this time."""
    connections: int = 2_000
    connections_per_host: int = 200
    """Accepted connections of one host. Further ones are refused."""
    write_buffer_bytes: int = 1024 * 1024
    """A connection with more unsent bytes is closed, because its peer reads too slowly."""


class TcpTransport:
    """The listening sockets and the connections by peer address.

    Calls `on_message(data, source)` for each framed message and `on_batch_end()` after each group
    of messages. Calls `on_failed(hop, reason)` if a connection cannot be opened or is lost, and
    `on_malformed()` if a stream cannot be framed.
    """

    def __init__(
        self,
        *,
        on_message: Callable[[bytes, Hop], None],
        on_batch_end: Callable[[], None],
        on_failed: Callable[[Hop, str], None],
        on_malformed: Callable[[], None],
        limits: TcpLimits | None = None,
    ) -> None:
        self.on_message = on_message
        self.on_batch_end = on_batch_end
        self.on_failed = on_failed
        self.on_malformed = on_malformed
        self.limits = limits or TcpLimits()
        self._connections: dict[Hop, TcpConnection] = {}
        self._opening: dict[Hop, _Opening] = {}
        self._accepted: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._closing = False
        self.refused = 0
        """Connections refused because a limit was reached."""

    @property
    def connection_count(self) -> int:
        """The number of connections that are open or being opened."""
        return len(self._connections) + len(self._opening)

    def open(self) -> None:
        """Start closing idle connections. Needed also if nothing listens."""
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(self.limits.first_message_s / 3, self._close_idle)

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen and accept connections. Returns the bound address. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: TcpConnection(self, accepted=True), host, port, reuse_address=True
        )
        self._servers.append(server)
        address = server.sockets[0].getsockname()
        return str(address[0]), int(address[1])

    async def close(self) -> None:
        """Close everything."""
        self._closing = True
        if self._sweep is not None:
            self._sweep.cancel()
        for opening in list(self._opening.values()):
            opening.task.cancel()
        await asyncio.gather(
            *(opening.task for opening in self._opening.values()), return_exceptions=True
        )
        for server in self._servers:
            server.close()
        # The second `close` aborts connections whose peers do not read.
        for _ in range(2):
            for connection in list(self._connections.values()):
                connection.close()
            # Connections report their end in a later iteration of the loop.
            for _ in range(3):
                await asyncio.sleep(0)
        # Since Python 3.12 this also waits for the connections.
        for server in self._servers:
            await server.wait_closed()

    def send(self, hop: Hop, data: bytes) -> None:
        """Send on the connection to `hop`. Opens one if needed. Failures go to `on_failed`."""
        connection = self._connections.get(hop)
        if connection is not None:
            connection.write(data)
            return
        if self._closing:
            return
        opening = self._opening.get(hop)
        if opening is None:
            if self.connection_count >= self.limits.connections:
                self.on_failed(hop, "too many TCP connections")
                return
            task = asyncio.get_running_loop().create_task(self._connect(hop))
            opening = self._opening[hop] = _Opening(task, [], 0)
        opening.size_bytes += len(data)
        if opening.size_bytes <= self.limits.write_buffer_bytes:
            opening.waiting.append(data)

    async def _connect(self, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: TcpConnection(self, accepted=False, hop=hop), hop.host, hop.port
                )
        except TimeoutError:
            self._opening.pop(hop)
            self.on_failed(hop, "connection timed out")
        except OSError as error:
            self._opening.pop(hop)
            self.on_failed(hop, os.strerror(error.errno) if error.errno else str(error))
        except asyncio.CancelledError:
            self._opening.pop(hop, None)
            raise
        else:
            for data in self._opening.pop(hop).waiting:
                connection.write(data)

    # -- what connections call

    def admit(self, connection: "TcpConnection") -> bool:
        """Add a new connection to the table. Returns False if a limit is reached."""
        if connection.accepted:
            host = connection.hop.host
            if (
                self._closing
                or len(self._connections) >= self.limits.connections
                or self._accepted[host] >= self.limits.connections_per_host
            ):
                self.refused += 1
                return False
            self._accepted[host] += 1
        self._connections[connection.hop] = connection
        return True

    def discard(self, connection: "TcpConnection", reason: str) -> None:
        """Remove a closed connection from the table."""
        if self._connections.get(connection.hop) is not connection:
            return
        del self._connections[connection.hop]
        if connection.accepted:
            host = connection.hop.host
            self._accepted[host] -= 1
            if not self._accepted[host]:
                del self._accepted[host]
        if not self._closing:
            self.on_failed(connection.hop, reason)

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections.values()):
            if connection.accepted and not connection.proven:
                # Pings do not count as messages. A connection with pings only is closed too.
                is_due = now - connection.made_at > self.limits.first_message_s
            else:
                is_due = now - connection.active_at > self.limits.idle_s
            if is_due:
                connection.close()
        self._sweep = loop.call_later(self.limits.first_message_s / 3, self._close_idle)


@dataclass(slots=True)
class _Opening:
    task: asyncio.Task[None]
    waiting: list[bytes]
    size_bytes: int


class TcpConnection(asyncio.Protocol):
    """One connection: frames the input and limits the unsent output."""

    def __init__(self, owner: TcpTransport, *, accepted: bool, hop: Hop | None = None) -> None:
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._reason = "connection closed by the peer"
        self.hop = hop or Hop("tcp", "", 0)
        self.accepted = accepted
        self.proven = False
        """Whether a complete message was received."""
        self.made_at = self.active_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # uvloop's transports do not derive from asyncio's.
        stream = cast(asyncio.Transport, transport)
        self._transport = stream
        self.made_at = self.active_at = asyncio.get_running_loop().time()
        if self.accepted:
            peer = stream.get_extra_info("peername")
            if not peer:
                stream.abort()
                return
            self.hop = Hop("tcp", peer[0], peer[1])
        if not self._owner.admit(self):
            stream.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            messages = self._framer.feed(data)
        except ParseError as error:
            self._give_up(error)
            return
        pongs = self._framer.take_pongs()
        if pongs:
            self.write(b"\r\n" * pongs)  # RFC 5626 section 4.4.1
        if messages:
            self.proven = True
            self.active_at = asyncio.get_running_loop().time()
            for message in messages:
                self._owner.on_message(message, self.hop)
            self._owner.on_batch_end()
        if self._framer.fault is not None:
            self._give_up(self._framer.fault)

    def _give_up(self, error: ParseError) -> None:
        """Close the connection, because the next message cannot be found in the stream."""
        self._owner.on_malformed()
        self._reason = error.reason
        self.close()

    def write(self, data: bytes) -> None:
        """Send. Aborts the connection if too many bytes are unsent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self.active_at = asyncio.get_running_loop().time()
        transport.write(data)
        if self.unsent_bytes > self._owner.limits.write_buffer_bytes:
            self._reason = "the peer does not read"
            transport.abort()

    @property
    def unsent_bytes(self) -> int:
        """The bytes that the kernel has not accepted yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def close(self) -> None:
        """Close after the unsent bytes were sent. A second call aborts at once."""
        if self._transport is None:
            return
        if self._transport.is_closing():
            # The peer has not read the rest yet and may never do so.
            self._transport.abort()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        if isinstance(error, OSError) and error.errno:
            self._reason = os.strerror(error.errno)
        self._transport = None
        self._owner.discard(self, self._reason)

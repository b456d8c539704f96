"""SIP over TCP (RFC 3261 section 18): outgoing and accepted connections, within limits."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from ..hop import Hop
from .tcp_connection import TcpConnection
from .tcp_limits import Placed, TcpLimits, TcpPlaces
from .tcp_listener import TcpListener
from .turns import Turns

_INPUT_BYTES = 32 * 1024


class SourceLimits(Protocol):
    """Who is a configured peer, and how much each source may send."""

    def is_known(self, host: str) -> bool:
        """Whether the host is a configured peer's."""

    def wait_s(self, host: str, now: float) -> float:
        """Take the right to one message, and return 0; else after how many seconds there is one."""


class TcpTransport:
    """The listening sockets and the connections by peer address.

    Calls `on_message(data, source)` for each framed message and `on_batch_end()` after each group
    of messages. Calls `on_failed(hop, reason)` if a connection cannot be opened or is lost, and
    `on_malformed()` if a stream cannot be framed. `leave_from` has the address that connections
    leave from, by family; the kernel chooses where it has none.
    """

    def __init__(
        self,
        sources: SourceLimits,
        *,
        on_message: Callable[[bytes, Hop], None],
        on_batch_end: Callable[[], None],
        on_failed: Callable[[Hop, str], None],
        on_malformed: Callable[[], None],
        leave_from: Mapping[Literal["ipv4", "ipv6"], str],
        limits: TcpLimits | None = None,
    ) -> None:
        self._sources = sources
        self._on_message = on_message
        self._on_batch_end = on_batch_end
        self._on_failed = on_failed
        self._on_malformed = on_malformed
        self._leave_from = leave_from
        self.limits = limits or TcpLimits()
        self.input = bytearray(_INPUT_BYTES)
        self._connections: dict[Hop, TcpConnection] = {}
        self._places = TcpPlaces(self.limits)
        self._opening: dict[Hop, _Opening] = {}
        self._accepting: set[asyncio.Task[object]] = set()
        self._listeners: list[TcpListener] = []
        self._turns = Turns(time.monotonic)
        self._turn: asyncio.Handle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closing = False
        self.refused = 0
        """Connections refused because a limit was reached."""
        self.gave_way = 0
        """Connections of unknown sources that were closed to make room."""

    @property
    def connection_count(self) -> int:
        """The number of connections that are open or being opened."""
        return len(self._connections.keys() | self._opening.keys())

    def local_address(self, hop: Hop) -> tuple[str, int] | None:
        """Our own end of the connection to `hop`; None while there is none."""
        connection = self._connections.get(hop)
        return None if connection is None else connection.local_address

    def open(self) -> None:
        """Start closing idle connections. Needed also if nothing listens."""
        self._sweep = asyncio.get_running_loop().call_later(self._sweep_s, self._close_overdue)

    @property
    def _sweep_s(self) -> float:
        return min(self.limits.first_message_s / 3, 5.0)

    def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen and accept connections. Returns the bound address. Raises OSError."""
        listener = TcpListener(host, port, on_accepted=self._accepted, on_exhausted=self._make_room)
        self._listeners.append(listener)
        return listener.address

    async def close(self) -> None:
        """Close everything."""
        self._closing = True
        for handle in (self._sweep, self._turn):
            if handle is not None:
                handle.cancel()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        tasks = [*(opening.task for opening in self._opening.values()), *self._accepting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._turns.clear()
        # The second `close` aborts connections whose peers do not read.
        for _ in range(2):
            for connection in list(self._connections.values()):
                connection.close()
            # Connections report their end in a later iteration of the loop.
            for _ in range(3):
                await asyncio.sleep(0)

    # -- outgoing

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
            if not self._has_room(hop.host, is_known=True, is_accepted=False):
                self._on_failed(hop, "too many TCP connections")
                return
            task = asyncio.get_running_loop().create_task(self._connect(hop))
            opening = self._opening[hop] = _Opening(task, [], 0)
        opening.size_bytes += len(data)
        if opening.size_bytes <= self.limits.write_buffer_bytes:
            opening.waiting.append(data)

    async def _connect(self, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        here = self._leave_from.get("ipv6" if ":" in hop.host else "ipv4")
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: TcpConnection(self, hop, is_known=True, is_accepted=False),
                    hop.host,
                    hop.port,
                    local_addr=None if here is None else (here, 0),
                )
        except TimeoutError:
            self._opening.pop(hop)
            self._on_failed(hop, "connection timed out")
        except OSError as error:
            self._opening.pop(hop)
            self._on_failed(hop, os.strerror(error.errno) if error.errno else str(error))
        except asyncio.CancelledError:
            self._opening.pop(hop, None)
            raise
        else:
            for data in self._opening.pop(hop).waiting:
                connection.write(data)

    # -- accepted

    def _accepted(self, accepted: socket.socket, address: tuple[str, int]) -> None:
        """Give a connection its place, or close it."""
        hop = Hop("tcp", *address)
        is_known = self._sources.is_known(hop.host)
        # A connection of an unknown source costs as much as a message.
        is_over_rate = not is_known and self.wait_s(hop.host) > 0.0
        if is_over_rate or not self._has_room(hop.host, is_known=is_known, is_accepted=True):
            self.refused += 1
            accepted.close()
            return
        connection = TcpConnection(self, hop, is_known=is_known, is_accepted=True)
        task = asyncio.get_running_loop().create_task(self._set_up(connection, accepted))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _set_up(self, connection: TcpConnection, accepted: socket.socket) -> None:
        self._places.add(connection)
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # the peer has gone again
            self._places.discard(connection)
            accepted.close()
        except asyncio.CancelledError:
            self._places.discard(connection)
            accepted.close()
            raise

    def _has_room(self, host: str, *, is_known: bool, is_accepted: bool) -> bool:
        """Whether there is a place, perhaps because another connection gives way."""
        if self._closing:
            return False
        victim = self._places.victim_for(
            host,
            is_known=is_known,
            is_accepted=is_accepted,
            others=len(self._opening.keys() - self._connections.keys()),
        )
        if victim == "refuse":
            return False
        if victim is not None:
            self._give_way(victim)
        return True

    def _make_room(self) -> None:
        """There is no descriptor left: let an unknown source give way."""
        victim = self._places.first_to_give_way()
        if victim is not None:
            self._give_way(victim)

    def _give_way(self, connection: Placed) -> None:
        self.gave_way += 1
        self._places.discard(connection)
        connection.abort("it gave way to another")

    def _close_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections.values()):
            if connection.overdue(now) is not None:
                connection.close()
        self._sweep = loop.call_later(self._sweep_s, self._close_overdue)

    # -- what connections call

    def opened(self, connection: TcpConnection) -> bool:
        """See ConnectionOwner."""
        if self._closing:
            return False
        if not connection.is_accepted:
            self._places.add(connection)
        self._connections[connection.hop] = connection
        return True

    def lost(self, connection: TcpConnection, reason: str) -> None:
        """See ConnectionOwner."""
        self._places.discard(connection)
        if self._connections.get(connection.hop) is not connection:
            return
        del self._connections[connection.hop]
        is_of_a_call = connection.is_proven or not connection.is_accepted
        if is_of_a_call and not self._closing:
            self._on_failed(connection.hop, reason)

    def received(self, connection: TcpConnection) -> None:
        """See ConnectionOwner."""
        victim = self._places.holds(connection, connection.held_bytes)
        if victim is not None:
            self._give_way(victim)

    def handle(self, connection: TcpConnection, message: bytes) -> None:
        """See ConnectionOwner."""
        self._places.completed(connection)
        self._places.holds(connection, connection.held_bytes)
        self._on_message(message, connection.hop)

    def malformed(self) -> None:
        """See ConnectionOwner."""
        self._on_malformed()

    def wait_s(self, host: str) -> float:
        """See ConnectionOwner."""
        return self._sources.wait_s(host, asyncio.get_running_loop().time())

    def go_on_in(self, connection: TcpConnection, after_s: float) -> None:
        """See ConnectionOwner."""
        if self._closing:
            return
        if after_s > 0.0:
            asyncio.get_running_loop().call_later(after_s, self.go_on_in, connection, 0.0)
            return
        self._turns.add(connection)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._turn = None
        self._turns.run()
        self._on_batch_end()
        if self._turns and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turns)


@dataclass(slots=True)
class _Opening:
    task: asyncio.Task[None]
    waiting: list[bytes]
    size_bytes: int

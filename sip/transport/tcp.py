"""SIP over TCP, TLS and WebSockets (RFC 3261 section 18, RFC 7118): connections, within limits."""

import asyncio
import os
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ..hop import SECURE_TRANSPORTS, WEB_TRANSPORTS, Hop, Transport
from ..message.framing import MessageFramer, StreamFramer
from .socket_options import LeaveFrom, StreamOptions
from .tcp_connection import TcpConnection
from .tcp_listener import TcpListener
from .tcp_places import Placed, SourceLimits, TcpLimits, TcpPlaces
from .tls.channel import TlsChannel
from .tls.contexts import TlsContexts
from .tls.failure import TlsFailed
from .tls.failure_log import TlsFailureLog
from .tls_connection import MakeChannel, TlsConnection
from .turns import Turns
from .web_socket import WebSocketFramer

_INPUT_BYTES = 32 * 1024
_MOST_PONGING = 2_000


@dataclass(frozen=True, slots=True)
class StreamEvents:
    """What the transport calls: for each framed message, after each group of messages, for a
    connection that cannot be opened or is lost, for one whose peer no longer answers, and for a
    stream that cannot be framed."""

    on_message: Callable[[bytes, Hop], None]
    on_batch_end: Callable[[], None]
    on_failed: Callable[[Hop, str], None]
    on_silent: Callable[[Hop, str], None]
    on_malformed: Callable[[], None]


class TcpTransport:
    """The listening sockets and the connections by peer address, with TLS and without.

    The kernel chooses the address that a connection leaves from where `leave_from` has none.
    Without `tls` nothing is sent or accepted by TLS.
    """

    def __init__(
        self,
        sources: SourceLimits,
        events: StreamEvents,
        *,
        leave_from: LeaveFrom,
        limits: TcpLimits | None = None,
        options: StreamOptions | None = None,
        tls: TlsContexts | None = None,
    ) -> None:
        self._sources = sources
        self._events = events
        self._leave_from = dict(leave_from)
        self.limits = limits or TcpLimits()
        self._options = options or StreamOptions()
        self._tls = tls
        self.input = bytearray(_INPUT_BYTES)
        self._connections: dict[Hop, TcpConnection] = {}
        self._securing: set[TlsConnection] = set()
        self._of_proxies: set[TcpConnection] = set()  # it is not known yet whose they are
        self._places = TcpPlaces(self.limits)
        self._opening: dict[Hop, _Opening] = {}
        self._accepting: set[asyncio.Task[object]] = set()
        self._listeners: dict[Hop, TcpListener] = {}
        self._ponging: OrderedDict[Hop, None] = OrderedDict()
        self._turns = Turns(time.monotonic)
        self._turn: asyncio.Handle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closing = False
        self.refused = 0
        """Connections refused because a limit was reached."""
        self.gave_way = 0
        """Connections of unknown sources that were closed to make room."""
        self._failures = TlsFailureLog(time.monotonic)

    @property
    def connection_count(self) -> int:
        """The number of connections that are open or being opened."""
        incoming = sum(1 for one in self._securing if one.is_accepted)
        return len(self._connections.keys() | self._opening.keys()) + incoming

    @property
    def tls_failures(self) -> Counter[str]:
        """How many connections could not be made secure, by the word of the cause."""
        return self._failures.counts

    def local_address(self, hop: Hop) -> tuple[str, int] | None:
        """Our own end of the connection to `hop`; None while there is none."""
        connection = self._connections.get(hop)
        return None if connection is None else connection.local_address

    def web_origin(self, hop: Hop) -> str:
        """The web site whose page has connected as `hop`; "" where none has said so."""
        connection = self._connections.get(hop)
        return "" if connection is None else connection.web_origin

    @property
    def certificates(self) -> Mapping[str, float]:
        """Until when our certificates are valid: see TlsContexts."""
        return {} if self._tls is None else self._tls.valid_until

    def open(self) -> None:
        """Start closing idle connections. Needed also if nothing listens."""
        self._sweep = asyncio.get_running_loop().call_later(self._sweep_s, self._close_overdue)

    @property
    def _sweep_s(self) -> float:
        limits = self.limits
        return min(limits.first_message_s / 3, limits.handshake_s / 3, limits.pong_s / 3, 5.0)

    def configure_tls(self, contexts: TlsContexts) -> None:
        """Use these certificates for connections from now on; those that are up go on."""
        self._tls = contexts

    def listen(self, hop: Hop) -> tuple[str, int]:
        """Listen and accept connections. Returns the bound address. Raises OSError."""
        listener = TcpListener(
            hop.host,
            hop.port,
            on_accepted=partial(self._accepted, hop.transport, hop.local),
            on_exhausted=self._make_room,
        )
        address = listener.address
        self._listeners[hop._replace(host=address[0], port=address[1])] = listener
        return address

    def leave_from(self, local: str, family: Literal["ipv4", "ipv6"], host: str | None) -> None:
        """Have connections to the peers of a trunk leave from this address; None: as others do."""
        if host is None:
            self._leave_from.pop((local, family), None)
        else:
            self._leave_from[local, family] = host

    async def close(self) -> None:
        """Close everything."""
        self._closing = True
        for handle in (self._sweep, self._turn):
            if handle is not None:
                handle.cancel()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        tasks = [*(opening.task for opening in self._opening.values()), *self._accepting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._turns.clear()
        # The second `close` aborts connections whose peers do not read.
        for _ in range(2):
            for connection in [*self._connections.values(), *self._securing]:
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
            if hop.transport in WEB_TRANSPORTS:
                self._events.on_failed(hop, "the browser is not connected")
                return
            if not self._has_room(hop.host, is_known=True, is_accepted=False):
                self._events.on_failed(hop, "too many TCP connections")
                return
            task = asyncio.get_running_loop().create_task(self._connect(hop))
            opening = self._opening[hop] = _Opening(task, [], 0)
        opening.size_bytes += len(data)
        if opening.size_bytes <= self.limits.write_buffer_bytes:
            opening.waiting.append(data)

    async def _connect(self, hop: Hop) -> None:
        """Open a connection, make it secure where it has to be, and send what waits for it."""
        made: list[TlsConnection] = []
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                connection = await self._open(hop, made)
        except TimeoutError:
            self._opening.pop(hop)
            for one in made:
                one.time_out_handshake()
            reason = str(TlsFailed("handshake_timeout")) if made else "connection timed out"
            self._events.on_failed(hop, reason)
        except TlsFailed as failure:
            self._opening.pop(hop)
            self._events.on_failed(hop, failure.reason)
        except OSError as error:
            self._opening.pop(hop)
            self._events.on_failed(hop, os.strerror(error.errno) if error.errno else str(error))
        except asyncio.CancelledError:
            self._opening.pop(hop, None)
            for one in made:
                one.abort("given up")
            raise
        else:
            for data in self._opening.pop(hop).waiting:
                connection.write(data)

    async def _open(self, hop: Hop, made: list[TlsConnection]) -> TcpConnection:
        """`made` has the connection once TCP is connected. Raises OSError and TlsFailed."""
        loop = asyncio.get_running_loop()
        family: Literal["ipv4", "ipv6"] = "ipv6" if ":" in hop.host else "ipv4"
        here = self._leave_from.get((hop.local, family)) or self._leave_from.get(("", family))
        connection = self._connection(hop, is_known=True, is_accepted=False)
        connected = self._options.make(family, here)
        try:
            await loop.sock_connect(connected, (hop.host, hop.port))
            await loop.create_connection(lambda: connection, sock=connected)
        except BaseException:
            connected.close()
            raise
        if isinstance(connection, TlsConnection):
            made.append(connection)
            await connection.secured
        return connection

    def _connection(self, hop: Hop, *, is_known: bool, is_accepted: bool) -> TcpConnection:
        """A connection that is not open yet. Raises OSError where TLS is not set up."""
        framer: MessageFramer = StreamFramer()
        if hop.transport in WEB_TRANSPORTS:
            framer = WebSocketFramer(self._options.origins or None)
        if hop.transport in SECURE_TRANSPORTS:
            make = self._server_at(hop) if is_accepted else self._client_of(hop)
            return TlsConnection(
                self, hop, framer, make, is_known=is_known, is_accepted=is_accepted
            )
        return TcpConnection(self, hop, framer, is_known=is_known, is_accepted=is_accepted)

    def _client_of(self, hop: Hop) -> MakeChannel:
        if self._tls is None:
            raise OSError("TLS is not set up")
        context, names = self._tls.client(hop.local), self._tls.names(hop.local)
        return lambda: TlsChannel(
            context, is_server=False, name=hop.name or hop.host, or_names=names
        )

    def _server_at(self, hop: Hop) -> MakeChannel:
        assert self._tls is not None
        is_web = hop.transport in WEB_TRANSPORTS
        context = self._tls.web_server(hop.local) if is_web else self._tls.server(hop.local)
        return lambda: TlsChannel(context, is_server=True)

    # -- accepted

    def _accepted(
        self, transport: Transport, local: str, accepted: socket.socket, address: tuple[str, int]
    ) -> None:
        """Give a connection its place, or close it."""
        hop = Hop(transport, *address, local=local)
        is_proxy = transport in WEB_TRANSPORTS and self._options.proxies.has(hop.host)
        is_known = not is_proxy and self._sources.is_known(hop.host)
        # A connection of an unknown source costs as much as a message; one through a proxy does
        # once it is known whose it is.
        is_over_rate = not is_known and not is_proxy and not self._may_connect(hop)
        if is_over_rate or not self._has_room(hop.host, is_known=is_known, is_accepted=True):
            self.refused += 1
            accepted.close()
            return
        connection = self._connection(hop, is_known=is_known, is_accepted=True)
        if is_proxy:
            self._of_proxies.add(connection)
        task = asyncio.get_running_loop().create_task(self._set_up(connection, accepted))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _may_connect(self, hop: Hop) -> bool:
        """Whether an unknown source may connect now. A handshake costs far more than a message."""
        now = asyncio.get_running_loop().time()
        if (
            hop.transport in SECURE_TRANSPORTS
            and self._sources.handshake_wait_s(hop.host, now) > 0.0
        ):
            return False
        return self._sources.wait_s(hop.host, now) <= 0.0

    async def _set_up(self, connection: TcpConnection, accepted: socket.socket) -> None:
        self._places.add_connection(connection)
        try:
            loop = asyncio.get_running_loop()
            self._options.apply(accepted)
            await loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # the peer has gone again
            self._places.discard(connection)
            self._of_proxies.discard(connection)
            accepted.close()
        except asyncio.CancelledError:
            self._places.discard(connection)
            self._of_proxies.discard(connection)
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
            else:
                connection.keep_alive(now)
        for connection in list(self._securing):
            if connection.is_late(now):
                connection.time_out_handshake()
        self._sweep = loop.call_later(self._sweep_s, self._close_overdue)

    def trust(self, hop: Hop) -> None:
        """Take the peer at `hop`, who has shown a password, for a configured one from now on."""
        connection = self._connections.get(hop)
        if connection is not None and not connection.is_known:
            self._make_known(connection)

    def _make_known(self, connection: TcpConnection) -> None:
        self._places.discard(connection)
        connection.is_known = True
        self._places.add_connection(connection)

    # -- what connections call

    def made(self, connection: TcpConnection) -> bool:
        """See ConnectionOwner."""
        if self._closing:
            return False
        if not connection.is_accepted:
            self._places.add_connection(connection)
        if isinstance(connection, TlsConnection):
            self._securing.add(connection)
        return True

    def opened(self, connection: TcpConnection) -> bool:
        """See ConnectionOwner."""
        self._securing.discard(connection)
        if self._closing:
            return False
        self._connections[connection.hop] = connection
        return True

    def identify(self, connection: TcpConnection, names: tuple[str, ...]) -> str | None:
        """See ConnectionOwner."""
        name = self._sources.known_name(names) if names else None
        if name is not None and not connection.is_known:
            self._make_known(connection)
        return name

    def forwarded(self, connection: TcpConnection, for_whom: list[str]) -> bool:
        """See ConnectionOwner. From now on it is a connection of the client, not of the proxy."""
        if connection not in self._of_proxies:
            return True
        self._of_proxies.discard(connection)
        self._places.discard(connection)
        del self._connections[connection.hop]
        host = str(self._options.proxies.client(connection.hop.host, for_whom))
        connection.hop = hop = connection.hop._replace(host=host)
        connection.is_known = is_known = self._sources.is_known(host)
        now = asyncio.get_running_loop().time()
        is_over_rate = self._sources.wait_s(host, now) > 0.0 or hop in self._connections
        if is_over_rate or not self._has_room(host, is_known=is_known, is_accepted=True):
            self.refused += 1
            return False
        self._connections[hop] = connection
        self._places.add_connection(connection)
        return True

    def lost(self, connection: TcpConnection, reason: str) -> None:
        """See ConnectionOwner."""
        self._places.discard(connection)
        self._securing.discard(connection)
        self._of_proxies.discard(connection)
        if self._connections.get(connection.hop) is not connection:
            return
        del self._connections[connection.hop]
        is_of_a_call = connection.is_proven or not connection.is_accepted
        if is_of_a_call and not self._closing:
            tell = self._events.on_silent if connection.is_silent else self._events.on_failed
            tell(connection.hop, reason)

    def received(self, connection: TcpConnection) -> None:
        """See ConnectionOwner."""
        victim = self._places.holds(connection, connection.held_bytes)
        if victim is not None:
            self._give_way(victim)

    def handle(self, connection: TcpConnection, message: bytes) -> None:
        """See ConnectionOwner."""
        self._places.completed(connection)
        self._places.holds(connection, connection.held_bytes)
        self._events.on_message(message, connection.hop)

    def answers_pings(self, connection: TcpConnection, *, now_too: bool = False) -> bool:
        """See ConnectionOwner."""
        if now_too:
            self._ponging[connection.hop] = None
            self._ponging.move_to_end(connection.hop)
            while len(self._ponging) > _MOST_PONGING:
                self._ponging.popitem(last=False)
        return connection.hop in self._ponging

    def malformed(self) -> None:
        """See ConnectionOwner."""
        self._events.on_malformed()

    def tls_failed(self, connection: TcpConnection, failure: TlsFailed) -> None:
        """See ConnectionOwner."""
        if not self._closing:
            self._failures.log_failure(connection.hop, failure, is_known=connection.is_known)

    def wait_s(self, connection: TcpConnection) -> float:
        """See ConnectionOwner."""
        if connection in self._of_proxies:
            return 0.0
        now = asyncio.get_running_loop().time()
        return self._sources.wait_s(connection.hop.host, now, is_known=connection.is_known)

    def go_on_in(self, connection: TcpConnection, after_s: float) -> None:
        """See ConnectionOwner."""
        if self._closing:
            return
        if after_s > 0.0:
            asyncio.get_running_loop().call_later(after_s, self.go_on_in, connection, 0.0)
            return
        self._turns.add_worker(connection)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._turn = None
        self._turns.run()
        self._events.on_batch_end()
        if self._turns and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turns)


@dataclass(slots=True)
class _Opening:
    task: asyncio.Task[None]
    waiting: list[bytes]
    size_bytes: int

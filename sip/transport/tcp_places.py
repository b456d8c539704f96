"""The limits of the TCP transport, and who gives way where there is no room."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Literal, Protocol

from ..hop import Hop


class SourceLimits(Protocol):
    """Who is a configured peer, and how much each source may send."""

    def is_known(self, host: str) -> bool:
        """Whether the host is a configured peer's."""

    def known_name(self, names: tuple[str, ...]) -> str | None:
        """Which of the names of a certificate is a configured peer's."""

    def wait_s(self, host: str, now: float, *, is_known: bool = False) -> float:
        """Take the right to one message, and return 0; else after how many seconds there is one.

        `is_known`: it is a configured peer, whatever its host.
        """

    def handshake_wait_s(self, host: str, now: float) -> float:
        """The same for a TLS handshake of a host that is no configured peer's."""


class Placed(Protocol):
    """A connection that has a place, or wants one."""

    @property
    def hop(self) -> Hop:
        """The peer's address."""

    @property
    def is_known(self) -> bool:
        """Whether it is a configured peer's."""

    @property
    def is_accepted(self) -> bool:
        """Whether the peer opened it."""

    def abort(self, reason: str) -> None:
        """Close at once."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Limits of the TCP transport. Times are in seconds.

    A connection is of a configured peer, or of an unknown source. Those of unknown sources give
    way: they never take the place of a configured peer.
    """

    connect_timeout_s: float = 4.0
    """How long opening a connection may take, with its TLS handshake."""
    handshake_s: float = 10.0
    """How long an accepted connection has for its TLS handshake."""
    idle_s: float = 600.0
    """A connection without a complete message for this long is closed."""
    keepalive_s: float = 120.0
    """A connection that we opened is kept open by a ping (CRLF CRLF, RFC 5626 4.4.1): each comes
    after 80 to 100 % of this time. 0: none."""
    pong_s: float = 10.0
    """How long a peer that answers pings has for it, before the connection counts as lost."""
    first_message_s: float = 30.0
    """An accepted connection must have sent a complete message within this time, and every
    connection must have completed a message that it began."""
    over_rate_s: float = 5.0
    """An unknown source is not read while it is over its rate. After so long it is closed."""
    connections: int = 2_000
    connections_per_host: int = 200
    """Accepted connections of one configured peer. Further ones are refused."""
    unknown_connections: int = 1_000
    unknown_per_host: int = 50
    """Accepted connections of unknown sources, and of one of them. Idle ones give way."""
    unfinished_bytes: int = 4 * 1024 * 1024
    """What unknown sources may have sent of messages that are not complete or not handled."""
    write_buffer_bytes: int = 1024 * 1024
    """A connection with more unsent bytes is closed, because its peer reads too slowly."""
    unknown_write_buffer_bytes: int = 64 * 1024
    """An unknown source with more unsent bytes is not read until it has read them."""

    @classmethod
    def within(
        cls, descriptors: int, keepalive_s: float = 120.0, pong_s: float = 10.0
    ) -> TcpLimits:
        """Limits that leave three quarters of the file descriptors of the process to others."""
        most = max(16, descriptors // 4)
        defaults = cls()
        return cls(
            connections=min(defaults.connections, most),
            keepalive_s=keepalive_s,
            pong_s=pong_s,
            unknown_connections=min(defaults.unknown_connections, max(8, most // 2)),
        )


Verdict = Literal["refuse"] | None
"""That nobody can give way, or need not."""


class TcpPlaces:
    """Who has a connection. Says who gives way where another has none left.

    Of unknown sources, those that never completed a message give way first, then those that have
    been idle for longest.
    """

    def __init__(self, limits: TcpLimits) -> None:
        self._limits = limits
        self._known: set[Placed] = set()
        self._hosts: Counter[str] = Counter()
        # Both from the one that gives way first.
        self._half_open: OrderedDict[Placed, None] = OrderedDict()
        self._proven: OrderedDict[Placed, None] = OrderedDict()
        # What each unknown source has sent and we have not handled, since it began.
        self._unfinished: OrderedDict[Placed, int] = OrderedDict()
        self._unfinished_bytes = 0

    def __len__(self) -> int:
        return len(self._known) + self._unknown

    @property
    def _unknown(self) -> int:
        return len(self._half_open) + len(self._proven)

    def victim_for(
        self, host: str, *, is_known: bool, is_accepted: bool, others: int
    ) -> Placed | Verdict:
        """Who gives way to a connection of `host`; None where there is room.

        `others` are places taken by connections that are being opened. "refuse" where nobody can.
        """
        limits = self._limits
        if is_known:
            if is_accepted and self._hosts[host] >= limits.connections_per_host:
                return "refuse"
        elif self._hosts[host] >= limits.unknown_per_host:
            return self._first(host) or "refuse"
        elif self._unknown >= limits.unknown_connections:
            return self._first() or "refuse"
        if len(self) + others >= limits.connections:
            return self._first() or "refuse"
        return None

    def _first(self, host: str | None = None) -> Placed | None:
        for group in (self._half_open, self._proven):
            for connection in group:
                if host is None or connection.hop.host == host:
                    return connection
        return None

    def first_to_give_way(self) -> Placed | None:
        """The unknown source that gives way where the process has no descriptor left."""
        return self._first()

    def add_connection(self, connection: Placed) -> None:
        """Give it its place."""
        if connection.is_known:
            self._known.add(connection)
        else:
            self._half_open[connection] = None
        if connection.is_accepted:
            self._hosts[connection.hop.host] += 1

    def discard(self, connection: Placed) -> None:
        """Take its place back. Does nothing if it has none."""
        had_place = (
            connection in self._known or connection in self._half_open or connection in self._proven
        )
        if not had_place:
            return
        self._known.discard(connection)
        self._half_open.pop(connection, None)
        self._proven.pop(connection, None)
        self._unfinished_bytes -= self._unfinished.pop(connection, 0)
        if connection.is_accepted:
            host = connection.hop.host
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def completed(self, connection: Placed) -> None:
        """It has sent a complete message."""
        if not connection.is_known:
            self._half_open.pop(connection, None)
            self._proven[connection] = None
            self._proven.move_to_end(connection)

    def holds(self, connection: Placed, size: int) -> Placed | None:
        """It has sent `size` bytes not handled yet. Returns who gives way for it, if any."""
        if connection.is_known:
            return None
        before = self._unfinished.get(connection, 0)
        self._unfinished_bytes += size - before
        if size:
            self._unfinished[connection] = size
        else:
            self._unfinished.pop(connection, None)
        if self._unfinished_bytes <= self._limits.unfinished_bytes:
            return None
        return next(iter(self._unfinished))

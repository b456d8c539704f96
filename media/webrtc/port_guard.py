"""Which datagrams reach ICE and DTLS: those of the browser, and nothing of anybody else.

The library keeps whatever comes to a port for whom it may concern, without a bound, and answers
each STUN request. So before it sees a datagram: it is heard if it comes from where a candidate of
the browser is, if it answers a STUN request of ours, or if it is a STUN request that names our
part of the credentials (RFC 8445 section 7.3), which the browser alone was told.
"""

from collections.abc import Callable
from typing import Any, Final

from aioice import Connection

_STUN_TYPES: Final = 4
"""The first byte of STUN is below it (RFC 7983)."""
_TRANSACTION: Final = slice(8, 20)
_LONGEST_STUN_BYTES: Final = 1500
Source = tuple[Any, ...]


class PortGuard:
    """Guards the ports of one ICE connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: set[tuple[str, int]] = set()
        self.dropped = 0
        """How many datagrams of others have come."""

    def spend(self) -> None:
        """Stand before the ports that are open now: after the candidates were gathered."""
        for protocol in self._connection._protocols:
            setattr(protocol, "datagram_received", self._guarded(protocol))  # noqa: B010

    def _guarded(self, protocol: Any) -> Callable[[bytes, Source], None]:
        receive = protocol.datagram_received

        def datagram_received(data: bytes, source: Source) -> None:
            if self._is_heard(data, (source[0], source[1]), protocol.transactions):
                receive(data, source)
            else:
                self.dropped += 1

        return datagram_received

    def _is_heard(
        self, data: bytes, source: tuple[str, int], transactions: dict[bytes, Any]
    ) -> bool:
        if source in self._known:
            return True
        if data and data[0] < _STUN_TYPES and len(data) <= _LONGEST_STUN_BYTES:
            if data[_TRANSACTION] in transactions:
                return True
            return f"{self._connection.local_username}:".encode() in data
        # An address that ICE has checked since. The list is short, and is looked at for sound that
        # comes from elsewhere alone.
        pairs = (*self._connection._check_list, *self._connection._nominated.values())
        self._known = {pair.remote_addr for pair in pairs}
        return source in self._known

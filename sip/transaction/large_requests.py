"""Requests that may be too large for one datagram go by TCP (RFC 3261 section 18.1.1).

The path MTU is not known. A peer that has no TCP gets the request over UDP all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from typing import Final

from ..hop import Hop, named_transport
from ..message.message import Request
from ..message.uri import SipUri

MAX_DATAGRAM_BYTES: Final = 1300
TCP_S: Final = 1.5
"""How long a peer has to answer over TCP before UDP is tried: a firewall may drop what it gets."""
NO_TCP_S: Final = 600.0
"""How long a peer that could not be reached over TCP is not tried there again."""
_MOST_REMEMBERED: Final = 1_000

TcpVia = Callable[[Hop, str], str | None]
"""Our Via for a TCP hop and a branch; None where we have no TCP."""


class LargeRequests:
    """Decides which requests go by TCP in place of UDP. Times are seconds on the caller's clock."""

    def __init__(self, tcp_via: TcpVia) -> None:
        self._tcp_via = tcp_via
        self._without_tcp: OrderedDict[Hop, float] = OrderedDict()

    def by_tcp(
        self, request: Request, branch: str, hop: Hop, now: float
    ) -> tuple[Request, Hop] | None:
        """The request as it goes over TCP, and where to; None where it goes as it is.

        Where the URI names a transport, that is kept to.
        """
        if hop.transport != "udp" or _size(request) <= MAX_DATAGRAM_BYTES:
            return None
        uri = request.uri
        if isinstance(uri, SipUri) and named_transport(uri):
            return None
        tcp = hop._replace(transport="tcp")
        via = self._tcp_via(tcp, branch)
        if via is None or self._without_tcp.get(tcp, 0.0) > now:
            return None
        large = Request(request.method, uri, (), request.body)
        # The request was checked when it was built, and its first field is our Via.
        large._fields = [("Via", via), *request._fields[1:]]
        return large, tcp

    def failed(self, hop: Hop, now: float) -> None:
        """The peer has no TCP there."""
        self._without_tcp[hop] = now + NO_TCP_S
        self._without_tcp.move_to_end(hop)
        while len(self._without_tcp) > _MOST_REMEMBERED:
            self._without_tcp.popitem(last=False)


def _size(request: Request) -> int:
    """About how many bytes a request has."""
    fields = request._fields
    return len(request.body) + 64 + sum(map(len, chain.from_iterable(fields))) + 4 * len(fields)

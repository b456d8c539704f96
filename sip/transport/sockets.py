"""Every socket of one endpoint: bound to the addresses to listen on, and sent from."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from ..errors import ParseError, SipError
from ..hop import TRANSPORTS, Hop, Transport
from ..message.uri import parse_host_port
from .socket_options import NO_PROXIES, LeaveFrom, Proxies, StreamOptions
from .tcp import StreamEvents, TcpTransport
from .tcp_places import SourceLimits, TcpLimits
from .tls.contexts import TlsContexts
from .udp import UdpTransport

Family = Literal["ipv4", "ipv6"]
_WILDCARDS = ("0.0.0.0", "::")


class ListenError(SipError):
    """A listening address that is malformed, in use, or not an address of this host."""


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """What the sockets have in common. `dscp` marks their packets; 0 does not.

    `origins` are the web pages that may connect by WebSocket; empty: all.
    """

    dscp: int = 0
    tcp_limits: TcpLimits | None = None
    origins: tuple[str, ...] = ()
    proxies: Proxies = NO_PROXIES


class OnFailed(Protocol):
    """Is told of a hop that cannot be reached; `is_silent`: it no longer answers."""

    def __call__(
        self, hop: Hop, reason: str, quoted: bytes | None = None, *, is_silent: bool = False
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class SocketEvents:
    """What is called: for each message, after each group of messages, for a hop that cannot be
    reached (with what an ICMP error quotes) or no longer answers, and for a stream that cannot be
    framed."""

    on_message: Callable[[bytes, Hop], None]
    on_batch_end: Callable[[], None]
    on_failed: OnFailed
    on_malformed: Callable[[], None]


class Sockets:
    """The sockets of an endpoint. An address belongs to a trunk, or to all of them (`local`)."""

    def __init__(
        self,
        listen: tuple[Hop, ...],
        sources: SourceLimits,
        events: SocketEvents,
        options: SocketOptions,
        tls: TlsContexts | None,
    ) -> None:
        self._events = events
        self._options = options
        self._udp: dict[tuple[str, Family], UdpTransport] = {}
        self._asked: list[Hop] = []
        self.bound: list[Hop] = []
        """The bound addresses, in their order."""
        self.tcp = TcpTransport(
            sources,
            StreamEvents(
                events.on_message,
                events.on_batch_end,
                events.on_failed,
                partial(events.on_failed, is_silent=True),
                events.on_malformed,
            ),
            leave_from=leave_from(listen),
            limits=options.tcp_limits,
            options=StreamOptions(options.dscp, options.origins, options.proxies),
            tls=tls,
        )

    def open(self, listen: tuple[Hop, ...]) -> None:
        """Bind these. Raises ListenError."""
        self._asked.clear()
        self.bound.clear()
        self.tcp.open()
        for hop in listen:
            self.bind(hop)

    def bind_also(self, hop: Hop) -> None:
        """Listen on an address, where we do not already. Raises ListenError."""
        if hop not in self._asked:
            self.bind(hop)

    def bind(self, hop: Hop) -> None:
        """Listen on an address. Raises ListenError."""
        try:
            address = self._bind_udp(hop) if hop.transport == "udp" else self.tcp.listen(hop)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ListenError(f"{hop}: {reason.lower()}") from None
        if hop.local and hop.transport != "udp" and hop.host not in _WILDCARDS:
            self.tcp.leave_from(hop.local, family_of(hop.host), hop.host)
        self._asked.append(hop)
        self.bound.append(hop._replace(host=address[0], port=address[1]))

    def _bind_udp(self, hop: Hop) -> tuple[str, int]:
        key = hop.local, family_of(hop.host)
        if key in self._udp:
            raise ListenError(f"{hop}: only one UDP address of a family")
        udp = UdpTransport(
            on_datagram=self._events.on_message,
            on_batch_end=self._events.on_batch_end,
            on_failed=self._events.on_failed,
            local=hop.local,
            dscp=self._options.dscp,
        )
        address = udp.open(hop.host, hop.port)
        self._udp[key] = udp
        return address

    def send(self, hop: Hop, data: bytes) -> str | None:
        """Send to a hop. Returns why nothing can be sent there; other failures come as events."""
        if hop.transport != "udp":
            self.tcp.send(hop, data)
            return None
        udp = self._udp.get((hop.local, family_of(hop.host)))
        if udp is None:
            return "nothing listens on UDP of this address family"
        udp.send(hop, data)
        return None

    def has(self, hop: Hop, local: str) -> bool:
        """Whether a trunk has an address of its own of this transport and family."""
        return any(
            one.local == local
            and one.transport == hop.transport
            and family_of(one.host) == family_of(hop.host)
            for one in self.bound
        )

    def reachable(self, local: str) -> dict[Family, dict[Transport, tuple[str, int]]]:
        """The addresses of a trunk, or those that all share, at which peers reach us."""
        found: dict[Family, dict[Transport, tuple[str, int]]] = {"ipv4": {}, "ipv6": {}}
        for hop in self.bound:
            if hop.local == local:
                address = reachable_host(hop.host), hop.port
                found[family_of(hop.host)].setdefault(hop.transport, address)
        return found

    async def close(self) -> None:
        """Close them all."""
        for udp in self._udp.values():
            udp.close()
        self._udp.clear()
        await self.tcp.close()


def leave_from(listen: tuple[Hop, ...]) -> LeaveFrom:
    """The addresses that connections leave from, where one of each family is listened on."""
    chosen: dict[tuple[str, Family], str] = {}
    for hop in sorted(listen, key=lambda hop: hop.transport == "udp"):
        chosen.setdefault((hop.local, family_of(hop.host)), hop.host)
    return {key: host for key, host in chosen.items() if host not in _WILDCARDS}


def parse_listen(text: str, local: str = "") -> Hop:
    """Read `udp:HOST:PORT`, `tcp:[HOST]:PORT`, `tls:…`, `ws:…` or `wss:…`. Raises ListenError."""
    named, colon, rest = text.partition(":")
    transport = next((one for one in TRANSPORTS if one == named), None)
    if not colon or transport is None:
        raise ListenError(f"{text}: not udp:HOST:PORT, or the same with tcp, tls, ws or wss")
    host, colon, port = rest.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ListenError(f"{text}: the port is missing or not from 0 to 65535")
    try:
        host, _ = parse_host_port(host)
    except ParseError as error:
        raise ListenError(f"{text}: {error.reason}") from None
    return Hop(transport, host, int(port), local=local)


def family_of(host: str) -> Family:
    """The family of a numeric address."""
    return "ipv6" if ":" in host else "ipv4"


def reachable_host(host: str) -> str:
    """Return the address for peers. For a wildcard it is the one of the default route."""
    if host not in _WILDCARDS:
        return host
    family, probe = (
        (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as probing:
        try:
            # Connecting a datagram socket sends nothing; it asks the routing table.
            probing.connect((probe, 9))
            return str(probing.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"

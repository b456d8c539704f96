"""Options of the sockets of SIP: the mark of their packets, and when a peer counts as dead."""

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

UNACKNOWLEDGED_S: Final = 30.0
"""How long a peer may leave what we sent unacknowledged by TCP before the connection is lost."""


def mark(sock: socket.socket, dscp: int) -> None:
    """Have the packets of a socket carry this DSCP (RFC 2474), 0 to 63. 0 leaves them alone."""
    if not dscp:
        return
    # A kernel or container may forbid it; calls work without.
    with contextlib.suppress(OSError):
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


LeaveFrom = Mapping[tuple[str, Literal["ipv4", "ipv6"]], str]
"""The address that connections leave from, by trunk ("": all others) and family."""


class Proxies(Protocol):
    """Proxies before us, who say whose WebSocket they hand on."""

    def has(self, host: str) -> bool:
        """Whether this numeric address is one of theirs."""

    def client(self, peer: str, forwarded_for: Sequence[str]) -> object:
        """The address of the client of `peer`, by the values of X-Forwarded-For."""


class NoProxies:
    """There are none: every peer speaks for itself."""

    def has(self, host: str) -> bool:
        """See Proxies."""
        return False

    def client(self, peer: str, forwarded_for: Sequence[str]) -> object:
        """See Proxies."""
        return peer


NO_PROXIES: Final = NoProxies()


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the connections have in common.

    `origins` are the web pages that may connect by WebSocket; empty: all.
    """

    dscp: int = 0
    origins: tuple[str, ...] = ()
    proxies: Proxies = NO_PROXIES

    def make(self, family: Literal["ipv4", "ipv6"], host: str | None) -> socket.socket:
        """A socket to connect, bound to `host` if there is one. Raises OSError."""
        kind = socket.AF_INET6 if family == "ipv6" else socket.AF_INET
        made = socket.socket(kind, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self.apply(made)
            if host is not None:
                made.bind((host, 0))
        except OSError:
            made.close()
            raise
        return made

    def apply(self, sock: socket.socket) -> None:
        """Set the options of a connection's socket."""
        mark(sock, self.dscp)
        with contextlib.suppress(OSError):
            # A message is not held back until the one before it is acknowledged.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            limit_ms = int(UNACKNOWLEDGED_S * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)

"""How a SIP endpoint works, apart from its addresses and its owner."""

import random
from dataclasses import dataclass

from .rate_limit import SourceRates
from .transaction.timers import TimerValues
from .transport.socket_options import NO_PROXIES, Proxies
from .transport.tcp_places import TcpLimits
from .transport.tls.contexts import TlsOptions
from .user_agent import Bounds


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How an endpoint works. What is None is as RFC 3261 or the class it is for says.

    `advertise` is the host that peers shall use in place of the address that is bound.
    `name_servers` are asked in place of those of /etc/resolv.conf: address and port of each.
    """

    advertise: str | None = None
    product: str = "Ringback"
    timers: TimerValues | None = None
    rates: SourceRates | None = None
    bounds: Bounds | None = None
    tcp_limits: TcpLimits | None = None
    rng: random.Random | None = None
    name_servers: tuple[tuple[str, int], ...] = ()
    tls: TlsOptions | None = None
    dscp: int = 0
    """The mark of what is sent (RFC 2474), 0 to 63."""
    origins: tuple[str, ...] = ()
    """The web pages that may connect by WebSocket; empty: all."""
    proxies: Proxies = NO_PROXIES
    """Who says whose WebSocket it hands on."""

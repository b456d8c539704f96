"""Transport addresses that messages are sent to or received from."""

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from .errors import ParseError
from .message.uri import (
    DEFAULT_PORT,
    DEFAULT_TLS_PORT,
    SipUri,
    Uri,
    canonical_host,
    parse_host_port,
)

Transport = Literal["udp", "tcp", "tls", "ws", "wss"]

TRANSPORTS: Final[tuple[Transport, ...]] = ("udp", "tcp", "tls", "ws", "wss")

WEB_TRANSPORTS: Final = frozenset({"ws", "wss"})
"""SIP over WebSockets (RFC 7118). Browsers connect to us, and can never be connected to."""

SECURE_TRANSPORTS: Final = frozenset({"tls", "wss"})
"""Those whose connections begin with a TLS handshake."""

_DEFAULT_PORTS: Final[dict[Transport, int]] = {"tls": DEFAULT_TLS_PORT, "ws": 80, "wss": 443}


class Hop(NamedTuple):
    """A transport address: numeric host (IPv6 without brackets) and port.

    `name` is of TLS alone: the name that the peer's certificate has to have, or, of a peer that
    connected to us, the name by which its certificate is known. "" stands for the host itself.
    `local` is the trunk whose own addresses and certificate are used; "" for those that all share.
    """

    transport: Transport
    host: str
    port: int
    name: str = ""
    local: str = ""

    @property
    def media_host(self) -> str:
        """From where the peer's audio comes to us: a browser's is made plain on loopback."""
        return "127.0.0.1" if self.transport in WEB_TRANSPORTS else self.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


def default_port(transport: Transport) -> int:
    """The port where a URI or Via names none (RFC 3261 18.1.1 and 19.1.2, RFC 7118 section 5)."""
    return _DEFAULT_PORTS.get(transport, DEFAULT_PORT)


def named_transport(uri: SipUri) -> Transport | Literal["", "unsupported"]:
    """The transport that a URI names; "" where it leaves it open (RFC 3261 19.1.1, 26.2.2).

    A sips: URI always means TLS.
    """
    named = (uri.params.get("transport") or "").lower() if uri.params else ""
    if uri.scheme == "sips":
        return "tls" if named in ("", "tcp", "tls") else "unsupported"
    if named == "udp":
        return "udp"
    if named == "tcp":
        return "tcp"
    if named == "tls":
        return "tls"
    return "unsupported" if named else ""


def numeric_hop(uri: Uri, transport: Transport = "udp") -> Hop | None:
    """Return the transport address of a URI with a numeric host (RFC 3263 section 4).

    Returns None for a host name, for a scheme other than sip: and sips:, and for a transport
    other than UDP, TCP and TLS. `transport` is used when the URI names none.
    """
    if not isinstance(uri, SipUri):
        return None
    host, _ = uri.address
    if not is_numeric(host):
        return None
    named = named_transport(uri)
    if named == "unsupported":
        return None
    used = named or transport
    # The spelling of the kernel, because hops are compared with the source addresses it reports.
    return Hop(used, canonical_host(host), uri.port or default_port(used))


@lru_cache(maxsize=1024)
def is_numeric(host: str) -> bool:
    """Whether the host is an IPv4 or IPv6 address and not a name."""
    try:
        name, _ = parse_host_port(f"[{host}]" if ":" in host else host)
    except ParseError:
        return False
    return ":" in name or name.rpartition(".")[2].isdigit()

"""Transport addresses that messages are sent to or received from."""

from functools import lru_cache
from typing import Literal, NamedTuple

from .errors import ParseError
from .message.uri import SipUri, Uri, canonical_host, parse_host_port

Transport = Literal["udp", "tcp"]


class Hop(NamedTuple):
    """A transport address: numeric host (IPv6 without brackets) and port."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


def numeric_hop(uri: Uri, transport: Transport = "udp") -> Hop | None:
    """Return the transport address of a URI with a numeric host (RFC 3263 section 4).

    Returns None for a host name, for a scheme other than sip: and sips:, and for a transport
    other than UDP and TCP. `transport` is used when the URI names none.
    """
    if not isinstance(uri, SipUri):
        return None
    (host, port), named = uri.address, ""
    if uri.params:
        named = (uri.params.get("transport") or "").lower()
    if not is_numeric(host):
        return None
    if named == "tcp":
        transport = "tcp"
    elif named == "udp":
        transport = "udp"
    elif named:
        return None
    # The spelling of the kernel, because hops are compared with the source addresses it reports.
    return Hop(transport, canonical_host(host), port)


@lru_cache(maxsize=1024)
def is_numeric(host: str) -> bool:
    """Whether the host is an IPv4 or IPv6 address and not a name."""
    try:
        name, _ = parse_host_port(f"[{host}]" if ":" in host else host)
    except ParseError:
        return False
    return ":" in name or name.rpartition(".")[2].isdigit()

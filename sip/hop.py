"""Where a message goes to or came from."""

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
    """Where a URI with a numeric host leads (RFC 3263); None where it does not say.

    That is for names, other schemes, and transports that we have not. `transport` is for sips: and
    for a URI that names none.
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
    # As the kernel writes it: hops are compared with where messages and errors come from.
    return Hop(transport, canonical_host(host), port)


@lru_cache(maxsize=1024)
def is_numeric(host: str) -> bool:
    """An IPv4 or IPv6 address rather than a name."""
    try:
        name, _ = parse_host_port(f"[{host}]" if ":" in host else host)
    except ParseError:
        return False
    return ":" in name or name.rpartition(".")[2].isdigit()

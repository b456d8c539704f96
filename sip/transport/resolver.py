"""Resolve SIP URIs to transport addresses (RFC 3263).

Host names are looked up by the resolver of the system, as address records only: no NAPTR and no
SRV. The transport is that of `;transport=`, else UDP.
"""

import asyncio
import socket

from ..errors import SipError
from ..hop import Hop, Transport, numeric_hop
from ..message.uri import SipUri, Uri, parse_uri

_KEEP_S = 60.0
_CACHED_NAMES = 1_000


class ResolutionFailed(SipError):
    """A URI that is not sip:, has an unsupported transport, or a name without an address."""


class Resolver:
    """Resolves URIs for one endpoint. Caches up to 1,000 names for one minute each."""

    def __init__(self, *, timeout_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        self.prefers_ipv6 = False
        """Set by an endpoint that listens on IPv6 only."""
        self._names: dict[str, tuple[float, list[str]]] = {}

    async def resolve(self, text: str) -> Hop:
        """Resolve the text of a URI. Raises ParseError and ResolutionFailed."""
        return await self.resolve_uri(parse_uri(text))

    async def resolve_uri(self, uri: Uri, near: Hop | None = None) -> Hop:
        """Resolve a URI. Raises ResolutionFailed.

        `near` has the default transport and the preferred address family.
        """
        transport: Transport = "udp" if near is None else near.transport
        hop = numeric_hop(uri, transport)
        if not isinstance(uri, SipUri):
            raise ResolutionFailed(f"{uri} is not a SIP URI")
        named = (uri.params.get("transport") or transport).lower()
        if named not in ("udp", "tcp"):
            raise ResolutionFailed(f"transport {named} is not supported")
        if uri.scheme == "sips":
            raise ResolutionFailed("sips: needs TLS, which is not supported")
        if hop is not None:
            return hop
        transport = "tcp" if named == "tcp" else "udp"
        host, port = uri.address
        # IPv4 first, because few SIP elements have sockets of both families.
        wants_ipv6 = self.prefers_ipv6 if near is None else ":" in near.host
        addresses = await self._addresses(host)
        address = min(addresses, key=lambda address: (":" in address) != wants_ipv6)
        return Hop(transport, address, port)

    async def _addresses(self, name: str) -> list[str]:
        loop = asyncio.get_running_loop()
        known = self._names.get(name)
        if known is not None and known[0] > loop.time():
            return known[1]
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except TimeoutError:
            raise ResolutionFailed(f"{name}: no answer from the name service") from None
        except (OSError, UnicodeError) as error:
            raise ResolutionFailed(f"{name}: {error}") from None
        if not found:
            raise ResolutionFailed(f"{name} has no address")
        addresses = [str(entry[4][0]) for entry in found]
        self._names.pop(name, None)
        while len(self._names) >= _CACHED_NAMES:
            del self._names[next(iter(self._names))]
        self._names[name] = (loop.time() + _KEEP_S, addresses)
        return addresses

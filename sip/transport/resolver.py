"""Find the transport addresses that a SIP URI leads to (RFC 3263), best first.

NAPTR chooses the transport, SRV the servers and their ports, A and AAAA the addresses. What failed
a moment ago is tried last.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..errors import SipError
from ..hop import Hop, Transport, default_port, is_numeric, named_transport, numeric_hop
from ..message.uri import SipUri, Uri, parse_uri
from .dns.lookups import Lookups
from .dns.records import Kind, NameServiceError, Record, Srv, services_of
from .dns.srv_order import in_order
from .failed_hops import FailedHops

Family = Literal["ipv4", "ipv6"]

MOST_HOPS: Final = 16
"""The addresses of one URI that are tried. A call would be over long before more."""
_MOST_SERVERS: Final = 8
_SERVICES_S: Final = 2.0
"""How long NAPTR and SRV records are waited for. Without them it is the host of that name."""
_SERVICES: Final[dict[str, Transport]] = {"SIPS+D2T": "tls", "SIP+D2U": "udp", "SIP+D2T": "tcp"}
_SRV: Final[dict[Transport, str]] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_PLAIN: Final[tuple[Transport, ...]] = ("udp", "tcp")
_KINDS: Final[dict[Family, Kind]] = {"ipv4": "A", "ipv6": "AAAA"}


class ResolutionFailed(SipError):
    """A URI that is not sip:, has an unsupported transport, or a name without an address."""


@dataclass(frozen=True, slots=True)
class _Server:
    """One host to look up, and how to reach it there."""

    transport: Transport
    host: str
    port: int


class Resolver:
    """Resolves the URIs of one endpoint. `families` are those it has sockets of, best first.

    Without `has_tls` nothing is reached by TLS.
    """

    def __init__(
        self,
        lookups: Lookups,
        *,
        families: Sequence[Family] = ("ipv4", "ipv6"),
        has_tls: bool = True,
        rng: random.Random | None = None,
    ) -> None:
        self._lookups = lookups
        self.families = tuple(families)
        self.has_tls = has_tls
        self._rng = rng or random.Random()
        self.resting = FailedHops()

    async def hops(self, text: str) -> tuple[Hop, ...]:
        """Where the text of a URI leads. Raises ParseError and ResolutionFailed."""
        return await self.hops_of(parse_uri(text))

    async def hops_of(self, uri: Uri, near: Hop | None = None) -> tuple[Hop, ...]:
        """Where a URI leads, best first; at least one. Raises ResolutionFailed.

        `near` has the transport where the URI leaves it open, and the preferred address family: a
        dialog goes on as it began.
        """
        if not isinstance(uri, SipUri):
            raise ResolutionFailed(f"{uri} is not a SIP URI")
        named = named_transport(uri)
        if named == "unsupported":
            word = (uri.params.get("transport") or "").lower()
            raise ResolutionFailed(f"transport {word} is not supported by a {uri.scheme}: URI")
        transport: Transport | None = named or (near.transport if near is not None else None)
        if transport == "tls" and not self.has_tls:
            raise ResolutionFailed("it needs TLS, and sip.listen has no tls: address")
        hop = numeric_hop(uri, transport or "udp")
        if hop is not None:
            return (_expecting(uri.host, hop),)
        name = uri.address[0].rstrip(".")
        families = self.families
        if near is not None:
            preferred: Family = "ipv6" if ":" in near.host else "ipv4"
            families = (preferred, *(family for family in families if family != preferred))
        try:
            if uri.port is not None:
                servers = [_Server(transport or "udp", name, uri.port)]
            else:
                is_open = uri.scheme == "sips" and not uri.params.get("transport")
                servers = await self._servers(name, transport, is_open=is_open)
            found = await self._addresses(servers, families)
        except NameServiceError as error:
            raise ResolutionFailed(error.reason) from None
        if not found:
            raise ResolutionFailed(f"{name} has no address")
        hops = [_expecting(uri.host, hop) for hop in found[:MOST_HOPS]]
        return self.resting.last(hops, asyncio.get_running_loop().time())

    async def addresses(self, name: str) -> list[str]:
        """The addresses of a host name of the families that we have. Raises ResolutionFailed."""
        try:
            return await self._lookups.addresses(name, [_KINDS[one] for one in self.families])
        except NameServiceError as error:
            raise ResolutionFailed(error.reason) from None

    async def _servers(
        self, name: str, transport: Transport | None, *, is_open: bool
    ) -> list[_Server]:
        """The servers of a domain (RFC 3263 4.1, 4.2). Without SRV records it is the host itself.

        `is_open`: TLS is a must, and NAPTR records may say where.

        What is not answered is passed over: many name servers know no such records.
        """
        services: list[tuple[Transport, Srv]] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SERVICES_S):
                for used, question in await self._services(name, transport, is_open=is_open):
                    records = await self._records(question, "SRV")
                    found = [record for record in records if isinstance(record, Srv)]
                    services += [(used, record) for record in in_order(found, self._rng)]
        servers = [_Server(used, one.target, one.port) for used, one in services if one.target]
        if services and not servers:
            raise ResolutionFailed(f"{name} offers no SIP service")
        used = transport or "udp"
        return servers[:_MOST_SERVERS] or [_Server(used, name, default_port(used))]

    async def _records(self, name: str, kind: Kind) -> tuple[Record, ...]:
        try:
            return await self._lookups.records(name, kind)
        except NameServiceError:
            return ()

    async def _services(
        self, name: str, transport: Transport | None, *, is_open: bool
    ) -> list[tuple[Transport, str]]:
        """The transports and the names of their SRV records, best first."""
        if transport is not None and not is_open:
            return [(transport, f"{_SRV[transport]}.{name}")]
        records = await self._records(name, "NAPTR")
        supported = [
            one
            for one, used in _SERVICES.items()
            if (used == transport if is_open else used != "tls" or self.has_tls)
        ]
        offered = services_of(records, supported)
        if offered:
            return [(_SERVICES[one.service.upper()], one.replacement) for one in offered]
        usual = _PLAIN if transport is None else (transport,)
        return [(one, f"{_SRV[one]}.{name}") for one in usual]

    async def _addresses(self, servers: Sequence[_Server], families: Sequence[Family]) -> list[Hop]:
        """The addresses of the servers, in their order. Raises NameServiceError if none answers."""
        kinds = [_KINDS[family] for family in families]
        answers = await asyncio.gather(
            *(self._host(server.host, kinds) for server in servers), return_exceptions=True
        )
        found: dict[Hop, None] = {}
        failure: NameServiceError | None = None
        for server, addresses in zip(servers, answers, strict=True):
            if isinstance(addresses, NameServiceError):
                failure = addresses
            elif isinstance(addresses, BaseException):
                raise addresses
            else:
                for address in addresses:
                    found[Hop(server.transport, address, server.port)] = None
        if failure is not None and not found:
            raise failure
        return list(found)

    async def _host(self, host: str, kinds: Sequence[Kind]) -> list[str]:
        return [host] if is_numeric(host) else await self._lookups.addresses(host, kinds)


def _expecting(host: str, hop: Hop) -> Hop:
    """The hop, whose certificate has to be of the URI's host (RFC 5922 section 7.1)."""
    return hop._replace(name=host.rstrip(".")) if hop.transport == "tls" else hop

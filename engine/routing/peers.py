"""The configured peers by their addresses: which trunk one is, and where its calls may lead.

Trunks and `dial.allow_hosts` say who is a peer, and nothing else: dialogs and media of a call go
to these addresses, and to the one that the call came from or went to. Names are looked up again
and again, and all their addresses count.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import structlog

from config.settings import Trunk
from sip.errors import SipError
from sip.hop import WEB_TRANSPORTS, Hop, is_numeric, numeric_hop
from sip.message.uri import SipUri, parse_uri

from .permitted_host import PermittedHost, is_sip_port

log = structlog.get_logger()

LOOK_UP_AGAIN_S: Final = 30.0
"""What is asked of the name service is decided by the time to live of its answers."""
TRY_AGAIN_S: Final = 10.0
START_LIMIT_S: Final = 1.0
_AT_ONCE: Final = 32
_MOST_REMEMBERED: Final = 10_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Hops = Callable[[str], Awaitable[tuple[Hop, ...]]]


class Peers:
    """Knows the addresses of trunks and permitted hosts. `hops` says where a URI leads."""

    def __init__(self, trunks: Sequence[Trunk], allow_hosts: Sequence[str], hops: Hops) -> None:
        self._find = hops
        self._looking_up: asyncio.Task[None] | None = None
        self._found: dict[str, tuple[Hop, ...]] = {}
        self._not_found: set[str] = set()
        self.configure(trunks, allow_hosts)

    def configure(self, trunks: Sequence[Trunk], allow_hosts: Sequence[str]) -> None:
        """Have these from now on; what was looked up stays known."""
        self._trunks = {trunk.name: trunk.places for trunk in trunks}
        # Where hosts or a proxy are named, the name of the trunk need not have an address.
        self._may_be_nowhere = {
            uri for trunk in trunks for uri in trunk.places if uri not in trunk.sent_to
        }
        self._sources = [
            (ipaddress.ip_network(network), trunk.name)
            for trunk in trunks
            for network in trunk.sources
        ]
        self._by_name = {name: trunk.name for trunk in trunks for name in trunk.tls_names}
        self._media = [ipaddress.ip_network(network) for trunk in trunks for network in trunk.media]
        self._permitted = [PermittedHost.read(text) for text in allow_hosts]
        known, self._found = self._found, {}
        for uri in self._uris():
            hop = numeric_hop(parse_uri(uri))
            found = known.get(uri, ()) if hop is None else (hop,)
            if found:
                self._found[uri] = found
        self._index()

    # -- who it is --------------------------------------------------------------------------

    def trunk_of(self, source: Hop) -> str | None:
        """The trunk that a call from `source` comes from; None for another source.

        Its TLS certificate decides, then its address. Where two trunks have one address, the port
        decides where it differs. To the own address of a trunk only that trunk may call. A browser
        is no trunk, wherever it is.
        """
        if source.transport in WEB_TRANSPORTS:
            return None
        trunk = self._by_name.get(source.name) if source.name else None
        if trunk is None:
            trunk = self._trunk_at(source)
        return None if source.local and trunk != source.local else trunk

    def is_certified(self, source: Hop) -> bool:
        """Whether the TLS certificate of `source` says which trunk it is."""
        return bool(source.name) and source.name in self._by_name

    def known_name(self, names: Sequence[str]) -> str | None:
        """Which of the names of a verified certificate is a trunk's; None: none of them."""
        return next((name for name in names if name in self._by_name), None)

    def _trunk_at(self, source: Hop) -> str | None:
        at_host = self._trunk_hops.get(source.host, ())
        if source.local:
            at_host = [(name, hop) for name, hop in at_host if name == source.local]
        for name, hop in at_host:
            if hop.port == source.port:
                return name
        if at_host:
            return at_host[0][0]
        address = _address(source.host) if self._sources else None
        if address is not None:
            for network, name in self._sources:
                if address in network and source.local in ("", name):
                    return name
        return None

    def is_known(self, host: str) -> bool:
        """Whether this is the address of a trunk or of a permitted host."""
        known = self._known.get(host)
        if known is None:
            known = (
                host in self._trunk_hops
                or host in self._permitted_at
                or _is_in(host, [network for network, _ in self._sources])
            )
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[host] = known
        return known

    # -- where its calls may lead -----------------------------------------------------------

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """Whether requests of a dialog with `peer` may go to `hop`.

        To its own host and those of peers: by UDP to any port; by TCP to 5060, by TLS to 5061, to
        the port of a trunk, and to what `dial.allow_hosts` permits. Services that are no phones
        listen on TCP.
        """
        is_usual = hop.transport == "udp" or is_sip_port(hop.transport, hop.port)
        if hop.host == peer.host and (is_usual or hop.port == peer.port):
            return True
        for _, trunk in self._trunk_hops.get(hop.host, ()):
            if is_usual or hop.port == trunk.port:
                return True
        for permitted in self._permitted_at.get(hop.host, ()):
            if permitted.permits(SipUri("sip", permitted.host, port=hop.port), hop.transport):
                return True
        if _is_in(hop.host, [network for network, _ in self._sources]):
            return is_usual
        return False

    def may_get_media(self, host: str, peer_host: str) -> bool:
        """Whether RTP may be sent to `host` in a call with a peer whose SIP is at `peer_host`,
        before any has come from there. Otherwise anybody could be flooded by an SDP."""
        return host == peer_host or self.is_known(host) or _is_in(host, self._media)

    # -- looking names up -------------------------------------------------------------------

    async def start(self) -> None:
        """Look every name up, and again at intervals. Does not wait for a slow name service."""
        await asyncio.wait([self.look_up_soon()], timeout=START_LIMIT_S)

    def look_up_soon(self) -> "asyncio.Task[bool]":
        """Look every name up now, and again at intervals from now on."""
        self.stop()
        loop = asyncio.get_running_loop()
        first = loop.create_task(self.look_up())
        self._looking_up = loop.create_task(self._go_on(first))
        return first

    def stop(self) -> None:
        """Look nothing up any more."""
        if self._looking_up is not None:
            self._looking_up.cancel()
            self._looking_up = None

    async def look_up(self) -> bool:
        """Look everything up now. False when a name was not found: its known addresses stay."""
        room = asyncio.Semaphore(_AT_ONCE)
        found = await asyncio.gather(*(self._look_up(uri, room) for uri in self._uris()))
        return all(found)

    def _uris(self) -> set[str]:
        return {uri for uris in self._trunks.values() for uri in uris} | {
            _uri_of(one) for one in self._permitted
        }

    async def _look_up(self, uri: str, room: asyncio.Semaphore) -> bool:
        """Look one URI up. What is found is used at once: another name may stall."""
        try:
            async with room:
                hops = await self._find(uri)
        except SipError as error:
            if uri in self._may_be_nowhere:
                return True
            if uri not in self._not_found:
                self._not_found.add(uri)
                log.warning("peer_not_found", uri=uri, reason=error.reason)
            return False
        if uri in self._not_found:
            self._not_found.discard(uri)
            log.info("peer_found", uri=uri)
        if self._found.get(uri) != hops and uri in self._uris():
            self._found[uri] = hops
            self._index()
        return True

    async def _go_on(self, first: "asyncio.Task[bool]") -> None:
        found_all = await first
        while True:
            await asyncio.sleep(LOOK_UP_AGAIN_S if found_all else TRY_AGAIN_S)
            found_all = await self.look_up()

    def _index(self) -> None:
        """Sort what is known by address."""
        trunks: dict[str, list[tuple[str, Hop]]] = {}
        for name, uris in self._trunks.items():
            for hop in {hop: None for uri in uris for hop in self._found.get(uri, ())}:
                trunks.setdefault(hop.host, []).append((name, hop))
        permitted: dict[str, list[PermittedHost]] = {}
        for one in self._permitted:
            hops = self._found.get(_uri_of(one), ())
            for host in {one.host} if is_numeric(one.host) else {hop.host for hop in hops}:
                permitted.setdefault(host, []).append(one)
        self._trunk_hops: Mapping[str, Sequence[tuple[str, Hop]]] = trunks
        self._permitted_at: Mapping[str, Sequence[PermittedHost]] = permitted
        self._known: dict[str, bool] = {}


def _uri_of(permitted: PermittedHost) -> str:
    params: dict[str, str | None] = {}
    if permitted.transport == "tls":
        params["transport"] = "tls"  # its records are others
    return SipUri("sip", permitted.host, params=params).encode()


@lru_cache(_MOST_REMEMBERED)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    address = _address(host) if networks else None
    return address is not None and any(address in network for network in networks)

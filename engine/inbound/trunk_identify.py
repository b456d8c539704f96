"""Which trunk a call comes from: identified by its source address, and by nothing else.

A trunk's own address is that of its URI; a name is looked up again now and then. Other networks
from which a provider sends calls are configured.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

import structlog

from config.settings import Trunk
from sip.errors import SipError
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed

log = structlog.get_logger()

LOOK_UP_AGAIN_S = 300.0
TRY_AGAIN_S = 30.0
START_LIMIT_S = 1.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str], Awaitable[Hop]]


class TrunkIdentifier:
    """The addresses of the configured trunks. Until a trunk's name is found, its networks count."""

    def __init__(self, trunks: Sequence[Trunk], resolve: Resolve) -> None:
        self._resolve = resolve
        self._looking_up: asyncio.Task[None] | None = None
        self._own: dict[str, Hop] = {}
        self.configure(trunks)

    def configure(self, trunks: Sequence[Trunk]) -> None:
        """Have these trunks from now on; what was looked up stays known."""
        known = self._own
        self._uris = {trunk.name: trunk.uri for trunk in trunks}
        self._own = {name: known[name] for name in self._uris if name in known}
        self._networks: list[tuple[Network, str]] = [
            (ipaddress.ip_network(network), trunk.name)
            for trunk in trunks
            for network in trunk.sources
        ]

    def trunk_of(self, source: Hop) -> str | None:
        """The trunk that a call from `source` comes from; None for an unknown source.

        Where two trunks have one address, the port decides where it differs.
        """
        at_host = [name for name, hop in self._own.items() if hop.host == source.host]
        for name in at_host:
            if self._own[name].port == source.port:
                return name
        if at_host:
            return at_host[0]
        try:
            address = ipaddress.ip_address(source.host.partition("%")[0])
        except ValueError:
            return None
        for network, name in self._networks:
            if address in network:
                return name
        return None

    async def start(self) -> None:
        """Look every trunk up, and again at intervals. Does not wait for a slow name service."""
        await asyncio.wait([self.look_up_soon()], timeout=START_LIMIT_S)

    def look_up_soon(self) -> "asyncio.Task[bool]":
        """Look every trunk up now, and again at intervals from now on."""
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
        """Look every trunk up now. False when one was not found: its known address stays."""
        found_all = True
        for name, uri in tuple(self._uris.items()):
            try:
                hop = await self._resolve(uri)
            except (ResolutionFailed, SipError) as error:
                found_all = False
                log.warning("trunk_not_found", trunk=name, reason=str(error))
                continue
            if name in self._uris:
                self._own[name] = hop
        return found_all

    async def _go_on(self, first: "asyncio.Task[bool]") -> None:
        found_all = await first
        while True:
            await asyncio.sleep(LOOK_UP_AGAIN_S if found_all else TRY_AGAIN_S)
            found_all = await self.look_up()

"""One way to a browser by ICE (RFC 8445): aioice's agent, past whose queue the media goes.

A datagram of DTLS or media costs one call here, in place of a failed parse as STUN, a queue and a
task. The first byte tells them apart (RFC 7983).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aioice import Candidate as AioiceCandidate
from aioice import Connection, TransportPolicy
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from .messages import Candidate, IceDtls, IceServers
from .port_guard import PortGuard

_STUN_LAST: Final = 3
"""The first byte of STUN is 0 to 3."""


class IcePath(Connection):
    """One ICE session, from its gathering to its end.

    `on_datagram` is given everything that is no STUN.
    """

    def __init__(
        self, servers: IceServers, now: float, *, is_offerer: bool,
        on_datagram: Callable[[bytes], None],
    ) -> None:  # fmt: skip
        policy = TransportPolicy.RELAY if servers.relay_only else TransportPolicy.ALL
        super().__init__(is_offerer, transport_policy=policy, **_servers(servers, now))
        self._advertise = servers.advertise
        self._on_datagram = on_datagram

    async def gather(self, limit_s: float) -> tuple[Candidate, ...]:
        """Our candidates. Raises TimeoutError."""
        async with asyncio.timeout(limit_s):
            await self.gather_candidates()
        for protocol in self._protocols:
            protocol.datagram_received = _Sorter(  # type: ignore[assignment, method-assign]
                self._on_datagram, protocol.datagram_received
            )
        PortGuard(self).spend()
        return tuple(self._told(one) for one in self.local_candidates)

    def _told(self, found: AioiceCandidate) -> Candidate:
        is_own = found.type == "host" and self._advertise
        return Candidate(
            found.foundation,
            found.component,
            found.transport,
            found.priority,
            self._advertise if is_own else found.host,
            found.port,
            found.type,
            found.related_address or "",
            found.related_port or 0,
        )

    async def reach(self, remote: IceDtls) -> None:
        """Find the way to a browser. Raises ConnectionError where there is none."""
        self.remote_is_lite = remote.is_lite
        self.remote_username, self.remote_password = remote.ufrag, remote.password
        for candidate in remote.candidates:
            await self.add_remote_candidate(_to_library(candidate))
        await self.add_remote_candidate(None)
        await self.connect()

    def data_received(self, data: bytes, component: int) -> None:
        """See aioice.Connection: what came before `gather` was over."""
        self._on_datagram(data)

    def send_now(self, data: bytes) -> None:
        """Send by the pair that was nominated. Raises ConnectionError while there is none."""
        pair = self._nominated.get(1)
        if pair is None:
            raise ConnectionError("the browser is not reached")
        pair.protocol.transport.sendto(data, pair.remote_addr)

    async def until_lost(self) -> None:
        """Return once the browser no longer consents (RFC 7675), or the path is closed."""
        await self.get_event()


class _Sorter:
    """Gives STUN to the library, and everything else to `on_datagram`."""

    __slots__ = ("_on_datagram", "_on_stun")

    def __init__(
        self, on_datagram: Callable[[bytes], None], on_stun: Callable[[Any, Any], None]
    ) -> None:
        self._on_datagram = on_datagram
        self._on_stun = on_stun

    def __call__(self, data: bytes, addr: Any) -> None:
        if data and data[0] > _STUN_LAST:
            self._on_datagram(data)
        else:
            self._on_stun(data, addr)


def _servers(servers: IceServers, now: float) -> dict[str, Any]:
    """The servers as the library takes them; `now` is in Unix seconds."""
    found = []
    if servers.stun:
        found.append(RTCIceServer(servers.stun))
    if servers.turn:
        name, password = servers.turn_credentials(now)
        found.append(RTCIceServer(servers.turn, username=name, credential=password))
    return connection_kwargs(found)


def _to_library(candidate: Candidate) -> AioiceCandidate:
    return AioiceCandidate(
        component=candidate.component,
        foundation=candidate.foundation,
        host=candidate.host,
        port=candidate.port,
        priority=candidate.priority,
        transport=candidate.transport,
        type=candidate.kind,
        related_address=candidate.related_host or None,
        related_port=candidate.related_port or None,
    )

"""The audio of one browser: ICE and DTLS-SRTP towards it, plain RTP and RTCP on loopback.

The engine's media worker takes the plain side for a phone. The plain ports stay the same when ICE
is restarted, so that a browser may change its network in mid-call.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, Literal, cast

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceServer,
    RTCIceTransport,
)
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from msgspec import structs

from .messages import Candidate, Connect, IceDtls, IceServers, Setup
from .port_guard import PortGuard

LOOPBACK: Final = "127.0.0.1"
GATHER_S: Final = 5.0
SETUP_S: Final = 30.0
"""How long ICE and DTLS may take together."""

_HASH: Final = "sha-256"

State = Literal["connected", "failed", "lost"]


class SessionFailed(Exception):
    """A session that cannot be: the message is the reason."""


class PlainSide(asyncio.DatagramProtocol):
    """One UDP socket on loopback. Takes datagrams from the one address that it is told alone."""

    def __init__(self, on_datagram: Callable[[bytes], None]) -> None:
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self.peer: tuple[str, int] | None = None

    async def open(self) -> int:
        """Bind; returns the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(LOOPBACK, 0)
        )
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol."""
        if self.peer is not None and addr[:2] == self.peer:
            self._on_datagram(data)

    def send(self, data: bytes) -> None:
        """Send to the peer; nothing while there is none."""
        if self._transport is not None and self.peer is not None:
            self._transport.sendto(data, self.peer)

    def close(self) -> None:
        """Release the port."""
        if self._transport is not None:
            self._transport.close()


class _Unprotected(RTCDtlsTransport):
    """A DTLS transport whose decrypted packets go to two callables, not to a decoder."""

    def __init__(
        self,
        ice: RTCIceTransport,
        certificate: RTCCertificate,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
    ) -> None:
        super().__init__(ice, [certificate])
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_rtcp(data)


class BrowserSession:
    """The audio of one call of a browser. `on_state(state, reason)` is called with its changes."""

    def __init__(
        self,
        servers: IceServers,
        certificate: RTCCertificate,
        on_state: Callable[[State, str], None],
    ) -> None:
        self._servers = servers
        self._certificate = certificate
        self._on_state = on_state
        self._rtp = PlainSide(self._to_browser)
        self._rtcp = PlainSide(self._to_browser)
        self.port = self.rtcp_port = 0
        self._ice: RTCIceTransport | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._remote: IceDtls | None = None
        self._local: IceDtls | None = None
        self._setting_up: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def describe(self, remote: IceDtls | None) -> IceDtls:
        """Our side, for a browser that offers `remote`, or, with None, for our own offer.

        Raises SessionFailed and OSError.
        """
        if not self.port:
            self.port = await self._rtp.open()
            self.rtcp_port = await self._rtcp.open()
        if self._local is not None and (remote is None or self._is_same(remote)):
            return self._local if remote is None else self._settled(self._local)
        await self._stop_transports()
        local = await self._gather(is_offerer=remote is None, setup=_setup_for(remote))
        if remote is not None:
            self.answered(remote)
        return local

    def _settled(self, local: IceDtls) -> IceDtls:
        """Our side with the part in DTLS that we have, as an answer has to name it (RFC 8842)."""
        is_client = self._dtls is not None and self._dtls._role == "client"
        return structs.replace(local, setup="active" if is_client else "passive")

    def _is_same(self, remote: IceDtls) -> bool:
        """Whether the browser is where it was, with the certificate that it had."""
        known = self._remote
        return known is not None and (known.ufrag, known.fingerprints) == (
            remote.ufrag,
            remote.fingerprints,
        )

    async def _gather(self, *, is_offerer: bool, setup: Setup) -> IceDtls:
        servers = self._servers
        gatherer = RTCIceGatherer(
            iceServers=_ice_servers(servers),
            iceTransportPolicy=(
                RTCIceTransportPolicy.RELAY if servers.relay_only else RTCIceTransportPolicy.ALL
            ),
        )
        ice = RTCIceTransport(gatherer)
        ice._connection.ice_controlling = is_offerer
        self._ice = ice
        dtls = _Unprotected(ice, self._certificate, self._rtp.send, self._rtcp.send)
        dtls._set_role("client" if setup == "active" else "server")
        self._dtls = dtls
        async with asyncio.timeout(GATHER_S):
            await gatherer.gather()
        PortGuard(ice._connection).take()
        candidates = tuple(self._candidate(one) for one in gatherer.getLocalCandidates())
        if not candidates:
            raise SessionFailed("this host has no address that a browser could reach")
        told = gatherer.getLocalParameters()
        self._local = IceDtls(
            told.usernameFragment or "",
            told.password or "",
            tuple(
                (one.algorithm, one.value)
                for one in dtls.getLocalParameters().fingerprints
                if one.algorithm == _HASH
            ),
            setup,
            candidates,
        )
        return self._local

    def _candidate(self, found: RTCIceCandidate) -> Candidate:
        is_own = found.type == "host" and self._servers.advertise
        return Candidate(
            found.foundation,
            found.component,
            found.protocol,
            found.priority,
            self._servers.advertise if is_own else found.ip,
            found.port,
            found.type,
            found.relatedAddress or "",
            found.relatedPort or 0,
        )

    def answered(self, remote: IceDtls) -> None:
        """The browser has described itself: reach it. Does nothing where it is reached so."""
        if self._is_closed or self._is_same(remote):
            return
        self._remote = remote
        if self._setting_up is None:
            self._setting_up = asyncio.get_running_loop().create_task(self._set_up(remote))

    async def _set_up(self, remote: IceDtls) -> None:
        ice, dtls = self._ice, self._dtls
        assert ice is not None and dtls is not None
        try:
            async with asyncio.timeout(SETUP_S):
                for candidate in remote.candidates:
                    with contextlib.suppress(ValueError):  # of a kind that we do not know
                        await ice.addRemoteCandidate(_to_library(candidate))
                await ice.addRemoteCandidate(None)
                await ice.start(RTCIceParameters(remote.ufrag, remote.password, remote.is_lite))
                if ice.state != "completed":
                    self._on_state("failed", "no way to the browser was found (ICE)")
                    return
                if dtls._role == "server" and remote.setup == "passive":
                    dtls._set_role("client")
                await dtls.start(
                    RTCDtlsParameters([RTCDtlsFingerprint(*one) for one in remote.fingerprints])
                )
        except TimeoutError:
            self._on_state("failed", f"the browser was not reached within {SETUP_S:g} s")
            return
        if dtls.state != "connected":
            self._on_state("failed", "the browser's DTLS handshake failed")
            return
        dtls.on("statechange", lambda: self._dtls_changed(dtls))
        self._on_state("connected", "")

    def _dtls_changed(self, dtls: RTCDtlsTransport) -> None:
        if dtls is self._dtls and dtls.state == "closed" and not self._is_closed:
            self._on_state("lost", "the browser is gone")

    def connect(self, where: Connect) -> None:
        """Exchange plain RTP and RTCP with these ports."""
        self._rtp.peer = where.host, where.port
        self._rtcp.peer = where.host, where.rtcp_port

    def _to_browser(self, data: bytes) -> None:
        dtls = self._dtls
        if dtls is None or dtls.state != "connected" or len(data) < 2:
            return
        # Sending awaits nothing, but it is a coroutine: it is run to its end at once.
        sending = dtls._send_rtp(data)
        with contextlib.suppress(StopIteration, ConnectionError):
            cast(Any, sending).send(None)
            sending.close()

    async def _stop_transports(self) -> None:
        if self._setting_up is not None:
            self._setting_up.cancel()
            await asyncio.gather(self._setting_up, return_exceptions=True)
            self._setting_up = None
        dtls, ice = self._dtls, self._ice
        self._dtls = self._ice = self._local = self._remote = None
        if dtls is not None:
            with contextlib.suppress(ConnectionError):
                await dtls.stop()
        if ice is not None:
            await ice.stop()

    async def close(self) -> None:
        """Release everything."""
        self._is_closed = True
        self._rtp.close()
        self._rtcp.close()
        await self._stop_transports()


def _setup_for(remote: IceDtls | None) -> Setup:
    """Our part in DTLS: we wait for the browser's handshake, unless it waits for ours."""
    if remote is None:
        return "actpass"
    return "active" if remote.setup == "passive" else "passive"


def _ice_servers(servers: IceServers) -> list[RTCIceServer]:
    found = []
    if servers.stun:
        found.append(RTCIceServer(servers.stun))
    if servers.turn:
        name, password = servers.turn_credentials(time.time())
        found.append(RTCIceServer(servers.turn, username=name, credential=password))
    return found


def _to_library(candidate: Candidate) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=candidate.component,
        foundation=candidate.foundation,
        ip=candidate.host,
        port=candidate.port,
        priority=candidate.priority,
        protocol=candidate.transport,
        type=candidate.kind,
        relatedAddress=candidate.related_host or None,
        relatedPort=candidate.related_port or None,
    )

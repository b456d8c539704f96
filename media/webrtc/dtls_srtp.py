"""DTLS-SRTP with a browser (RFC 5764): aiortc's handshake, and its keys for the media.

It stays the same when ICE is restarted (RFC 8842 section 4): the way below it changes.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import pylibsrtp
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
)

from .messages import IceDtls, Setup

_HASH: Final = "sha-256"
_RTCP: Final = range(192, 224)
"""The second byte of RTCP where RTP is beside it (RFC 5761 section 4)."""
_MEDIA: Final = range(128, 192)
"""The first byte of RTP and RTCP (RFC 7983)."""


class _Below(RTCIceTransport):
    """What DTLS reads from and writes to: datagrams, whatever way they take."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._write = send
        self._recv = self._arrived.get
        self._send = self._send_now

    async def _send_now(self, data: bytes) -> None:
        self._write(data)


class DtlsSrtp:
    """One association. `send` sends a datagram to the browser, and may raise ConnectionError.

    `on_rtp` and `on_rtcp` are given what has come from the browser, unprotected.
    """

    def __init__(
        self,
        certificate: RTCCertificate,
        setup: Setup,
        send: Callable[[bytes], None],
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
    ) -> None:
        self._below = _Below(send)
        self._dtls = RTCDtlsTransport(self._below, [certificate])
        self._dtls._set_role("client" if setup == "active" else "server")
        self._send = send
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._received: pylibsrtp.Session | None = None
        self._sent: pylibsrtp.Session | None = None
        self.on_closed: Callable[[], None] = lambda: None
        """Called once the browser has ended it."""

    @property
    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """The hash of our certificate."""
        told = self._dtls.getLocalParameters().fingerprints
        return tuple((one.algorithm, one.value) for one in told if one.algorithm == _HASH)

    @property
    def setup(self) -> Setup:
        """Our part, as an answer has to name it."""
        return "active" if self._dtls._role == "client" else "passive"

    @property
    def is_up(self) -> bool:
        """Whether media can be exchanged."""
        return self._sent is not None and self._dtls.state == "connected"

    async def start(self, remote: IceDtls) -> bool:
        """Shake hands with the browser. Whether that has worked."""
        if self._dtls._role == "server" and remote.setup == "passive":
            self._dtls._set_role("client")
        fingerprints = [RTCDtlsFingerprint(*one) for one in remote.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints))
        if self._dtls.state != "connected":
            return False
        self._received, self._sent = self._dtls._rx_srtp, self._dtls._tx_srtp
        self._dtls.on("statechange", self._changed)
        return True

    def _changed(self) -> None:
        if self._dtls.state == "closed":
            self.on_closed()

    def datagram_received(self, data: bytes) -> None:
        """A datagram has come from the browser that is no STUN."""
        if data[0] not in _MEDIA:
            self._below._arrived.put_nowait(data)
            return
        session = self._received
        if session is None or len(data) < 2:
            return
        try:
            if data[1] in _RTCP:
                self._on_rtcp(session.unprotect_rtcp(data))
            else:
                self._on_rtp(session.unprotect(data))
        except pylibsrtp.Error:  # forged, repeated, or of another key
            pass

    def protect(self, data: bytes) -> None:
        """Send plain RTP or RTCP to the browser; nothing while it is not reached."""
        session = self._sent
        if session is None or len(data) < 2:
            return
        try:
            is_rtcp = data[1] in _RTCP
            self._send(session.protect_rtcp(data) if is_rtcp else session.protect(data))
        except (ConnectionError, pylibsrtp.Error):
            pass

    async def stop(self) -> None:
        """End it."""
        self.on_closed = lambda: None
        self._sent = self._received = None
        await self._dtls.stop()

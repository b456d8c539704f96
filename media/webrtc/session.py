"""The audio of one browser: ICE and DTLS-SRTP towards it, plain RTP and RTCP on loopback.

The engine's media worker takes the plain side for a phone. The plain ports and the keys stay the
same when ICE is restarted, so that a browser may change its network in mid-call.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Callable
from typing import Final, Literal

from aiortc import RTCCertificate
from msgspec import structs

from ..rtp_socket import RtpSocket
from .dtls_srtp import DtlsSrtp
from .ice import IcePath
from .messages import Connect, IceDtls, IceServers, Setup

LOOPBACK: Final = "127.0.0.1"
GATHER_S: Final = 6.0
SETUP_S: Final = 30.0
"""How long ICE and DTLS may take together."""

FAULT: Final = "a fault of the WebRTC process"

State = Literal["connected", "failed", "lost"]


class SessionFailed(Exception):
    """A session that cannot be: the message is the reason."""


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
        self._rtp = RtpSocket(self._to_browser, self._failed)
        self._rtcp = RtpSocket(self._to_browser, self._failed)
        self.port = self.rtcp_port = 0
        self._path: IcePath | None = None
        self._next_path: IcePath | None = None  # while ICE is restarted
        self._dtls: DtlsSrtp | None = None
        self._remote: IceDtls | None = None
        self._local: IceDtls | None = None
        self._setting_up: asyncio.Task[None] | None = None
        self._watching: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def describe(self, remote: IceDtls | None) -> IceDtls:
        """Our side, for a browser that offers `remote`, or, with None, for our own offer.

        A browser that offers other credentials restarts ICE; with another certificate it begins
        anew. Raises SessionFailed and OSError.
        """
        if not self.port:
            await self._rtp.open(LOOPBACK)
            await self._rtcp.open(LOOPBACK)
            self.port, self.rtcp_port = self._rtp.address[1], self._rtcp.address[1]
        local = self._local
        if local is not None and (remote is None or self._is_same(remote)):
            return local if remote is None else self._settled(local)
        is_restart = remote is not None and self._has_keys_of(remote)
        if is_restart:
            await self._give_up_setup()
        else:
            await self._stop_transports()
        local = await self._gather(is_offerer=remote is None, setup=_setup_for(remote))
        if remote is not None:
            self.answered(remote)
        return self._settled(local) if is_restart else local

    def _settled(self, local: IceDtls) -> IceDtls:
        """Our side with the part in DTLS that we have, as an answer has to name it (RFC 8842)."""
        return structs.replace(local, setup="passive" if self._dtls is None else self._dtls.setup)

    def _is_same(self, remote: IceDtls) -> bool:
        """Whether the browser is where it was, with the certificate that it had."""
        known = self._remote
        return known is not None and (known.ufrag, known.fingerprints) == (
            remote.ufrag,
            remote.fingerprints,
        )

    def _has_keys_of(self, remote: IceDtls) -> bool:
        """Whether the association that is up is with this certificate of the browser."""
        known, dtls = self._remote, self._dtls
        is_up = dtls is not None and dtls.is_up
        return is_up and known is not None and known.fingerprints == remote.fingerprints

    async def _gather(self, *, is_offerer: bool, setup: Setup) -> IceDtls:
        path = IcePath(
            self._servers, time.time(), is_offerer=is_offerer, on_datagram=self._from_browser
        )
        self._next_path = path
        if self._dtls is None:
            self._dtls = DtlsSrtp(
                self._certificate, setup, self._send, self._rtp.send, self._rtcp.send
            )
        candidates = await path.gather(GATHER_S)
        if not candidates:
            raise SessionFailed("this host has no address that a browser could reach")
        self._local = IceDtls(
            path.local_username,
            path.local_password,
            self._dtls.fingerprints,
            setup,
            candidates,
        )
        return self._local

    def answered(self, remote: IceDtls) -> None:
        """The browser has described itself: reach it. Does nothing where it is reached so."""
        if self._is_closed or self._is_same(remote):
            return
        self._remote = remote
        if self._setting_up is None and self._next_path is not None:
            setting_up = self._set_up(self._next_path, remote)
            self._setting_up = asyncio.get_running_loop().create_task(setting_up)

    async def _set_up(self, path: IcePath, remote: IceDtls) -> None:
        dtls = self._dtls
        assert dtls is not None
        try:
            async with asyncio.timeout(SETUP_S):
                await path.reach(remote)
                before, self._path, self._next_path = self._path, path, None
                self._watch(self._until_lost(path))
                if before is not None:  # ICE was restarted, and the keys stay as they are
                    self._watch(before.close())
                elif not await dtls.start(remote):
                    self._on_state("failed", "the browser's DTLS handshake failed")
                    return
        except TimeoutError:
            self._on_state("failed", f"the browser was not reached within {SETUP_S:g} s")
        except ConnectionError:
            self._on_state("failed", "no way to the browser was found (ICE)")
        except Exception:  # noqa: BLE001 - this browser's call ends by it
            traceback.print_exc()
            self._on_state("failed", FAULT)
        else:
            dtls.on_closed = lambda: self._on_state("lost", "the browser is gone")
            self._on_state("connected", "")

    async def _until_lost(self, path: IcePath) -> None:
        await path.until_lost()
        if path is self._path and not self._is_closed:
            self._on_state("lost", "the browser no longer answers")

    def _watch(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    def connect(self, where: Connect) -> None:
        """Exchange plain RTP and RTCP with these ports of this host."""
        if not self.port:  # it could not be described
            return
        with contextlib.suppress(OSError):  # none of this host: there is no sound
            self._rtp.connect(where.host, where.port)
            self._rtcp.connect(where.host, where.rtcp_port)

    def _from_browser(self, data: bytes) -> None:
        if self._dtls is not None:
            self._dtls.datagram_received(data)

    def _to_browser(self, data: bytes) -> None:
        if self._dtls is not None:
            self._dtls.protect(data)

    def _failed(self) -> None:
        self._on_state("lost", FAULT)

    def _send(self, data: bytes) -> None:
        path = self._path
        if path is not None:
            path.send_now(data)

    async def _give_up_setup(self) -> None:
        """A path that is not up yet is not wanted any more."""
        if self._setting_up is not None:
            self._setting_up.cancel()
            await asyncio.gather(self._setting_up, return_exceptions=True)
            self._setting_up = None
        path, self._next_path = self._next_path, None
        if path is not None:
            await path.close()

    async def _stop_transports(self) -> None:
        await self._give_up_setup()
        dtls, path = self._dtls, self._path
        self._local = self._remote = None
        if dtls is not None:
            with contextlib.suppress(ConnectionError):
                await dtls.stop()
        self._dtls = self._path = None
        if path is not None:
            await path.close()

    async def close(self) -> None:
        """Release everything."""
        self._is_closed = True
        self._rtp.close()
        self._rtcp.close()
        await self._stop_transports()
        await asyncio.gather(*self._watching, return_exceptions=True)


def _setup_for(remote: IceDtls | None) -> Setup:
    """Our part in DTLS: we wait for the browser's handshake, unless it waits for ours."""
    if remote is None:
        return "actpass"
    return "active" if remote.setup == "passive" else "passive"

"""The audio of browsers' calls: what they describe is made plain by the WebRTC process."""

import structlog
from msgspec import structs

from media.webrtc.messages import Candidate, IceDtls, IceServers, Setup, StateChanged
from media.webrtc_client import WebRtcClient, WebRtcFailed
from sip.sdp.description import SessionDescription
from sip.sdp.webrtc import (
    IceCandidate,
    WebSide,
    is_of_browser,
    plain_address,
    read_web,
    to_plain,
    to_web,
)
from sip.transport.web_edge import Untranslated

log = structlog.get_logger()

LOOPBACK = "127.0.0.1"
_WILDCARDS = ("0.0.0.0", "::")


class BrowserAudio:
    """What sip.transport.web_edge.Browsers has about audio.

    `media_host` is where the media worker is reached on this host.
    """

    def __init__(self, servers: IceServers, media_host: str) -> None:
        self._media_host = LOOPBACK if media_host in _WILDCARDS else media_host
        self._client = WebRtcClient(servers, self._changed)
        self._mids: dict[str, str] = {}
        self._parts: dict[str, Setup] = {}  # ours in DTLS, as an answer names it

    async def to_plain(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """See Browsers."""
        if not is_of_browser(session):
            raise Untranslated("it is not protected by DTLS")
        described = read_web(session)
        self._mids[call_id] = described.mid
        remote = _told(described.side)
        try:
            own = await self._client.describe(call_id, remote if is_offer else None)
        except WebRtcFailed as error:
            raise Untranslated(str(error)) from error
        if is_offer:
            self._parts[call_id] = own.local.setup
        else:
            self._client.answered(call_id, remote)
        return to_plain(session, LOOPBACK, own.port, own.rtcp_port)

    async def to_web(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """See Browsers."""
        try:
            own = await self._client.describe(call_id, None)
        except WebRtcFailed as error:
            raise Untranslated(str(error)) from error
        self._connect(call_id, session)
        # An offer after the first leaves the parts open again (RFC 8842 section 5.5).
        part = "actpass" if is_offer else self._parts.get(call_id, own.local.setup)
        side = _shown(own.local, part)
        return to_web(session, side, self._mids.setdefault(call_id, "0"))

    def _connect(self, call_id: str, session: SessionDescription) -> None:
        address = plain_address(session)
        if address is not None:
            _, port, rtcp_port = address
            self._client.connect(call_id, self._media_host, port, rtcp_port)

    def call_ids(self) -> set[str]:
        """See Browsers."""
        return set(self._client.sessions)

    def end(self, call_id: str) -> None:
        """See Browsers."""
        self._mids.pop(call_id, None)
        self._parts.pop(call_id, None)
        self._client.close_session(call_id)

    def _changed(self, change: StateChanged) -> None:
        level = log.info if change.state == "connected" else log.warning
        level("browser_audio", call_id=change.session, state=change.state, reason=change.reason)

    async def close(self) -> None:
        """End the process."""
        await self._client.close()


def _told(side: WebSide) -> IceDtls:
    return IceDtls(
        side.ufrag,
        side.password,
        side.fingerprints,
        side.setup,
        tuple(Candidate(*structs.astuple(one)) for one in side.candidates),
        side.is_lite,
    )


def _shown(local: IceDtls, part: Setup) -> WebSide:
    return WebSide(
        local.ufrag,
        local.password,
        local.fingerprints,
        part,
        tuple(IceCandidate(*structs.astuple(one)) for one in local.candidates),
    )

"""The browsers that speak SIP with the engine: see sip.transport.web_edge.Browsers."""

from collections.abc import Callable, Mapping, Sequence

from config.checks.addresses import listens_to_browsers
from config.rights import Right
from config.settings import Settings
from config.sip import Digest
from config.webrtc import WebRtc
from media.webrtc.messages import IceServers
from sip.hop import Hop
from sip.message.message import Fields, Request
from sip.policy import Admission, Authenticated
from sip.sdp.description import SessionDescription
from sip.transport.web_edge import browser_peer

from .browser_audio import BrowserAudio
from .page_tokens import PageCalls
from .registrar import BrowserRegistrar


class Browsers:
    """The agents' browsers and the audio of their calls.

    A browser that is signed in may take over a call of its own (RFC 3891), as after a reload of its
    page. Visitors of a web page who show a token may call as `pages` says. Nobody else begins a
    call from a browser.
    """

    def __init__(
        self,
        digest: Digest,
        tokens: Mapping[str, str],
        servers: IceServers,
        pages: PageCalls,
        *,
        media_host: str,
        on_proved: Callable[[Hop], None],
        on_gone: Callable[[Hop, bool], None],
    ) -> None:
        self.registrar = BrowserRegistrar(digest, tokens, on_proved)
        self._audio = BrowserAudio(servers, media_host)
        self._pages = pages
        self._on_proved = on_proved
        self._on_gone = on_gone

    def register(self, request: Request, hop: Hop, now: float) -> tuple[int, Fields]:
        """See sip.transport.web_edge.Browsers."""
        return self.registrar.register(request, hop, now)

    def hop_of(self, name: str, now: float) -> Hop | None:
        """See sip.transport.web_edge.Browsers."""
        binding = self.registrar.binding_of(name, now)
        return None if binding is None else binding.hop

    def contact_at(self, hop: Hop) -> str | None:
        """See sip.transport.web_edge.Browsers."""
        return self.registrar.contact_at(hop)

    def gone(self, hop: Hop, *, is_silent: bool) -> None:
        """See sip.transport.web_edge.Browsers."""
        self.registrar.gone(hop)
        self._on_gone(hop, is_silent)

    def may_call(self, invite: Request, hop: Hop, now: float) -> bool:
        """See sip.transport.web_edge.Browsers."""
        return self._agent_by(invite, hop, now) is not None or self._pages.may_call(
            invite, hop, now
        )

    def _agent_by(self, invite: Request, hop: Hop, now: float) -> str | None:
        """The agent whose browser would take over a call of its own by an INVITE."""
        return None if invite.get("Replaces") is None else self.registrar.agent_at(hop, now)

    def admits(self, invite: Request, hop: Hop, now: float) -> Admission:
        """What becomes of an INVITE that a browser would begin a call by, or take one over."""
        agent = self._agent_by(invite, hop, now)
        if agent is not None:
            return Authenticated(browser_peer(agent))
        visitor = self._pages.use(invite, hop, now)
        if visitor is None:
            return "refuse"
        self._on_proved(hop)
        return Authenticated(visitor)

    async def to_plain(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """See sip.transport.web_edge.Browsers."""
        return await self._audio.to_plain(call_id, session, is_offer=is_offer)

    async def to_web(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """See sip.transport.web_edge.Browsers."""
        return await self._audio.to_web(call_id, session, is_offer=is_offer)

    def call_ids(self) -> set[str]:
        """See sip.transport.web_edge.Browsers."""
        return self._audio.call_ids()

    def end(self, call_id: str) -> None:
        """See sip.transport.web_edge.Browsers."""
        self._audio.end(call_id)

    async def close(self) -> None:
        """End the process that has the audio."""
        await self._audio.close()


def browsers_of(
    settings: Settings,
    pages: PageCalls,
    *,
    on_proved: Callable[[Hop], None],
    on_gone: Callable[[Hop, bool], None],
) -> Browsers | None:
    """The browsers of a configuration that listens for any; else None."""
    if not listens_to_browsers(settings):
        return None
    return Browsers(
        settings.sip.digest,
        agent_tokens(settings.rights),
        ice_servers(settings.webrtc),
        pages,
        media_host=settings.media.address,
        on_proved=on_proved,
        on_gone=on_gone,
    )


def agent_tokens(rights: Sequence[Right]) -> dict[str, str]:
    """The tokens of agents, by the agent: with these their browsers sign in."""
    tokens = ((one.agent, one.token.get_secret_value()) for one in rights)
    return {agent: token for agent, token in tokens if agent and token}


def ice_servers(webrtc: WebRtc) -> IceServers:
    """The servers of [webrtc], for the process that has the audio of browsers."""
    return IceServers(
        webrtc.stun,
        webrtc.turn,
        webrtc.turn_username,
        webrtc.turn_password.get_secret_value(),
        webrtc.relay_only,
        webrtc.advertise,
        webrtc.turn_secret.get_secret_value(),
        webrtc.turn_ttl_s,
    )

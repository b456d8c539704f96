"""Phones that a test steers step by step, at the boundary of SIP: no socket, no clock.

Use them for what one part of the engine does: a leg, an attempt, an inbound call. The test says in
which order things happen, to the instant, which no real phone would do on demand.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from engine.calls.leg import Leg
from sip import events
from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.errors import SipError
from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import parse_uri
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio
from sip.transport.resolver import ResolutionFailed


def audio(
    direction: str = "sendrecv",
    port: int = 40000,
    codec: str = "PCMU",
    host: str = "127.0.0.1",
) -> NegotiatedAudio:
    """Audio as a phone at `host` would have agreed to."""
    return NegotiatedAudio(
        host=host,
        port=port,
        rtcp_port=port + 1,
        codec=codec,
        payload_type=0 if codec == "PCMU" else 8,
        telephone_event_payload_type=101,
        direction=cast("Any", direction),
        ptime_ms=20,
    )


class ScriptedPhone:
    """The far end of one INVITE: what it does next is the test's to say.

    To the engine it is the session. Its leg hears of it, or `notify` where that is given.
    """

    def __init__(self, invitation: Invitation, notify: Callable[[Any], None] | None = None) -> None:
        self.invitation = invitation
        self.owner: Any = invitation.owner if invitation is not None else None
        self.state = "calling"
        self.call_id = "call-id@192.0.2.4"
        self.hung_up = asyncio.Event()
        self.hang_up_reason: str | None = None
        self.offered: list[str] = []
        """The directions that our re-INVITEs have offered."""
        self.infos: list[tuple[str, bytes]] = []
        """The INFOs that we have sent: content type and body."""
        self.referred_to: list[tuple[str, float]] = []
        """The REFERs that we have sent: the URI, and how long the outcome is waited for."""
        self.refuses_refer = False
        self.peer_hop = Hop("udp", "127.0.0.1", 5080)
        self._notify = notify

    @property
    def session(self) -> Session:
        return cast(Session, self)

    local_tag = "ours"

    @property
    def in_dialog(self) -> Any:
        """As Session.in_dialog."""
        return SimpleNamespace(target=parse_uri(self.invitation.target), remote_tag="theirs")

    @property
    def replaced_as(self) -> str:
        """The Replaces by which others take our place in the call."""
        return f"{self.call_id};to-tag=theirs;from-tag=ours"

    def hand_to(self, owner: object | None) -> None:
        """As Session.hand_to."""
        self.owner = owner

    @property
    def is_hung_up(self) -> bool:
        return self.hung_up.is_set()

    def on_hangup(self, reason: str | None) -> None:
        """The engine sends CANCEL or BYE."""
        self.hang_up_reason = reason
        self.hung_up.set()

    def sends(self, event: Any) -> None:
        """Let the engine have this event of the call."""
        if isinstance(self.owner, Leg):
            (self._notify or self.owner.on_sip)(event)

    def rings(self) -> None:
        self.state = "early"
        self.sends(events.Progress(self.session, 180, "Ringing", None))

    def plays_early_media(self, port: int = 40000) -> None:
        self.sends(events.Progress(self.session, 183, "Session Progress", audio(port=port)))

    def presses(self, digit: str) -> None:
        self.sends(events.InfoDigit(self.session, digit, 160))

    def answers(self, codec: str = "PCMU", host: str = "127.0.0.1") -> None:
        direction = "inactive" if host == "0.0.0.0" else "sendrecv"
        self.sends(events.Answered(self.session, audio(direction, codec=codec, host=host)))

    def refuses(
        self,
        status: int,
        phrase: str = "No",
        *,
        extensions: tuple[str, ...] = (),
        contacts: tuple[str, ...] = (),
    ) -> None:
        cause = events.Cause(status, phrase, "remote", extensions=extensions, contacts=contacts)
        self.sends(events.Failed(self.session, cause))

    def is_unreachable(self) -> None:
        cause = events.Cause(503, "connection refused", "transport")
        self.sends(events.Failed(self.session, cause))

    def hangs_up(self, reason_header: str | None = None) -> None:
        cause = events.Cause(None, "BYE", "remote", reason_header)
        self.sends(events.Ended(self.session, cause))

    def describes(self, host: str) -> None:
        """A re-INVITE that moves its media to `host`."""
        self.sends(events.MediaChanged(self.session, audio(host=host)))

    def refers(self, target: str, **more: Any) -> "ScriptedReferral":
        """REFER: the partner is to be connected with `target`."""
        referral = ScriptedReferral(target, **more)
        self.sends(events.Referred(self.session, referral))
        return referral

    def refer(self, refer_to: str, deadline_s: float, _now: float) -> None:
        """As Session.refer."""
        if self.refuses_refer:
            raise SipError("a REFER is under way")
        self.referred_to.append((refer_to, deadline_s))

    def tells(self, status: int, phrase: str = "") -> None:
        """NOTIFY: what has become of our REFER."""
        self.sends(events.ReferralEnded(self.session, status, phrase))

    def holds(self) -> None:
        self.sends(events.MediaChanged(self.session, audio("recvonly")))

    def resumes(self) -> None:
        self.sends(events.MediaChanged(self.session, audio()))


@dataclass
class ScriptedReferral:
    """A REFER of a phone; `said` is what the engine has answered and told it."""

    target: str
    user_here: str | None = None
    replaces: str | None = None
    replaced_here: Any = None
    said: list[str] = field(default_factory=list)
    is_over: bool = False
    """The dialog is over: nothing can be said in it any more."""

    def accept(self, _now: float) -> None:
        self.said.append("accepted")

    def refuse(self, status: int, reason: str, _now: float) -> None:
        self._say(f"{status} {reason}")

    def notify(self, status: int, phrase: str, _now: float) -> None:
        self._say(f"{status} {phrase}")

    def _say(self, text: str) -> None:
        if self.is_over:
            raise SipError("the dialog is over")
        self.said.append(text)


class ScriptedCaller(ScriptedPhone):
    """A phone that calls us: its INVITE is there, our answers to it are in `statuses`."""

    def __init__(
        self, request: Request, source: Hop, notify: Callable[[Any], None] | None = None
    ) -> None:
        super().__init__(cast(Any, None), notify)
        self.state = "incoming"
        self.request = request
        self.source = source
        self.statuses: list[int] = []
        self.headers: tuple[tuple[str, str], ...] = ()
        self.no_common_codec: str | None = None
        self.refused_because: str | None = None
        self.accepted = asyncio.Event()
        self.rejected = asyncio.Event()
        self.credentials: object = None
        self.peer = ""

    def use_credentials(self, credentials: object, account: str = "") -> None:
        """As Session.use_credentials."""
        self.credentials = credentials

    def acknowledges(self, codec: str = "PCMU") -> None:
        """ACK of our 200."""
        self.state = "confirmed"
        self.sends(events.Answered(self.session, audio(codec=codec)))

    def cancels(self) -> None:
        """CANCEL, before our 200."""
        self.state = "terminated"
        cause = events.Cause(487, "Request Terminated", "remote")
        self.sends(events.Failed(self.session, cause))

    def on_ring(self, status: int) -> None:
        """The engine answers 180, or another provisional status."""
        self.must_be_open()
        self.state = "early"
        self.statuses.append(status)

    def on_accept(self) -> None:
        """The engine answers 200."""
        self.must_be_open()
        self.state = "accepted"
        self.statuses.append(200)
        self.accepted.set()

    def on_reject(
        self, status: int, headers: tuple[tuple[str, str], ...], reason: str | None
    ) -> None:
        """The engine refuses the call."""
        self.must_be_open()
        self.state = "terminated"
        self.statuses.append(status)
        self.headers = headers
        self.refused_because = reason
        self.rejected.set()

    def objection(self, _audio: LocalAudio) -> str | None:
        return self.no_common_codec

    def must_be_open(self) -> None:
        """Raises SipError where there is nothing left to answer."""
        if self.state not in ("incoming", "early"):
            raise SipError(f"the call is {self.state}")


class ScriptedSip:
    """Takes the place of SipEndpoint: each INVITE becomes a ScriptedPhone."""

    def __init__(self) -> None:
        self.phones: asyncio.Queue[ScriptedPhone] = asyncio.Queue()
        self.leads_to: tuple[Hop, ...] = (Hop("udp", "127.0.0.1", 5080),)
        self.names: dict[str, list[str]] = {}
        self.not_permitted: set[str] = set()
        self.rested: list[Hop] = []
        self.clearing: dict[str, asyncio.Event] = {}
        """By the target, what is set once an earlier call to it is over."""

    def is_clear(self, target: str) -> bool:
        """As SipEndpoint.is_clear."""
        return target not in self.clearing

    async def until_clear(self, target: str) -> None:
        """As SipEndpoint.until_clear."""
        await self.clearing[target].wait()

    def perform(self, action: Callable[[float], None]) -> None:
        action(0.0)

    def ring(self, session: Session, status: int = 180) -> None:
        cast(ScriptedCaller, session).on_ring(status)

    def reinvite(self, session: Session, audio: LocalAudio) -> None:
        cast(ScriptedPhone, session).offered.append(audio.direction)

    def send_info(self, session: Session, content_type: str, body: bytes) -> None:
        cast(ScriptedPhone, session).infos.append((content_type, body))

    def accept(self, session: Session, audio: LocalAudio) -> None:
        cast(ScriptedCaller, session).on_accept()

    def reject(
        self,
        session: Session,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        reason: str | None = None,
    ) -> None:
        cast(ScriptedCaller, session).on_reject(status, headers, reason)

    async def hops(self, uri: str, trunk: str = "") -> tuple[Hop, ...]:
        return self.leads_to

    async def addresses_of(self, host: str) -> list[str]:
        if host not in self.names:
            raise ResolutionFailed(f"{host} has no address")
        return self.names[host]

    def may_get_media(self, host: str, peer_host: str) -> bool:
        return host not in self.not_permitted

    def rest(self, hop: Hop, for_s: float | None = None) -> None:
        self.rested.append(hop)

    def invite(self, invitation: Invitation) -> Session:
        phone = ScriptedPhone(invitation)
        self.phones.put_nowait(phone)
        return phone.session

    def hangup(self, session: Session, reason: str | None = None) -> None:
        cast(ScriptedPhone, session).on_hangup(reason)


def incoming(
    dialled: str = "+442079460000",
    caller: str = "+442079461111",
    host: str = "127.0.0.1",
    port: int = 5071,
    headers: tuple[tuple[str, str], ...] = (),
    call_id: str = "",
) -> ScriptedCaller:
    """A phone behind a trunk at `host` that calls `dialled`."""
    fields = [
        ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bKin"),
        ("From", f'"A caller" <sip:{caller}@{host}>;tag=in'),
        ("To", f"<sip:{dialled}@127.0.0.1>"),
        ("Call-ID", call_id or f"in-{dialled}-{caller}"),
        ("CSeq", "1 INVITE"),
        *headers,
    ]
    request = Request("INVITE", parse_uri(f"sip:{dialled}@127.0.0.1:5060"), fields)
    phone = ScriptedCaller(request, Hop("udp", host, port))
    phone.call_id = call_id or phone.call_id
    return phone

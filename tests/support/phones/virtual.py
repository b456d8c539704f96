"""Phones in virtual time: each call at one of them goes as its conduct says.

They outlive the engines that call them: when an engine dies, they keep its calls for a while.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

from engine.calls.leg import Leg
from media.messages import Dtmf
from sip import events
from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.errors import SipError
from sip.hop import Hop
from sip.message.uri import SipUri, parse_uri
from sip.sdp.offer_answer import LocalAudio

from .scripted import audio, incoming

Act = Literal[
    "rings", "answers", "is_busy", "declines", "is_unreachable", "hangs_up", "holds", "resumes",
    "presses", "cancels",
]  # fmt: skip


class Step(NamedTuple):
    """`act`, so many seconds after the step before."""

    after_s: float
    act: Act


Conduct = tuple[Step, ...]
"""What a phone does when it is called, unless the caller hangs up before."""

SILENT: Conduct = ()
MOBILE = "-mobile"
"""What an agent's mobile phone adds to his name."""

KEY = "1"
"""The key that phones press."""

# How long the ACK of our 200 takes.
ACK_S = 0.02


@dataclass(eq=False)
class PhoneCall:
    """One call at a phone, or from it, as the phone saw it. Times are Unix seconds."""

    user: str
    began: float
    is_from_it: bool = False
    answered: float | None = None
    ended: float | None = None
    hung_up_by: Literal["phone", "engine", "crash"] | None = None

    @property
    def is_up(self) -> bool:
        """Whether the phone rings or is in a call."""
        return self.ended is None


@dataclass
class Network:
    """Every phone. `conducts` has what each does, call by call; the last holds for all after."""

    clock: Callable[[], float]
    conducts: dict[str, Sequence[Conduct]] = field(default_factory=dict)
    default: Conduct = (Step(1, "rings"), Step(2, "answers"), Step(10, "hangs_up"))
    calls: list[PhoneCall] = field(default_factory=list)
    by_user: dict[str, list[PhoneCall]] = field(default_factory=lambda: defaultdict(list))
    up: set["VirtualPhone"] = field(default_factory=set)
    _waiters: list["asyncio.Future[None]"] = field(default_factory=list)

    def conduct(self, user: str) -> Conduct:
        """What the phone of `user` does with its next call."""
        own = self.conducts.get(user)
        if not own:
            return self.default
        before = sum(not call.is_from_it for call in self.by_user[user])
        return own[min(before, len(own) - 1)]

    def is_up(self, user: str) -> bool:
        """Whether the phone of `user` is in use."""
        return any(call.is_up for call in self.by_user[user])

    def called(self, phone: "VirtualPhone") -> PhoneCall:
        """A phone begins to be called, or calls."""
        call = PhoneCall(phone.user, self.clock(), phone.is_caller)
        self.calls.append(call)
        self.by_user[phone.user].append(call)
        self.up.add(phone)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        return call

    def calls_of(self, agent: str) -> list[PhoneCall]:
        """The calls at all phones of an agent."""
        return [*self.by_user[agent], *self.by_user[agent + MOBILE]]

    def interrupted_calls(self, agent: str) -> list[PhoneCall]:
        """Those that are up now."""
        return [call for call in self.calls_of(agent) if call.is_up]

    async def call_of(self, user: str, *, within_s: float = 600.0) -> "VirtualPhone":
        """The phone of `user`, once it is called, or now if it is."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for phone in self.up:
                        if phone.user == user:
                            return phone
                    await self._next_call()
        except TimeoutError:
            raise AssertionError(f"{user} is not called within {within_s:g} s") from None

    async def _next_call(self) -> None:
        """Wait until any phone is called. The future belongs to the loop of this engine's life."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def crash(self, keep_s: float) -> None:
        """The engine is gone: every phone gives its call up within `keep_s`."""
        for phone in tuple(self.up):
            phone.abandon(keep_s)


class VirtualPhone:
    """The far end of one INVITE; to the engine it is the session."""

    is_caller = False

    def __init__(
        self, network: Network, invitation: Invitation, tell: Callable[[Any], None]
    ) -> None:
        uri = parse_uri(invitation.target)
        assert isinstance(uri, SipUri)
        user = uri.user or uri.host
        self._begin(network, user, network.conduct(user), tell)

    def _begin(
        self, network: Network, user: str, steps: Conduct, tell: Callable[[Any], None]
    ) -> None:
        self.tag: Any = None
        self.state = "calling"
        self.user = user
        self.over = asyncio.Event()
        self._network = network
        self._tell = tell
        self.call = network.called(self)
        self._script = asyncio.get_running_loop().create_task(self._follow(steps))

    @property
    def session(self) -> Session:
        return cast(Session, self)

    def hung_up(self) -> None:
        """CANCEL or BYE from the engine."""
        self._script.cancel()
        self._end("engine")

    def abandon(self, keep_s: float) -> None:
        """The engine died: no more is heard of it."""
        self._script.cancel()
        self._end("crash")
        self.call.ended = self._network.clock() + keep_s

    def _end(self, by: Literal["phone", "engine", "crash"]) -> None:
        self.state = "terminated"
        if self.call.ended is None:
            self.call.ended, self.call.hung_up_by = self._network.clock(), by
        self._network.up.discard(self)
        self.over.set()

    async def _follow(self, steps: Conduct) -> None:
        for step in steps:
            await asyncio.sleep(step.after_s)
            self.act(step.act)
            if not self.call.is_up:
                return

    def act(self, act: Act) -> None:
        """Do this now; what cannot be at this point is left undone."""
        is_answered = self.call.answered is not None
        match act:
            case "rings" if not is_answered:
                self.state = "early"
                self._say(events.Progress(self.session, 180, "Ringing", None))
            case "answers" if not is_answered:
                self.state = "confirmed"
                self.call.answered = self._network.clock()
                self._say(events.Answered(self.session, audio()))
            case "is_busy" | "declines" | "is_unreachable" if not is_answered:
                self._end("phone")
                self._say(events.Failed(self.session, _REFUSALS[act]))
            case "hangs_up" if is_answered:
                self._end("phone")
                self._say(events.Ended(self.session, events.Cause(None, "BYE", "remote")))
            case "presses" if is_answered and isinstance(self.tag, Leg):
                self.tag.on_media(Dtmf(self.tag.id, KEY, 100))
            case "holds" | "resumes" if is_answered:
                direction = "recvonly" if act == "holds" else "sendrecv"
                self._say(events.MediaChanged(self.session, audio(direction)))
            case _:
                pass

    def _say(self, event: Any) -> None:
        if isinstance(self.tag, Leg):
            self._tell(event)


_REFUSALS: dict[str, events.Cause] = {
    "is_busy": events.Cause(486, "Busy Here", "remote"),
    "declines": events.Cause(603, "Decline", "remote"),
    "is_unreachable": events.Cause(503, "connection refused", "transport"),
}


class VirtualCaller(VirtualPhone):
    """A phone that calls us by the trunk: the near end of its INVITE is the engine's to answer."""

    is_caller = True

    def __init__(
        self,
        network: Network,
        user: str,
        dialled: str,
        steps: Conduct,
        tell: Callable[[Any], None],
        *,
        withheld: bool = False,
    ) -> None:
        invite = incoming(dialled, "anonymous" if withheld else user)
        self.request, self.source = invite.request, invite.source
        self._begin(network, user, steps, tell)
        self.state = "incoming"

    def use_credentials(self, credentials: object) -> None:
        """As Session.use_credentials: nothing here asks for them."""

    def objection(self, _audio: LocalAudio) -> str | None:
        return None

    def must_be_open(self) -> None:
        """Raises SipError where there is nothing left to answer."""
        if self.state not in ("incoming", "early"):
            raise SipError(f"the call is {self.state}")

    def accepted(self) -> None:
        """Our 200 has come; the ACK follows."""
        self.state = "accepted"
        asyncio.get_running_loop().call_later(ACK_S, self._acknowledges)

    def rejected(self) -> None:
        """We have answered that we do not take the call."""
        self._script.cancel()
        self._end("engine")

    def _acknowledges(self) -> None:
        if self.call.is_up and self.state == "accepted":
            self.state = "confirmed"
            self.call.answered = self._network.clock()
            self._say(events.Answered(self.session, audio()))

    def act(self, act: Act) -> None:
        if act == "cancels" and self.state in ("incoming", "early"):
            self._end("phone")
            cause = events.Cause(487, "Request Terminated", "remote")
            self._say(events.Failed(self.session, cause))
        elif act != "answers":
            super().act(act)


class VirtualSip:
    """Takes the place of SipEndpoint: each INVITE becomes a call at a phone of the network."""

    def __init__(self, network: Network, on_event: Callable[[Any], None]) -> None:
        self._network = network
        self._on_event = on_event
        self.is_dead = False
        self.addresses: list[Hop] = []
        self.ua = self
        self.session_count = 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def hops(self, uri: str) -> tuple[Hop, ...]:
        return (Hop("udp", "127.0.0.1", 5080),)

    async def addresses_of(self, host: str) -> list[str]:
        return ["127.0.0.1"]

    def may_get_media(self, host: str, peer_host: str) -> bool:
        return True

    def rest(self, hop: Hop, for_s: float | None = None) -> None: ...

    def invite(self, invitation: Invitation) -> Session:
        assert not self.is_dead, "an engine that was killed calls nobody"
        return VirtualPhone(self._network, invitation, self._on_event).session

    def hangup(self, session: Session, reason: str | None = None) -> None:
        if not self.is_dead:
            cast(VirtualPhone, session).hung_up()

    # -- calls that come in -----------------------------------------------------------------

    def call(
        self, user: str, dialled: str, steps: Conduct, *, withheld: bool = False
    ) -> VirtualCaller:
        """`user` calls us, and does as `steps` say."""
        caller = VirtualCaller(
            self._network, user, dialled, steps, self._on_event, withheld=withheld
        )
        self._on_event(events.IncomingInvite(caller.session, caller.request))
        return caller

    def ring(self, session: Session, status: int = 180) -> None:
        caller = cast(VirtualCaller, session)
        caller.must_be_open()
        caller.state = "early"

    def accept(self, session: Session, audio: LocalAudio) -> None:
        caller = cast(VirtualCaller, session)
        caller.must_be_open()
        caller.accepted()

    def reject(
        self,
        session: Session,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        reason: str | None = None,
    ) -> None:
        caller = cast(VirtualCaller, session)
        caller.must_be_open()
        caller.rejected()

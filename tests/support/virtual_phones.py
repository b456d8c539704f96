"""Phones in virtual time: each call at one of them goes as its conduct says.

They outlive the engines that call them: when an engine dies, they keep its calls for a while.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

from engine.leg import Leg
from sip import events
from sip.hop import Hop
from sip.session import Session
from sip.uac import Invitation
from sip.uri import SipUri, parse_uri

from .switchboard import audio

Act = Literal[
    "rings", "answers", "is_busy", "declines", "is_unreachable", "hangs_up", "holds", "resumes"
]


class Step(NamedTuple):
    """`act`, so many seconds after the step before."""

    after_s: float
    act: Act


Conduct = tuple[Step, ...]
"""What a phone does when it is called, unless the caller hangs up before."""

SILENT: Conduct = ()
MOBILE = "-mobile"
"""What an agent's mobile phone adds to his name."""

LOOK_S = 0.001


@dataclass(eq=False)
class PhoneCall:
    """One call at a phone, as the phone saw it. Times are Unix seconds."""

    user: str
    began: float
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

    def conduct(self, user: str) -> Conduct:
        """What the phone of `user` does with its next call."""
        own = self.conducts.get(user)
        if not own:
            return self.default
        return own[min(len(self.by_user[user]), len(own) - 1)]

    def called(self, phone: "VirtualPhone") -> PhoneCall:
        """A phone begins to be called."""
        call = PhoneCall(phone.user, self.clock())
        self.calls.append(call)
        self.by_user[phone.user].append(call)
        self.up.add(phone)
        return call

    def calls_of(self, agent: str) -> list[PhoneCall]:
        """The calls at all phones of an agent."""
        return [*self.by_user[agent], *self.by_user[agent + MOBILE]]

    def calls_up(self, agent: str) -> list[PhoneCall]:
        """Those that are up now."""
        return [call for call in self.calls_of(agent) if call.is_up]

    async def call_of(self, user: str, *, within_s: float = 600.0) -> "VirtualPhone":
        """The phone of `user`, once it is called, or now if it is."""
        for _ in range(round(within_s / LOOK_S)):
            for phone in self.up:
                if phone.user == user:
                    return phone
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"{user} is not called within {within_s:g} s")

    def crash(self, keep_s: float) -> None:
        """The engine is gone: every phone gives its call up within `keep_s`."""
        for phone in tuple(self.up):
            phone.abandon(keep_s)


class VirtualPhone:
    """The far end of one INVITE; to the engine it is the session."""

    def __init__(
        self, network: Network, invitation: Invitation, tell: Callable[[Any], None]
    ) -> None:
        self.tag: Any = None
        self.state = "calling"
        uri = parse_uri(invitation.target)
        assert isinstance(uri, SipUri)
        self.user = uri.user or uri.host
        self._network = network
        self._tell = tell
        steps = network.conduct(self.user)
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

    async def resolve(self, uri: str) -> Hop:
        return Hop("udp", "127.0.0.1", 5080)

    def invite(self, invitation: Invitation) -> Session:
        assert not self.is_dead, "an engine that was killed calls nobody"
        return VirtualPhone(self._network, invitation, self._on_event).session

    def hangup(self, session: Session, reason: str | None = None) -> None:
        if not self.is_dead:
            cast(VirtualPhone, session).hung_up()

"""Scripted phones that act by themselves: each call at one of them goes as its conduct says.

They outlive the engines that call them: when an engine dies, they keep its calls for a while.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from engine.calls.leg import Leg
from media.protocol.messages import Dtmf
from sip import events
from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.hop import Hop
from sip.message.uri import SipUri, parse_uri

from .scripted import ScriptedCaller, ScriptedPhone, ScriptedSip, incoming

Act = Literal[
    "rings", "answers", "is_busy", "declines", "is_unreachable", "hangs_up", "holds", "resumes",
    "presses", "cancels",
]  # fmt: skip


class Step(NamedTuple):
    """`act`, a number of seconds after the step before."""

    after_s: float
    act: Act


Conduct = tuple[Step, ...]
"""What a phone does when it is called, unless the caller hangs up before."""

SILENT: Conduct = ()
MOBILE = "-mobile"
"""What an agent's mobile phone adds to the name."""

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


class VirtualPhone(ScriptedPhone):
    """A phone that is called, and does what its conduct says, or what a test has it do by `act`."""

    is_caller = False

    def __init__(
        self, network: Network, invitation: Invitation, notify: Callable[[Any], None]
    ) -> None:
        super().__init__(invitation, notify)
        uri = parse_uri(invitation.target)
        assert isinstance(uri, SipUri)
        user = uri.user or uri.host
        self._begin(network, user, network.conduct(user))

    def _begin(self, network: Network, user: str, steps: Conduct) -> None:
        self.user = user
        self.over = asyncio.Event()
        self._network = network
        self.call = network.called(self)
        self._script = asyncio.get_running_loop().create_task(self._follow(steps))

    def on_hangup(self, reason: str | None) -> None:
        """CANCEL or BYE from the engine."""
        super().on_hangup(reason)
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
                self.rings()
            case "answers" if not is_answered:
                self.answers()
            case "is_busy" if not is_answered:
                self.refuses(486, "Busy Here")
            case "declines" if not is_answered:
                self.refuses(603, "Decline")
            case "is_unreachable" if not is_answered:
                self.is_unreachable()
            case "hangs_up" if is_answered:
                self.hangs_up()
            case "presses" if is_answered:
                self.presses(KEY)
            case "holds" if is_answered:
                self.holds()
            case "resumes" if is_answered:
                self.resumes()
            case _:
                pass

    # -- as a scripted phone, with what the phone saw written down ----------------------------

    def answers(self, codec: str = "PCMU", host: str = "127.0.0.1") -> None:
        self.state = "confirmed"
        self.call.answered = self._network.clock()
        super().answers(codec, host)

    def refuses(
        self,
        status: int,
        phrase: str = "No",
        *,
        extensions: tuple[str, ...] = (),
        contacts: tuple[str, ...] = (),
    ) -> None:
        self._end("phone")
        super().refuses(status, phrase, extensions=extensions, contacts=contacts)

    def is_unreachable(self) -> None:
        self._end("phone")
        super().is_unreachable()

    def hangs_up(self, reason_header: str | None = None) -> None:
        self._end("phone")
        super().hangs_up(reason_header)

    def presses(self, digit: str) -> None:
        """The key comes as a telephone-event, by the media worker."""
        if isinstance(self.owner, Leg):
            self.owner.on_media(Dtmf(self.owner.id, digit, 100))


class VirtualCaller(VirtualPhone, ScriptedCaller):
    """A phone that calls us by the trunk: the near end of its INVITE is the engine's to answer."""

    is_caller = True

    def __init__(
        self,
        network: Network,
        user: str,
        dialled: str,
        steps: Conduct,
        notify: Callable[[Any], None],
        *,
        withheld: bool = False,
    ) -> None:
        invite = incoming(dialled, "anonymous" if withheld else user)
        ScriptedCaller.__init__(self, invite.request, invite.source, notify)
        self._begin(network, user, steps)

    def on_accept(self) -> None:
        """Our 200 has come; the ACK follows."""
        super().on_accept()
        asyncio.get_running_loop().call_later(ACK_S, self._acknowledge)

    def on_reject(
        self, status: int, headers: tuple[tuple[str, str], ...], reason: str | None
    ) -> None:
        """We have answered that we do not take the call."""
        super().on_reject(status, headers, reason)
        self._script.cancel()
        self._end("engine")

    def _acknowledge(self) -> None:
        if self.call.is_up and self.state == "accepted":
            self.call.answered = self._network.clock()
            self.acknowledges()

    def act(self, act: Act) -> None:
        """See VirtualPhone. A caller cancels, and does not answer."""
        if act == "cancels" and self.state in ("incoming", "early"):
            self._end("phone")
            self.cancels()
        elif act != "answers":
            super().act(act)


class VirtualSip(ScriptedSip):
    """Takes the place of SipEndpoint: each INVITE becomes a call at a phone of the network."""

    def __init__(self, network: Network, on_event: Callable[[Any], None]) -> None:
        super().__init__()
        self._network = network
        self._on_event = on_event
        self.is_dead = False
        self.addresses: list[Hop] = []
        self.ua = self
        self.session_count = 0
        self.resolver = self
        self.has_tls = False
        self.tcp = SimpleNamespace(tls_failures={}, certificates={})

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def listen_for(self, trunk: str, listen: Sequence[str], advertise: str = "") -> None: ...

    def invite(self, invitation: Invitation) -> Session:
        assert not self.is_dead, "an engine that was killed calls nobody"
        return VirtualPhone(self._network, invitation, self._on_event).session

    def hangup(self, session: Session, reason: str | None = None) -> None:
        if not self.is_dead:
            super().hangup(session, reason)

    def call(
        self, user: str, dialled: str, steps: Conduct, *, withheld: bool = False
    ) -> VirtualCaller:
        """`user` calls us, and does as `steps` say."""
        caller = VirtualCaller(
            self._network, user, dialled, steps, self._on_event, withheld=withheld
        )
        self._on_event(events.IncomingInvite(caller.session, caller.request))
        return caller

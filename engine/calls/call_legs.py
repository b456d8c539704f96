"""The legs of one call: made, published, hung up and given back together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import proxy

import structlog

from ..routing.admission import Admission
from ..routing.targets.destination import Destination, DialTarget
from .announcing.whisper import Announcement, Unspoken, Whisper
from .call import Call
from .dialling import CODECS
from .hangup_cause import CLEARING, HangupCause, q850_cause
from .leg import Leg, Role
from .legs.leg_listener import ObservedLeg
from .legs.trunk_use import TrunkUse
from .q850 import reason_header
from .redirected_calls import RedirectedCalls
from .services import CallServices
from .streams.stream_leg import StreamLeg
from .templates import Subject

log = structlog.get_logger()

AnyLeg = TypeVar("AnyLeg", bound=Leg)

REPORT_LIMIT_S = 1.0
# Events of a leg that have nothing to do with its SIP, and say nothing of it.
NOT_OF_SIP = ("play.", "gather.", "recognition.", "speech.", "call.detected", "call.beep")
# Agents may miss a waiting caller many times: this many legs of a call are shown.
LEGS_KEPT = 60


class CallLegs(TrunkUse):
    """The legs of `call`; `publish` publishes an event of the call.

    `admission` is asked about whoever the call is redirected to.
    """

    def __init__(
        self,
        call: Call,
        services: CallServices,
        publish: Callable[..., None],
        admission: Admission,
    ) -> None:
        super().__init__(services, call.id)
        # The call has its legs, and they must not keep it: what is over is freed at once.
        self._call: Call = proxy(call)
        self._redirected = RedirectedCalls(self._call, services, admission)
        self._publish = publish
        self._made: list[Leg] = []
        self._releasing: list[asyncio.Task[None]] = []

    def make(self, role: Role, destination: Destination) -> Leg:
        """A leg that is not called yet. It is part of the call only once it is shown."""
        if destination.stream is None:
            return self.make_of(Leg, role, destination)
        leg_id = f"leg-{self._services.new_id()}"
        leg = StreamLeg(leg_id, role, destination, self._services, self, self._call)
        self._made.append(leg)
        return leg

    def make_of(self, kind: type[AnyLeg], role: Role, destination: Destination) -> AnyLeg:
        """As `make`, of this kind."""
        services = self._services
        leg = kind(
            leg_id=f"leg-{services.new_id()}",
            role=role,
            destination=destination,
            sip=services.sip,
            media=services.media,
            owner=self,
            rtp_host=services.rtp_host,
        )
        self._made.append(leg)
        return leg

    def borrow_line(self, agent: str, role: Role = "agent") -> Leg | None:
        """The permanent line of an agent, as a leg of this call; None where it cannot be had."""
        line = self._services.lines.borrow(agent, self, role)
        if line is not None:
            self._made.append(line)
        return line

    def show(self, leg: Leg) -> None:
        """The leg is about to be called, or has called us: it is part of the call from now on."""
        self._services.registry.add_leg(self._call, leg)

    def drop(self, leg: Leg) -> None:
        """The call goes on without this leg: hang it up and give its port back."""
        if leg not in self._made:
            return
        self._made.remove(leg)
        releasing = asyncio.get_running_loop().create_task(leg.release())
        self._releasing.append(releasing)
        releasing.add_done_callback(self._releasing.remove)
        shown = self._call.legs
        if len(shown) > LEGS_KEPT:
            over = next(one for one in shown if one not in self._made)
            self._services.registry.forget_leg(self._call, over)

    async def whisper(self, agent: Leg, whisper: Whisper) -> None:
        """Play the whisper to the agent, to its end; publish why where it cannot be spoken."""
        if isinstance(whisper, Announcement):
            await agent.play(whisper.source, limit_s=whisper.limit_s)
        elif isinstance(whisper, Unspoken):
            agent.publish_not_played(whisper.reason)

    def now(self) -> float:
        """The time in Unix seconds."""
        return self._services.clock.now()

    def publish(self, kind: str, leg: ObservedLeg, /, **fields: Any) -> None:
        """Publish an event of one leg."""
        if kind == "leg.ended":
            self.trunk_left(leg)
        record = leg.record
        if kind.startswith(NOT_OF_SIP):
            self._publish(kind, leg=leg.id, role=record.role, **fields)
            return
        self._publish(
            kind,
            leg=leg.id,
            role=record.role,
            uri=record.uri,
            sip_status=record.sip_status,
            reason=record.reason,
            **record.way(),
            **fields,
        )

    def signalled(self, leg: ObservedLeg) -> None:
        """The SIP of a leg has begun: its messages are traced as this call's."""
        self._services.trace.belongs(self._call, leg.record)

    def headers_for(self, target: DialTarget) -> tuple[tuple[str, str], ...]:
        """The headers that the target's trunk wants in the INVITE, about this call."""
        if not target.headers:
            return ()
        return self._services.headers_of(subject_of(self._call), dict(target.headers))

    def redirected(self, uri: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
        """Where a redirection to `uri` leads to. Raises EngineError."""
        return self._redirected.targets(uri, by_proxy)

    def hang_up(self) -> None:
        """Hang up every leg that is up or being called.

        Its party is told the Q.850 cause of the leg that has ended already.
        """
        ended = [leg.hangup_cause for leg in self._call.legs if leg.hangup_cause is not None]
        header = reason_header(q850_cause(ended[-1])) if ended else CLEARING
        for leg in self._call.legs:
            leg.hang_up(HangupCause("completed", "call over"), header)

    async def give_back(self) -> None:
        """Give every port back, keeping the last reports. The legs are not published any more."""
        self._redirected.settle()
        await within_report_limit(
            self._call,
            asyncio.gather(*(leg.release() for leg in self._made), *self._releasing),
        )
        for leg in self._made:
            record = leg.record
            if record.trunk is not None and record.media is not None:
                self._services.trunk_figures.note_quality(record.trunk, record.media)
        self._made.clear()
        self._publish = _published_late


def _published_late(kind: str, **_fields: Any) -> None:
    log.debug("published_after_the_call", kind=kind)


def subject_of(call: Call) -> Subject:
    """What the headers of trunks are filled from."""
    about = call.about
    to = about.get("number") or about.get("from") or about.get("to") or ""
    return Subject(call.job_id or call.id, to, about.get("context") or {})


def codecs_like(partner: Leg | None) -> tuple[str, ...]:
    """What to offer: the partner's codec first, so that nothing has to be converted.

    A bot speaks as whoever it is joined with.
    """
    if partner is None or partner.audio is None or partner.destination.stream is not None:
        return CODECS
    return _beginning_with(partner.audio.codec)


def codecs_before(leg: Leg, later: Destination | None) -> tuple[str, ...]:
    """What to offer who is called first: a browser what the other party prefers, who is called
    `later`. Browsers have every usual codec; of phones nothing is presumed.
    """
    wanted = () if later is None else later.targets[0].media.codecs
    if not wanted or not leg.destination.is_browser:
        return CODECS
    return _beginning_with(wanted[0])


def _beginning_with(first: str) -> tuple[str, ...]:
    return (first, *(codec for codec in CODECS if codec != first))


async def within_report_limit(call: Call, report: Awaitable[object]) -> None:
    """Wait for what the media worker reports at the end of a call, but not for long."""
    try:
        async with asyncio.timeout(REPORT_LIMIT_S):
            await report
    except TimeoutError:
        log.warning("media_report_late", call=call.id)

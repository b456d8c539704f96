"""A call of one party that a client moves by commands, from its first INVITE to its last BYE."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import structlog

from media.sources import Silence

from ..calls.call import Call, TransferOrder
from ..calls.call_legs import CallLegs, within_report_limit
from ..calls.call_result import Refused, Result
from ..calls.cancel_scope import while_up
from ..calls.hangup_cause import BY_COMMAND, HangupCause
from ..calls.leg import Leg, LegEnded, Role
from ..calls.recording.recording import CallRecording
from ..calls.services import CallServices
from ..calls.supervision.supervisor_desk import SupervisorDesk
from ..calls.supervision.supervisors import SuperviseOrder, sound_of
from ..calls.third_parties import ThirdParties
from ..errors import EngineError
from ..job import site_of
from ..recordings.entry import Side
from ..reports.cdr import talked_s
from ..routing.admission import Admission
from ..routing.targets.destination import Destination
from .bot_talk import BotTalk
from .controlled_leg import ControlledLeg
from .leg_pair import LegPair

log = structlog.get_logger()

# How long a command waits for the other side of SIP.
COMMAND_S = 40.0
# What a client has wished is no failure.
_AS_WISHED = frozenset({"cancelled", "rejected", "redirected"})
STOPPED_BY_COMMAND = Result("cancelled", BY_COMMAND.phrase)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of the call when it begins: `shown` goes into its views and events.

    `brought` goes into its views and its first event.
    """

    call: str
    direction: Literal["inbound", "outbound"]
    role: Role
    destination: Destination
    shown: Mapping[str, Any]
    context: Mapping[str, Any]
    max_duration_s: float
    brought: Mapping[str, Any] = field(default_factory=dict)
    detect: bool | None = None
    """Whether it is told who or what answers; None: as its trunk, or the configuration, says."""


class ConferenceOfCall(Protocol):
    """What a call needs of the conference that it takes part in."""

    @property
    def name(self) -> str:
        """Its id."""

    @property
    def legs(self) -> tuple[ControlledLeg, ...]:
        """The legs of its members."""

    def arrange(self) -> None:
        """What its members hear has changed."""

    def hold_changed(self, leg: ControlledLeg) -> None:
        """A member holds the call or is on hold, or no longer."""

    def remove(self, call: "ControlledCall", cause: str) -> None:
        """The call takes part no more."""


class ControlledCall(ABC):
    """One party and what commands do with it. Its subclasses say how it is answered."""

    def __init__(self, services: CallServices, admission: Admission, facts: CallFacts) -> None:
        self._services = services
        self._admission = admission
        self._facts = facts
        self._context = dict(facts.context)
        self.call = Call(
            facts.call,
            None,
            direction=facts.direction,
            owner=self,
            about={**facts.shown, **facts.brought, "context": self._context},
            started=services.clock.now(),
        )
        self.legs = CallLegs(self.call, services, self.publish, admission)
        self.leg = self.legs.make_of(ControlledLeg, facts.role, facts.destination)
        self._thirds = ThirdParties(services, self.call, self.legs, admission)
        self._desk: SupervisorDesk | None = None  # until somebody supervises the call
        self.recorded = CallRecording(self.call, services, self)
        self._recording: str | None = None
        self.pair: LegPair | None = None
        """The pair of legs that it is bridged in."""
        self.bot: BotTalk | None = None
        """Its talk with a bot, or with whoever the bot has handed it over to."""
        self.conference: ConferenceOfCall | None = None
        """The conference that it takes part in."""
        self._bridged_at: float | None = None
        self._ended_by: Result | None = None
        self._settled = asyncio.Event()
        self.is_over = False

    # -- its life -----------------------------------------------------------------------------

    @abstractmethod
    def announce(self) -> None:
        """Publish that the call begins."""

    @abstractmethod
    async def until_answered(self) -> None:
        """Return once the party is up. Raises LegEnded, Refused."""

    def register(self) -> None:
        """Count as a call, and its party as on the line, from now on."""
        registry = self._services.registry
        registry.add_call(self.call)
        registry.occupy_line(self.call, self._facts.shown.get("number"))

    async def run(self) -> None:
        """Carry the call, and hang everything up in the end. Cancelling the task ends the call.

        `register` comes before.
        """
        with self._services.clock.shifting(self.shift):
            self.announce()
            result = Result("failed", "internal error")
            try:
                result = await self._story()
            except Refused as refused:
                result = refused.result
            except LegEnded as ended:
                result = self._result_of(ended)
            except EngineError as error:
                result = Result("unavailable", error.message)
            except asyncio.CancelledError:
                result = self._ended_by or Result("cancelled", "cancelled")
            finally:
                self.is_over = True
                await self._clear(result)

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the call has been up, and its legs too, as long as before."""
        self.call.shift(by_s)
        for leg in self.call.legs:
            leg.record.shift(by_s)

    async def _story(self) -> Result:
        await self.until_answered()
        async with while_up(self.leg):
            self.call.state = "up"
            self.hear_alone()
            self.publish("call.answered", leg=self.leg.id)
            self._settled.set()
            await asyncio.sleep(self._facts.max_duration_s)
        return Result("completed", "maximum duration reached")

    async def settled(self) -> None:
        """Wait until the party is up, or the call is over. Raises EngineError `state` then."""
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._settled.wait()
        except TimeoutError as error:
            raise EngineError("state", f"call {self.call.id} is not answered yet") from error
        self.check_up()

    @property
    def is_up(self) -> bool:
        """Whether the party has answered, or been answered, and has not hung up."""
        return self.call.state == "up" and self.leg.hangup_cause is None

    def check_up(self) -> None:
        """Raise EngineError `state` where the party is not up."""
        if not self.is_up:
            what = "over" if self.is_over or self.leg.hangup_cause else "not answered yet"
            raise EngineError("state", f"call {self.call.id} is {what}", field="leg")

    async def answered(self) -> bool:
        """Wait until the party is up, or the call is over. Whether it is up."""
        await self._settled.wait()
        return self.is_up

    def hang_up(self, leg_id: str | None = None) -> None:
        """End the call by command, or the stream whose leg is named."""
        if self.bot is not None and leg_id == self.bot.leg.id:
            self.bot.stop()
            return
        self._ended_by = STOPPED_BY_COMMAND
        self.leg.hang_up(BY_COMMAND)

    def transfer(self, order: TransferOrder) -> Leg | None:
        """Take the party from its bot to somebody else. Raises EngineError `state`.

        Without a bot the client connects it by itself.
        """
        if self.bot is not None:
            return self.bot.transfer(order)
        reason = f"call {self.call.id} has one party: connect it by call.bridge"
        raise EngineError("state", reason)

    def supervise(self, order: SuperviseOrder) -> None:
        """Ring a supervisor, or change the mode of one. Raises EngineError.

        Where no party is an agent, the one of this call hears a whisper.
        """
        self.check_up()
        parties: tuple[Leg, ...] = (self.leg,)
        if self.pair is not None:
            parties = self.pair.legs
        if order.coached is None and not any(leg.role == "agent" for leg in parties):
            order = replace(order, coached=self.leg.id)
        if self._desk is None:
            self._desk = SupervisorDesk(
                self._services, self.call, self.legs, self._thirds,
                publish=self.publish, show=self.legs.show,
            )  # fmt: skip
            self.call.supervisors.watch(self.arrange)
        self._desk.supervise(order, parties)

    def stopped_by(self, cause: str) -> None:
        """Say why the task is about to be cancelled."""
        self._ended_by = Result("cancelled", cause)

    # -- what it is part of -------------------------------------------------------------------

    def bridged(self, pair: LegPair, partner: str) -> None:
        """It is bridged with the leg `partner`."""
        self.pair = pair
        now = self._services.clock.now()
        self.call.bridged_at = now
        self._bridged_at = self._bridged_at or now
        self.publish("call.bridged", leg=self.leg.id, partner=partner)

    def unbridged(self, partner: str) -> None:
        """It is bridged no more."""
        self.pair, self.call.bridged_at = None, None
        self.publish("call.unbridged", leg=self.leg.id, partner=partner)
        if self.is_up:
            self.hear_alone()

    def talks_with(self, partner: str) -> None:
        """It talks with a bot."""
        now = self._services.clock.now()
        self.call.bridged_at = now
        self._bridged_at = self._bridged_at or now
        self.publish("call.bridged", leg=self.leg.id, partner=partner)

    def bot_left(self, partner: str) -> None:
        """Its bot has gone, or was not there: it is alone."""
        self.bot = None
        if self.call.bridged_at is not None:
            self.call.bridged_at = None
            self.publish("call.unbridged", leg=self.leg.id, partner=partner)
        if self.is_up:
            self.hear_alone()

    def end_with(self, cause: str) -> None:
        """Hang the party up: whoever it talked with has gone."""
        self._ended_by = Result("completed", cause)
        self.leg.hang_up(HangupCause("completed", cause))

    def hear_alone(self) -> None:
        """Let the party hear music while a command has put it on hold, its bot, or else silence."""
        if self.bot is not None:
            self.bot.hear_again()
            return
        leg, supervisors = self.leg, self.call.supervisors
        speakers = [] if leg.is_on_hold else supervisors.heard_by(leg)
        leg.hear(sound_of(speakers, self._services.hold if leg.is_on_hold else Silence()))
        supervisors.arrange(() if leg.is_on_hold else (leg,))

    def arrange(self) -> None:
        """Let the party hear what it should: what commands or supervisors did has changed that."""
        if self.conference is not None:
            self.conference.arrange()
        elif self.pair is not None:
            self.pair.arrange()
        elif self.is_up:
            self.hear_alone()

    def check_alone(self, field: str = "leg") -> None:
        """Raise EngineError `state` where it is up with others, or with a bot, or not up."""
        self.check_up()
        if self.bot is not None:
            raise EngineError("state", f"leg {self.leg.id} has a stream", field=field)
        if self.pair is not None:
            raise EngineError("state", f"leg {self.leg.id} is bridged already", field=field)
        if self.conference is not None:
            reason = f"leg {self.leg.id} is in conference {self.conference.name}"
            raise EngineError("state", reason, field=field)

    # -- recording ----------------------------------------------------------------------------

    def recorded_legs(self, side: Side) -> tuple[ControlledLeg, ControlledLeg | None]:
        """What the party says on the left, what it hears on the right. Raises EngineError `state`.

        One side is that of the party, or of the one that it is bridged with.
        """
        self.check_up()
        if side == "both":
            return self.leg, self.leg
        partner = None if self.pair is None else self.pair.partner_of(self.leg)
        for leg in (self.leg, partner):
            if leg is not None and leg.role == side:
                return leg, None
        raise EngineError("state", f"call {self.call.id} has no {side}", field="side")

    def listeners(self) -> tuple[ControlledLeg, ...]:
        """The party, and those whom it is bridged or in a conference with."""
        if self.conference is not None:
            return self.conference.legs
        return (self.leg,) if self.pair is None else self.pair.legs

    def hear_again(self) -> None:
        """Let the party, and its partners, hear what they heard before an announcement."""
        self.arrange()

    def on_recording(self, path: str | None) -> None:
        """The call is recorded to `path`; None where that has failed."""
        self._recording = path

    # -- the end ------------------------------------------------------------------------------

    def _result_of(self, ended: LegEnded) -> Result:
        if self._ended_by is not None:
            is_talk = self._bridged_at is not None
            return Result("completed", self._ended_by.cause) if is_talk else self._ended_by
        cause = ended.hangup_cause
        if cause.result == "hung_up" and self.leg.record.answered is not None:
            return Result("completed", "the party hung up")
        return Result(cause.result, str(cause))

    async def _clear(self, result: Result) -> None:
        self._settled.set()
        self.recorded.cut()
        if self.pair is not None:
            self.pair.part()
        if self.bot is not None:
            await self.bot.end()
        if self.conference is not None:
            self.conference.remove(self, result.cause)
        self.call.state = "ended"
        self.call.ending = result.word, result.cause
        self.legs.hang_up()
        if self._desk is not None:
            await self._desk.close()
            self.call.supervisors.unwatch(self.arrange)
            self._desk = None
        await within_report_limit(self.call, self.recorded.stop())
        await self.legs.give_back()
        self._thirds.settle()
        self._services.registry.remove_call(self.call)
        record = self.leg.record
        cost = self._admission.settle_call(
            self.call.id, [record] if self._facts.direction == "outbound" else []
        )
        if record.answered is None and result.word not in _AS_WISHED:
            log.info("call_failed", call=self.call.id, leg=self.leg.id, result=result.word,
                     cause=result.cause, sip_status=record.sip_status)  # fmt: skip
        self.publish(
            "call.ended",
            direction=self._facts.direction,
            **self._facts.shown,
            result=result.word,
            cause=result.cause,
            started=self.call.started,
            taken_at=record.answered,
            answered_at=self._bridged_at,
            bridged_at=self._bridged_at,
            talk_s=self._talked_s(),
            cost=cost,
            **({} if self._recording is None else {"recording": self._recording}),
            legs=[leg.record for leg in self.call.legs],
        )

    def _talked_s(self) -> float | None:
        if self._bridged_at is None:
            return None
        return talked_s([self.leg.record], self._bridged_at, self._services.clock.now())

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""
        about: dict[str, Any] = {
            "call": self.call.id,
            "site": site_of(self._context),
            "number": self._facts.shown.get("number"),
            "context": self._context,
        }
        known = {name: value for name, value in about.items() if value is not None}
        self._services.events.publish(kind, **(known | fields))

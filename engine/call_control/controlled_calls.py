"""The calls that clients move by commands: what begins them, and every command."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sip.dialog.uas import UasSession

from ..calls.call import Call
from ..calls.hangup_cause import BY_COMMAND
from ..calls.leg import Leg, LegEnded
from ..calls.legs.leg_listener import ObservedLeg
from ..calls.redirected_calls import check_room
from ..calls.running_calls import RunningCalls
from ..calls.services import CallServices
from ..errors import EngineError
from ..inbound.call_info import attested
from ..inbound.handed_over import HandedOver
from ..routing.admission import Admission, AdmissionQuery
from .controlled_call import CallFacts, ControlledCall
from .handed_over_call import HandedOverCall
from .leg_pair import LegPair
from .originated_call import OriginatedCall
from .recording_notices import tell_of_recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class Origination:
    """What a client asks for: whom to call, as whom, and what the INVITE says besides."""

    to: str
    trunk: str | None = None
    caller_id: str | None = None
    ring_s: float | None = None
    max_duration_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    site: str | None = None
    source: str | None = None
    beside: str | None = None
    detect: bool | None = None


class ControlledCalls:
    """Begins calls by command, knows those that are up, and carries out the commands.

    `check_accepting` raises EngineError where the engine takes no new calls.
    """

    def __init__(
        self, services: CallServices, admission: Admission, check_accepting: Callable[[], None]
    ) -> None:
        self._services = services
        self._admission = admission
        self._check_accepting = check_accepting
        self._calls: RunningCalls[ControlledCall] = RunningCalls("controlled_call_died")

    # -- their beginning and end --------------------------------------------------------------

    async def originate(self, asked: Origination) -> Call:
        """Call a party. Raises EngineError: the dial policy, a limit or the load refuses it.

        Returns at once: whether they answer is told by events.
        """
        self._check_accepting()
        services, now = self._services, self._services.clock.now()
        check_room(services)
        destination = services.dialplan.destination(asked.to, field="to", trunk=asked.trunk)
        if asked.caller_id is not None:
            services.dialplan.check_caller_id(asked.caller_id, field="caller_id")
        query = AdmissionQuery(to=asked.to, site=asked.site, source=asked.source)
        admitted = self._admission.check_now(query, now)
        services.registry.check_not_on_the_line(admitted.called)
        beside = None if asked.beside is None else self.find(None, asked.beside).leg
        shown = {"to": asked.to, "number": admitted.called, "trunk": asked.trunk}
        facts = CallFacts(
            call=f"call-{services.new_id()}",
            direction="outbound",
            role="agent" if services.dialplan.is_agent(asked.to) else "customer",
            destination=destination,
            shown={name: value for name, value in shown.items() if value is not None},
            context={**asked.context, **({} if asked.site is None else {"site": asked.site})},
            max_duration_s=asked.max_duration_s or services.dial.max_duration_s,
            detect=asked.detect,
        )
        call = OriginatedCall(
            services,
            self._admission,
            facts,
            caller_id=asked.caller_id,
            ring_s=asked.ring_s or services.dial.ring_s,
            headers=tuple(asked.headers.items()),
        )
        # From the check to here nothing has awaited: what was checked still holds.
        self._admission.count(facts.call, admitted, now)
        call.register()
        try:
            await call.leg.open(beside=beside)
        except LegEnded as ended:
            services.registry.remove_call(call.call)
            call.free_agent()
            self._admission.forget(facts.call)
            raise EngineError("unavailable", str(ended.hangup_cause)) from ended
        self._calls.begin(call)
        return call.call

    def hand_over(self, session: UasSession, handed: HandedOver) -> None:
        """Let a client say what becomes of a call that came in."""
        services = self._services
        media = services.dialplan.media_policy_of(handed.trunk)
        facts = CallFacts(
            call=handed.call,
            direction="inbound",
            role="customer",
            destination=handed.party.address(handed.trunk, media),
            shown={
                "from": handed.party.user,
                "number": handed.party.number,
                "dialled": handed.dialled,
                "trunk": handed.trunk,
                "route": handed.route,
                **attested(handed.verdict),
            },
            context=handed.context,
            brought=handed.brought,
            max_duration_s=services.dial.max_duration_s,
        )
        call = HandedOverCall(
            services,
            self._admission,
            facts,
            session,
            handler_s=handed.handler_s,
            fall_back=handed.fall_back,
        )
        call.register()
        self._calls.begin(call)

    @property
    def active(self) -> int:
        """How many are up."""
        return len(self._calls)

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until none is up. True once none is, False when that takes too long."""
        return await self._calls.idle(timeout_s)

    async def stop(self) -> None:
        """Hang up every call and wait until each is."""
        await self._calls.stop("engine stopped")

    def all(self) -> Sequence[ControlledCall]:
        """Those that are up."""
        return tuple(self._calls)

    def find(self, call_id: str | None, leg_id: str | None) -> ControlledCall:
        """The call of this id, or with this leg. Raises EngineError `not_found` or `state`."""
        field, asked = ("call", call_id) if call_id is not None else ("leg", leg_id)
        for call in self._calls:
            if asked in (call.call.id, call.leg.id):
                return call
        registry = self._services.registry
        if asked in registry.calls or asked in registry.legs:
            reason = f"{field} {asked} is not moved by commands: a queue or a callback has it"
            raise EngineError("state", reason, field=field)
        raise EngineError("not_found", f"there is no {field} {asked}", field=field)

    def flow_of(self, call: Call) -> ControlledCall | None:
        """The flow of a call; None where commands do not move it."""
        return next((one for one in self._calls if one.call is call), None)

    def _undecided(self, call_id: str | None, leg_id: str | None) -> HandedOverCall:
        call = self.find(call_id, leg_id)
        if not isinstance(call, HandedOverCall):
            raise EngineError("state", f"call {call.call.id} did not come in", field="call")
        return call

    # -- a call that came in ------------------------------------------------------------------

    def ring(self, call_id: str | None, leg_id: str | None, status: int) -> Call:
        """Let the caller hear that it rings."""
        call = self._undecided(call_id, leg_id)
        call.ring(status)
        return call.call

    async def answer(self, call_id: str | None, leg_id: str | None) -> Call:
        """Answer, and wait until the caller has acknowledged it."""
        call = self._undecided(call_id, leg_id)
        call.answer()
        await call.settled()
        return call.call

    def reject(
        self, call_id: str | None, leg_id: str | None, status: int, reason: str | None
    ) -> Call:
        """Refuse the call with this status."""
        call = self._undecided(call_id, leg_id)
        call.reject(status, reason)
        return call.call

    def redirect(self, call_id: str | None, leg_id: str | None, to: str) -> Call:
        """Send the caller elsewhere, where the dial policy and the limits permit it.

        It is counted as a call is: the caller's phone is made to call somebody.
        """
        call = self._undecided(call_id, leg_id)
        now = self._services.clock.now()
        target = self._services.dialplan.destination(to, field="to").uri_for_phones("to")
        query = AdmissionQuery(to=to, site=call.call.site)
        admitted = self._admission.check_now(query, now)
        call.redirect(target)
        self._admission.count(call.call.id, admitted, now)
        return call.call

    def headers(self, call_id: str | None, leg_id: str | None) -> Sequence[tuple[str, str]]:
        """The headers of the INVITE of a call that came in."""
        return self._undecided(call_id, leg_id).received_headers()

    # -- legs that are up ---------------------------------------------------------------------

    async def tell_of_recording(self, first_id: str, second_id: str) -> None:
        """Let each of two parties hear that the call of the other is recorded, if it is.

        Returns at once where there is nothing to be said. Raises EngineError as `bridge`.
        """
        await tell_of_recordings(self._to_be_bridged(first_id, second_id))

    def _to_be_bridged(
        self, first_id: str, second_id: str
    ) -> tuple[ControlledCall, ControlledCall]:
        first, second = self.find(None, first_id), self.find(None, second_id)
        if first is second:
            raise EngineError("refused", "a leg cannot be bridged with itself", field="with")
        for call, name in ((first, "leg"), (second, "with")):
            call.check_alone(name)
        return first, second

    def bridge(self, first_id: str, second_id: str, *, end_together: bool) -> tuple[Call, Call]:
        """Let two parties hear each other. With `end_together` they are hung up together.

        `tell_of_recording` comes before, and nothing is awaited in between.
        """
        first, second = self._to_be_bridged(first_id, second_id)
        if not self._services.media.are_together(first.leg.id, second.leg.id):
            reason = "one of the two legs has no media any more"
            raise EngineError("state", reason, field="with")

        def parted(pair: LegPair, ended: ObservedLeg | None) -> None:
            for call, partner in ((first, second), (second, first)):
                call.unbridged(partner.leg.id)
                if ended is partner.leg and end_together:
                    call.end_with(_after(partner.leg))

        def publish(kind: str, leg: ObservedLeg) -> None:
            (first if leg is first.leg else second).legs.publish(kind, leg)

        pair = LegPair(
            (first.leg, second.leg),
            media=self._services.media,
            hold=self._services.hold,
            publish=publish,
            supervisors=(first.call.supervisors, second.call.supervisors),
            on_parted=parted,
        )
        pair.join()
        first.bridged(pair, second.leg.id)
        second.bridged(pair, first.leg.id)
        return first.call, second.call

    def unbridge(self, call_id: str | None, leg_id: str | None) -> Call:
        """Take a bridge apart. Both parties stay up, and hear silence."""
        call = self._up(call_id, leg_id)
        if call.pair is None:
            raise EngineError("state", f"leg {call.leg.id} is not bridged", field="leg")
        call.pair.part()
        return call.call

    def hold(self, call_id: str | None, leg_id: str | None) -> Call:
        """Put the party on hold: it hears music, and what it says is not heard."""
        call = self._up(call_id, leg_id)
        if call.bot is not None:
            raise EngineError("state", f"leg {call.leg.id} has a stream", field="leg")
        if call.leg.is_on_hold:
            raise EngineError("state", f"leg {call.leg.id} is on hold already", field="leg")
        call.leg.offer("sendonly")
        call.leg.is_on_hold = True
        self._arrange(call)
        return call.call

    def resume(self, call_id: str | None, leg_id: str | None) -> Call:
        """End the hold."""
        call = self._up(call_id, leg_id)
        if not call.leg.is_on_hold:
            raise EngineError("state", f"leg {call.leg.id} is not on hold", field="leg")
        call.leg.offer("sendrecv")
        call.leg.is_on_hold = False
        self._arrange(call)
        return call.call

    def _arrange(self, call: ControlledCall) -> None:
        call.publish("call.held" if call.leg.is_on_hold else "call.resumed", leg=call.leg.id)
        if call.conference is None:
            call.arrange()
        else:
            call.conference.hold_changed(call.leg)

    def send_dtmf(
        self, call_id: str | None, leg_id: str | None, digits: str, duration_ms: int, gap_ms: int
    ) -> Call:
        """Send the party these keys, as telephone-events, or by INFO where it takes them so."""
        call = self._up(call_id, leg_id)
        call.leg.send_keys(digits, duration_ms=duration_ms, gap_ms=gap_ms)
        return call.call

    def send_info(
        self, call_id: str | None, leg_id: str | None, content_type: str, body: bytes
    ) -> Call:
        """Send the party a SIP INFO."""
        call = self._up(call_id, leg_id)
        call.leg.send_info(content_type, body)
        return call.call

    def detect(self, call_id: str | None, leg_id: str | None) -> Call:
        """Tell from now on who or what speaks for the party."""
        call = self._up(call_id, leg_id)
        self._services.detection.begin(call.call, call.leg, self._services.answers.limits)
        return call.call

    def _up(self, call_id: str | None, leg_id: str | None) -> ControlledCall:
        call = self.find(call_id, leg_id)
        call.check_up()
        return call


def _after(partner: Leg) -> str:
    """Why the call is over whose partner has ended."""
    cause = partner.hangup_cause
    if cause is None or (cause.result == "hung_up" and cause != BY_COMMAND):
        return "the partner hung up"
    return f"the partner has ended: {cause}"

"""A callback: one attempt to bring an operator and a customer together.

`Callback.run` tells the story: call the one, let the operator hear who is waiting, call the other,
join them, and wait until one hangs up. Whatever ends it, every leg is hung up and given back.
"""

import asyncio
import time
from functools import partial
from typing import Any

import structlog

from media.sources import Peer

from ..acd.waiting import Offer
from ..calls.agent_ringer import AgentRinger, candidates_of, free_offered, open_all
from ..calls.bridge import Bridge
from ..calls.call import ON_THE_LINE_S, Call
from ..calls.call_legs import CallLegs, codecs_like, within_report_limit
from ..calls.call_result import TurnedAway
from ..calls.hangup_cause import BY_COMMAND, HangupCause, retry_cause_of
from ..calls.leg import DEFAULT_CALLER, Caller, Leg, LegEnded
from ..calls.recording import Recording
from ..calls.services import CallServices
from ..calls.templates import Subject, context_headers
from ..calls.while_up import while_up
from ..calls.whisper import Whisper
from ..errors import EngineError
from ..job import MACHINE, AttemptRecord, Failure, Job, JobState, OfferRecord, RetryCause, Side
from ..routing.dialplan import Destination
from ..store.store import StoreError
from . import retry
from .customer_hold import CustomerHold, Postponed
from .retry import Outcome

log = structlog.get_logger()


class Attempt:
    """One attempt of a job, from its first INVITE to the last BYE."""

    def __init__(
        self,
        job: Job,
        agent: Destination | None,
        customer: Destination,
        services: CallServices,
        offer: Offer | None = None,
    ) -> None:
        self.job = job
        self.call = Call(f"call-{services.new_id()}", job.id)
        self.offer = offer
        self._agent = agent
        self._customer = customer
        self._services = services
        self._attempt = AttemptRecord(call=self.call.id, number=job.dial_to)
        self._legs = CallLegs(self.call, services, self._publish)
        self._operators: AgentRinger | None = None
        self._hold: CustomerHold | None = None
        self._recording: Recording | None = None
        self._ended_by_command: str | None = None
        self.is_called_off = False
        self.outcome_if_cancelled = Outcome("cancelled", "cancelled", "cancelled")
        self._outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        """Whether the attempt is decided, or being cancelled: nothing can change its end."""
        return self._outcome is not None

    def call_off(self, outcome: Outcome) -> None:
        """Its task is about to be cancelled: that is how it ends."""
        self.is_called_off, self.outcome_if_cancelled = True, outcome

    async def run(self) -> Outcome:
        """Make the attempt, and hang everything up.

        Cancelling the task that runs it ends it with `outcome_if_cancelled`.
        """
        job, services = self.job, self._services
        job.attempts = [*job.attempts, self._attempt]
        if job.outcome == MACHINE:  # of an attempt before
            job.outcome = None
        services.register.add(self.call)
        whisper = services.announcer.prepare(job)
        try:
            await self._claim()
            if job.request.order == "agent_first":
                await self._agent_first(whisper)
            else:
                await self._customer_first(whisper)
            self._outcome = Outcome("completed", "completed", "maximum duration reached")
        except LegEnded as ended:
            self._outcome = self._read(ended.leg, ended.ending)
        except Postponed:
            self._outcome = self._postponed()
        except TurnedAway as turned_away:
            self._outcome = Outcome("failed", "unavailable", turned_away.result.cause)
        except (EngineError, StoreError) as error:
            self._outcome = self._not_possible(error)
        except asyncio.CancelledError:
            self._outcome = self.outcome_if_cancelled
        finally:
            whisper.cancel()
            await self._clear()
        self._outcome = self._unless_machine(self._outcome)
        self._note(self._outcome)
        return self._outcome

    def _unless_machine(self, outcome: Outcome) -> Outcome:
        """The customer was not reached where somebody wrote back that a machine had answered."""
        is_ended = outcome.state in ("completed", "failed") and outcome.not_before is None
        is_machine = self.job.outcome == MACHINE and self._attempt.was_answered
        if not is_ended or not is_machine or outcome.is_interrupted:
            return outcome
        moment, self.job.bridged_at = self.job.state, None
        failure = Failure(side="customer", moment=moment)
        cause = f"a machine answered for the customer; {outcome.cause}"
        return Outcome("failed", MACHINE, cause, failure, may_retry=True, retry_cause=MACHINE)

    def _note(self, outcome: Outcome) -> None:
        attempt = self._attempt
        attempt.result, attempt.cause = outcome.result, outcome.cause
        # One that is broken off counts only if the customer has answered it.
        if outcome.may_retry or (outcome.is_interrupted and attempt.was_answered):
            attempt.retry_cause = retry.cause_of(outcome)

    async def _claim(self) -> None:
        """Have it on the disk that somebody may be called, before anybody is."""
        if not self.job.under_way:
            self.job.under_way = True
            await self._services.store.save(self.job, durable=True)

    # -- the two stories --------------------------------------------------------------------

    async def _agent_first(self, whisper: "asyncio.Future[Whisper]") -> None:
        self._enter("dialing_agent")
        operators = self._ask(self.offer or self._named())
        customer = self._legs.make("customer", self._customer)
        # Its port as well, so that it can be dialled without a wait.
        await open_all([*operators.ports(), customer.open(beside=operators.legs[0])])
        agent = await operators.reach()
        async with while_up(agent):
            await self._whisper(agent, whisper)
            self._enter("dialing_customer")
            agent.hear(self._services.ringing)
            customer.on_early_media_over = lambda: agent.hear(self._services.ringing)
            customer.on_early_media = lambda: agent.hear(Peer(customer.id))
            await self._dial(customer, partner=agent)
            async with while_up(customer):
                await self._talk(agent, customer)

    async def _customer_first(self, whisper: "asyncio.Future[Whisper]") -> None:
        self._enter("dialing_customer")
        customer = self._legs.make("customer", self._customer)
        await customer.open()
        await self._dial(customer)
        hold = self._hold = self._hold_of(customer)
        async with while_up(customer), hold.host() as guest:
            self._enter("holding")
            while self.job.bridged_at is None:
                agent = await self._operator_for(hold, customer)
                try:
                    async with while_up(agent):
                        await self._whisper(agent, whisper)
                        guest.leave()
                        await self._talk(agent, customer)
                except LegEnded as ended:
                    if ended.leg is customer or not self._may_hold_again():
                        raise
                    self._operators_over()
                    self._legs.let_go(ended.leg)
                    self._enter("holding")

    def _hold_of(self, customer: Leg) -> CustomerHold:
        return CustomerHold(
            self.job,
            self.call.id,
            customer,
            self._services,
            ask=partial(self._ask, customer=customer),
            ringing=partial(self._enter, "dialing_agent"),
            waiting=self._nobody_rings,
            leaving=partial(self._leaving, customer),
            publish=self._publish,
        )

    async def _operator_for(self, hold: CustomerHold, customer: Leg) -> Leg:
        """An operator for a customer who holds the line."""
        if self._agent is None and self._services.queues is not None:
            return await hold.operator()
        self._enter("dialing_agent")
        operators = self._ask(self._named(), customer)
        await open_all(operators.ports())
        return await operators.reach()

    def _named(self) -> Destination:
        """The agent whom the request names, or the outside number to which its queue sent it."""
        assert self._agent is not None
        return self._agent

    def _may_hold_again(self) -> bool:
        """Whether a customer who lost his operator before they were joined can get another."""
        is_over = self.job.bridged_at is not None or self._ended_by_command is not None
        return not is_over and self._agent is None and self.job.request.queue is not None

    def _nobody_rings(self) -> None:
        if self.job.state == "dialing_agent":
            self._enter("holding")

    def _leaving(self, customer: Leg) -> str:
        """Why the queue is left by a customer whose wait is cut short."""
        ending = customer.ending
        hung_up = ending is not None and ending.result == "hung_up"
        return "abandoned" if hung_up and self._ended_by_command is None else "withdrawn"

    async def _whisper(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        self._enter("whispering")
        # Shielded: another operator may have to hear it, when this one leaves meanwhile.
        await self._legs.whisper(agent, await asyncio.shield(whisper))

    async def _talk(self, agent: Leg, customer: Leg) -> None:
        services, request = self._services, self.job.request
        bridge = Bridge(
            agent, customer, media=services.media, hold=services.hold, publish=self._legs.publish
        )
        bridge.join()
        self.job.bridged_at = self.call.bridged_at = time.time()
        self._enter("bridged")
        try:
            if request.record:
                self._recording = Recording(self.call.id, services, self._publish)
                self.job.recording = await self._recording.start(agent, customer)
            await asyncio.sleep(request.max_duration_s)
        finally:
            bridge.leave()

    # -- legs -------------------------------------------------------------------------------

    def _ask(self, whom: Offer | Destination, customer: Leg | None = None) -> AgentRinger:
        """The operators of an offer, or one who is no agent; not rung yet."""
        offer = whom if isinstance(whom, Offer) else None
        ring_s = self.job.request.ring_s if offer is None else offer.ring_s
        self._operators = AgentRinger(
            candidates_of(whom, self._services),
            self._services,
            offer=offer,
            new_leg=partial(self._legs.make, "agent"),
            dial=partial(self._dial, partner=customer, ring_s=ring_s),
            publish=self._publish,
            beside=customer,
            on_offer=self._offered,
            told=self._told,
            line=self._legs.line,
            let_go=self._legs.let_go,
        )
        return self._operators

    def _told(self) -> dict[str, Any]:
        """What the operator's screen is told before his phone rings."""
        job, history = self.job, self._services.history
        return {
            "number": job.called,
            "history": [] if history is None else history.of(job.called),
            "script": job.request.script,
        }

    def _offered(self, record: OfferRecord) -> None:
        self.job.offers = [*self.job.offers, record]

    async def _dial(
        self, leg: Leg, *, partner: Leg | None = None, ring_s: float | None = None
    ) -> None:
        request, dial = self.job.request, self._services.dial
        if self._ended_by_command is not None:
            raise LegEnded(leg, BY_COMMAND)
        if leg.role == "customer":
            self._check_customer()
        if leg.role == "agent":
            user: str | None = self._customer.user
            headers = context_headers(dial.headers, Subject.of(self.job))
        else:
            user, headers = request.caller_id, ()
        caller = Caller(user, default=dial.caller_id or DEFAULT_CALLER)
        self._legs.add(leg)
        self._attempt.legs = [*self._attempt.legs, leg.record]
        await leg.dial(
            caller=caller,
            ring_s=ring_s or request.ring_s,
            codecs=codecs_like(partner),
            headers=headers,
        )

    def _check_customer(self) -> None:
        """Whether the customer may still be called: he may have been blocked meanwhile.

        Raises EngineError `refused`.
        """
        admission, number = self._services.admission, self.job.called
        if admission is None:
            return
        if self.job.dial_to is not None:
            other = admission.number(self.job.dial_to)
            number = None if other is None else other.e164
        if self._services.register.is_on_the_line(number):
            later = {"policy": "on_the_line", "not_before": time.time() + ON_THE_LINE_S}
            raise EngineError("refused", "the customer is on the line", "to", later)
        verdict = admission.may_dial_now(number, time.time())
        if not verdict.allowed:
            data = {"policy": verdict.policy, "not_before": verdict.not_before}
            raise EngineError("refused", verdict.reason or "not to be called", "to", data)

    def hang_up(self, leg_id: str | None = None) -> None:
        """End one leg, or all, and so the attempt, because a command says so; it is not repeated.

        With an operator who rings all who ring are hung up: nobody is to take the call any more.
        """
        self._ended_by_command = BY_COMMAND.phrase
        for leg in tuple(self.call.legs):
            rings = leg.role == "agent" and leg.record.answered is None
            if rings or leg_id in (None, leg.id):
                leg.hang_up(BY_COMMAND)

    async def _clear(self) -> None:
        self._legs.hang_up()
        self._operators_over()
        free_offered(self.offer, self._services)
        # Apart, so that a recording that is slow to end keeps no port.
        if self._recording is not None:
            await within_report_limit(self.call, self._recording.stop())
        await self._legs.give_back()
        self._services.register.remove(self.call)

    def _operators_over(self) -> None:
        if self._operators is not None:
            self._operators.over()

    # -- telling ----------------------------------------------------------------------------

    def _enter(self, state: JobState) -> None:
        job, services = self.job, self._services
        job.enter(state)
        self.call.state = state
        services.store.save(job)
        self._publish(f"callback.{state}", attempt=len(job.attempts))

    def _publish(self, kind: str, **fields: Any) -> None:
        job = self.job
        self._services.events.publish(
            kind, job=job.id, call=self.call.id, context=job.request.context, **fields
        )

    def _not_possible(self, error: EngineError | StoreError) -> Outcome:
        """The attempt could not be made, or not be carried on."""
        if isinstance(error, StoreError):
            return Outcome("failed", "unavailable", error.message, may_retry=True)
        if error.kind == "refused":
            not_before = error.data.get("not_before")
            may_be_later = error.data.get("policy") in ("hours", "on_the_line")
            later = not_before if may_be_later else None
            # Another number may still be called; which, is asked anew.
            is_other = self.job.dial_to is not None
            return Outcome("failed", "refused", error.message, may_retry=is_other, not_before=later)
        missed = self.offer is not None and error.field == "agent"
        cause: RetryCause | None = "operator_missed" if missed else None
        return Outcome("failed", "unavailable", error.message, may_retry=True, retry_cause=cause)

    def _read(self, leg: Leg, ending: HangupCause) -> Outcome:
        moment = self.job.state
        if self._hold is not None and self._hold.is_postponed:
            return self._postponed()
        if moment == "bridged" and ending.result in ("hung_up", "completed"):
            cause = self._ended_by_command or f"{leg.role} hung up"
            return Outcome("completed", "completed", cause)
        side: Side = "engine" if ending.is_ours else leg.role
        failure = Failure(
            side=side,
            moment=moment,
            sip_status=ending.sip_status,
            sip_reason=ending.phrase if ending.sip_status is not None else None,
            reason_header=ending.reason_header,
        )
        words = ending.result.replace("_", " ")
        cause = self._ended_by_command or f"{side} {words}: {ending}, while {moment}"
        may_retry = moment != "bridged" and self._ended_by_command is None
        return Outcome(
            "failed", ending.result, cause, failure, may_retry, self._retry_cause(leg, ending)
        )

    def _postponed(self) -> Outcome:
        """The customer asked to be called back: as soon as he has hung up, in his place."""
        cause = "the customer asked to be called back"
        return Outcome("failed", "callback", cause, not_before=time.time())

    def _retry_cause(self, leg: Leg, ending: HangupCause) -> RetryCause:
        """Whose fault it is: the operator's alone only where the customer was not called."""
        if leg.role == "customer":
            return retry_cause_of(ending)
        is_alone = self.job.request.order == "agent_first" and self.job.state != "dialing_customer"
        return "operator_missed" if is_alone else "failed"

"""One attempt of a callback: an agent and a customer are called and joined.

`Attempt.run` reads from beginning to end: call one of the two, let the agent hear the whisper, call
the other, join them, and wait until one hangs up. Whatever ends it, every leg is hung up and given
back.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import structlog

from ...acd.waiting import Offer
from ...calls.agent_ringer import AgentRinger, free_offered, open_all
from ...calls.announcing.ringback_sound import RingbackSound
from ...calls.announcing.whisper import Whisper
from ...calls.call import ON_THE_LINE_S, Call
from ...calls.call_result import TurnedAway
from ...calls.cancel_scope import while_up
from ...calls.hangup_cause import BY_COMMAND, TRANSFERRED, HangupCause
from ...calls.keys.opt_out import ASKED_NOT_TO_BE_CALLED, offered_opt_out
from ...calls.leg import Leg, LegEnded
from ...calls.services import CallServices
from ...calls.templates import Subject, display_name
from ...calls.transfers.queue_wait import NoCallback, QueueWait
from ...calls.two_party_call import TwoPartyCall
from ...errors import EngineError
from ...job import MACHINE, AttemptRecord, Job, JobState, OfferRecord
from ...routing.limits import visitor_of
from ...routing.targets.destination import Destination
from .. import retry
from ..answers.answer_check import AnswerCheck, MachineAnswered
from ..customer_hold import CustomerHold, Postponed, waiting_of
from ..retry import Outcome
from ..scripting.customer_transfers import CustomerTransfers
from ..scripting.job_scripts import JobScripts
from .attempt_check import lines_of, number_of
from .attempt_outcome import of_hangup, of_refusal, unless_machine
from .attempt_services import AttemptServices

log = structlog.get_logger()

# What `call.get` shows of a call beside its job.
_SHOWN_OF_CALL = ("number", "site", "queue", "agent", "context")
# The states between the customer's answer and a talk with whom their script has reached.
_TO_WHO_IS_REACHED: Final[tuple[JobState, ...]] = ("holding", "dialing_agent", "whispering")


class Attempt(TwoPartyCall):
    """One attempt of a job, from its first INVITE to the last BYE.

    `agent` is whom it rings where the job has no offer and its customer does not wait in a queue.
    """

    def __init__(
        self,
        services: CallServices,
        job: Job,
        *,
        agent: Destination | None,
        customer: Destination,
        offer: Offer | None = None,
        shared: AttemptServices,
    ) -> None:
        call = Call(f"call-{services.new_id()}", job.id, started=services.clock.now())
        super().__init__(services, call, shared.admission)
        self.job = job
        self.offer = offer
        self._agent = agent
        self._customer = customer
        self._shared = shared
        self._attempt = AttemptRecord(call=self.call.id, number=job.dial_to)
        self._scripts = JobScripts(services, self, job, self._attempt, shared)
        self._partner: Leg | None = None
        self._called: Leg | None = None
        self._hold: CustomerHold | None = None
        self._answer = AnswerCheck(services, job, self.publish)
        self._ended_by_command: str | None = None
        self.is_cancelled = False
        self.outcome_if_cancelled = Outcome("cancelled", "cancelled", "cancelled")
        self._outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        """Whether the attempt is decided, or being cancelled: nothing can change its end."""
        return self._outcome is not None

    def cancel_with(self, outcome: Outcome) -> None:
        """Its task is about to be cancelled: it ends with `outcome`."""
        self.is_cancelled, self.outcome_if_cancelled = True, outcome

    async def run(self) -> Outcome:
        """Make the attempt, and hang everything up.

        Cancelling the task that runs it ends it with `outcome_if_cancelled`.
        """
        job, services = self.job, self._services
        job.attempts = [*job.attempts, self._attempt]
        if job.outcome == MACHINE:  # of an attempt before
            job.outcome = None
        services.registry.add_call(self.call)
        whisper = services.announcer.prepare(job)
        with services.clock.shifting(self.shift):
            try:
                await self._claim()
                self._outcome = await self._story(whisper)
            except LegEnded as ended:
                self._agent_left(ended)
                self._outcome = self._outcome_of(ended.leg, ended.hangup_cause)
            except Postponed:
                self._outcome = self._postponed()
            except TurnedAway as turned_away:
                self._outcome = Outcome("failed", "unavailable", turned_away.result.cause)
            except EngineError as error:
                self._outcome = of_refusal(error, self.job, is_offered=self.offer is not None)
            except asyncio.CancelledError:
                self._outcome = self.outcome_if_cancelled
            finally:
                services.announcer.discard(whisper)
                self._answer.close()
                self._scripts.close()
                await self._clear()
        self._outcome = unless_machine(self._outcome, job, self._attempt)
        self._note(self._outcome)
        return self._outcome

    def shift(self, by_s: float) -> None:
        """The clock was stepped. The job moves its own times."""
        super().shift(by_s)
        if self._hold is not None:
            self._hold.shift(by_s)

    def _note(self, outcome: Outcome) -> None:
        attempt = self._attempt
        attempt.result, attempt.cause = outcome.result, outcome.cause
        is_postponed = outcome.is_interrupted or outcome.not_before is not None
        if outcome.state == "failed" and not is_postponed:
            self._log_failed(outcome.result, outcome.cause)
        # An attempt that is broken off counts only if the customer has answered it.
        if outcome.may_retry or (outcome.is_interrupted and attempt.was_answered):
            attempt.retry_cause = retry.cause_of(outcome)

    async def _claim(self) -> None:
        """Store that somebody may be called, before anybody is."""
        if not self.job.under_way:
            self.job.under_way = True
            await self._services.store.save(self.job, durable=True)

    # -- the two stories --------------------------------------------------------------------

    async def _story(self, whisper: "asyncio.Future[Whisper]") -> Outcome:
        try:
            if self.job.request.order == "agent_first":
                await self._agent_first(whisper)
            else:
                await self._customer_first(whisper)
        except LegEnded as ended:
            await self._after_talk(ended)
            raise
        except MachineAnswered as machine:
            return await self._answer.follow(machine, self.call, self._release_agents)
        return Outcome("completed", "completed", "maximum duration reached")

    async def _after_talk(self, ended: LegEnded) -> None:
        """The agent has hung up: let the customer go through the script that is for then."""
        customer = self._called
        is_asked = self.job.bridged_at is not None and self._scripts.after_script
        if not is_asked or customer is None or customer.hangup_cause is not None:
            return
        self.party_replaced(ended.leg)  # whoever was there is free
        self.outcome_if_cancelled = self._outcome_of(ended.leg, ended.hangup_cause)
        try:
            async with while_up(customer):
                await self._scripts.after_talk(customer)
        except EngineError as error:  # it was removed meanwhile
            log.warning("script_not_run", call=self.call.id, reason=error.message)
        except LegEnded:  # the talk has ended as it has
            pass

    async def _agent_first(self, whisper: "asyncio.Future[Whisper]") -> None:
        offer = self.offer
        self._enter("dialing_agent", agent=None if offer is None else offer.only_agent)
        ringer = self._ringer(offer or self._named())
        customer = self.legs.make("customer", self._customer)
        # The customer's port as well, so that the customer can be dialled without a wait.
        await open_all([*ringer.ports(), customer.open(beside=ringer.legs[0])])
        agent = await ringer.ring()
        async with while_up(agent):
            await self._scripts.ask(agent)
            self._enter("whispering")
            await self.whisper(agent, whisper)
            self._enter("dialing_customer")
            agent.hear(self._services.ringing)
            customer.listen(RingbackSound(agent, self._services.ringing))
            await self._dial_customer(customer, partner=agent)
            async with while_up(customer), self._opt_out(customer):
                await self._answer.check(self.call, customer, agent)
                if not await self._goes_elsewhere(customer, whisper, agent):
                    await self._until_talked(agent, customer)

    async def _customer_first(self, whisper: "asyncio.Future[Whisper]") -> None:
        self._enter("dialing_customer")
        customer = self.legs.make("customer", self._customer)
        await customer.open()
        await self._dial_customer(customer)
        self._partner = customer
        hold = self._hold = CustomerHold(self._services, self, self.job, customer)
        async with while_up(customer), self._opt_out(customer):
            await self._answer.check(self.call, customer, None)
            if not await self._goes_elsewhere(customer, whisper):
                await self._hold_and_talk(hold, customer, whisper)

    async def _goes_elsewhere(
        self, customer: Leg, whisper: "asyncio.Future[Whisper]", agent: Leg | None = None
    ) -> bool:
        """Let the customer go through their script. True: they have talked with somebody else."""
        if not self.job.request.customer_script:
            return False
        self._partner = customer
        transfers = CustomerTransfers(self._services, self, self.job, customer, agent)
        if agent is not None:
            agent.hear(self._services.ringing)
        await self._scripts.ask(customer, lambda wanted: transfers.carry_out(wanted, whisper))
        reached = transfers.reached
        if reached is None and not transfers.queue:
            if agent is not None and agent.hangup_cause is not None:
                raise LegEnded(agent, agent.hangup_cause)
            return False
        if agent is not None:
            self._release_agents()
            agent.hang_up(TRANSFERRED)
            self.legs.drop(agent)
        transfers.take_over()
        if reached is None:
            self._agent = None
            self._hold = CustomerHold(self._services, self, self.job, customer)
            await self._hold_and_talk(self._hold, customer, whisper)
        else:
            self._agent_holder = reached.wait
            async with while_up(reached.leg):
                for state in _TO_WHO_IS_REACHED:
                    self._enter(state)
                await self._until_talked(reached.leg, customer)
        return True

    async def _hold_and_talk(
        self, hold: CustomerHold, customer: Leg, whisper: "asyncio.Future[Whisper]"
    ) -> None:
        async with hold.attend() as waiting:
            self._enter("holding")
            while self.job.bridged_at is None:
                agent = await self._agent_for(hold)
                try:
                    async with while_up(agent):
                        await self._scripts.ask(agent)
                        self._enter("whispering")
                        await self.whisper(agent, whisper)
                        waiting.leave()
                        await self._until_talked(agent, customer)
                except LegEnded as ended:
                    if ended.leg is customer or not self._may_hold_again():
                        raise
                    self._lose_agent(ended)
                    self._enter("holding")

    async def _agent_for(self, hold: CustomerHold) -> Leg:
        """An agent for a customer who holds the line."""
        if self._agent is None:
            self._agent_holder = hold
            return await hold.answering_agent()
        self._enter("dialing_agent")
        ringer = self._ringer(self._named())
        await open_all(ringer.ports())
        return await ringer.ring()

    def _opt_out(self, customer: Leg) -> AbstractAsyncContextManager[None]:
        """While the block runs, the customer may ask by a key not to be called again."""
        return offered_opt_out(
            self._services,
            self._admission,
            customer,
            number=number_of(self.job, self._admission),
            request=self.job.request,
            publish=self.publish,
            on_asked=partial(self.hang_up, why=ASKED_NOT_TO_BE_CALLED),
        )

    def _ringer(self, whom: Offer | Destination) -> AgentRinger:
        """A ringer for the agents of an offer, or for an outside number. It has rung nobody yet."""
        self._agent_holder = ringer = AgentRinger.of(self._services, self, whom, self._partner)
        return ringer

    def _named(self) -> Destination:
        """The agent whom the request names, or the outside number to which its queue sent it."""
        assert self._agent is not None
        return self._agent

    def _may_hold_again(self) -> bool:
        """Whether a customer who lost their agent before the two were joined can get another."""
        is_over = self.job.bridged_at is not None or self._ended_by_command is not None
        return not is_over and self._agent is None and self.job.request.queue is not None

    async def _until_talked(self, agent: Leg, customer: Leg) -> None:
        request = self.job.request
        await self._talk(
            agent, customer, is_recorded=request.record, limit_s=request.max_duration_s
        )

    def on_bridged(self) -> None:
        """Agent and customer have just been joined."""
        self.job.bridged_at = self.call.bridged_at
        self._enter("bridged")

    def on_recording(self, path: str | None) -> None:
        """Their talk is recorded to `path`; None where that has failed."""
        self.job.recording = path
        self._services.store.save(self.job)

    # -- what agents see of it, and how they are rung -----------------------------------------

    @property
    def ring_s(self) -> float:
        """How long an outside number is rung."""
        return self.job.request.ring_s

    def wait_in(self, queue: str) -> QueueWait:
        """How the customer waits in a queue that they are transferred to."""
        room = self._services.rooms.of(queue)
        return QueueWait(
            room=room,
            waiting={
                **waiting_of(self.job, self.call.id),
                "queue": queue,
                "agent": None,
                "joined_at": self._services.clock.now(),
                "since": None,
                "known_agent": None,
            },
            callback=NoCallback(),
            whisper=self._services.announcer.prepare(self.job),
        )

    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the customer before their phone rings."""
        job = self.job
        return {
            "number": job.called,
            "history": self._shared.history.of(job.called),
            "script": job.request.script,
        }

    def on_offer(self, record: OfferRecord) -> None:
        """The job is offered to an agent."""
        self.job.offers = [*self.job.offers, record]

    def on_ringing(self, agent: str | None) -> None:
        """Agents begin to be rung for a customer who holds the line; `agent`: one alone."""
        self._enter("dialing_agent", agent=agent)

    def on_waiting(self) -> None:
        """No agent is being rung any more: the customer holds the line."""
        if self.job.state == "dialing_agent":
            self._enter("holding")

    def leaving_reason(self) -> str:
        """Why the queue is left by a customer whose wait is cancelled."""
        if self._hold is not None and self._hold.is_postponed:
            return "callback"
        cause = None if self._partner is None else self._partner.hangup_cause
        hung_up = cause is not None and cause.result == "hung_up"
        return "abandoned" if hung_up and self._ended_by_command is None else "withdrawn"

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent on `leg`. Raises LegEnded."""
        self._check_not_ended(leg)
        subject = Subject.of(self.job)
        await self._dial(
            leg,
            self._customer.user,
            name=display_name(subject),
            ring_s=ring_s,
            partner=self._partner,
            later=self._customer,
            headers=self._services.headers_of(subject),
        )

    # -- legs -------------------------------------------------------------------------------

    async def _dial_customer(self, leg: Leg, *, partner: Leg | None = None) -> None:
        self._check_not_ended(leg)
        self._check_customer()
        request = self.job.request
        self._called = leg
        await self._dial(leg, request.caller_id, ring_s=request.ring_s, partner=partner)

    def show(self, leg: Leg) -> None:
        """See TwoPartyCall. The record of the job has it too."""
        self._attempt.legs = [*self._attempt.legs, leg.record]
        super().show(leg)

    def _check_not_ended(self, leg: Leg) -> None:
        """Raise LegEnded where a command has ended the attempt."""
        if self._ended_by_command is not None:
            raise LegEnded(leg, BY_COMMAND)

    def _check_customer(self) -> None:
        """Ask again whether the customer may be called: the number may be blocked by now.

        Raises EngineError `refused`.
        """
        job, registry = self.job, self._services.registry
        number = number_of(job, self._admission)
        if registry.is_on_the_line(lines_of(job, self._admission), but_for=self.call):
            later = {
                "policy": "on_the_line",
                "not_before": self._services.clock.now() + ON_THE_LINE_S,
            }
            raise EngineError("refused", "the customer is on the line", "to", later)
        verdict = self._admission.may_dial_now(
            number, self._services.clock.now(), visitor_of(job.request.site, job.request.source)
        )
        if not verdict.allowed:
            data = {"policy": verdict.policy, "not_before": verdict.not_before}
            raise EngineError("refused", verdict.reason or "not to be called", "to", data)
        registry.occupy_line(self.call, number or job.dial_to or job.request.to)

    def hang_up(self, leg_id: str | None = None, why: str = BY_COMMAND.phrase) -> None:
        """End one leg, or all, and with it the attempt, by command. It is not repeated.

        The agents who are being rung are all hung up: none of them is to answer any more.
        """
        self._ended_by_command = why
        for leg in tuple(self.call.legs):
            rings = leg.role == "agent" and leg.record.answered is None
            if rings or leg_id in (None, leg.id):
                leg.hang_up(BY_COMMAND)

    async def _clear(self) -> None:
        self.legs.hang_up()
        free_offered(self.offer, self._services)
        await self._give_back()
        self._services.registry.remove_call(self.call)

    # -- what is published --------------------------------------------------------------------

    def _enter(self, state: JobState, *, agent: str | None = None) -> None:
        """Enter a state. `agent`: who is about to be rung, where it is known already."""
        job, services = self.job, self._services
        job.enter(state)
        self.call.state = state
        services.store.save(job)
        rung = {} if agent is None else {"agent": agent}
        self.publish(f"callback.{state}", attempt=len(job.attempts), **rung)

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the attempt."""
        about = {**self.job.about(), "call": self.call.id} | fields
        self.call.about = {name: about[name] for name in _SHOWN_OF_CALL}
        self._services.events.publish(kind, **about)

    def _outcome_of(self, leg: Leg, hangup: HangupCause) -> Outcome:
        job, self._failed_leg = self.job, leg
        if self._hold is not None and self._hold.is_postponed:
            return self._postponed()
        return of_hangup(job, leg, hangup, ended_by_command=self._ended_by_command)

    def _postponed(self) -> Outcome:
        """The customer asked to be called back: the job is due as soon as they have hung up."""
        cause = "the customer asked to be called back"
        not_before = self._scripts.not_before or self._services.clock.now()
        return Outcome("failed", "callback", cause, not_before=not_before)

"""Rings the agents of one offer at once, each at their addresses in turn; the first answer wins.

Which agent wins is decided here and nowhere else: the first answer that this module sees. Every
other phone learns that the call was answered elsewhere, also one whose answer crossed with that,
and its agent is free again. Whatever happens, no agent stays reserved when `ring` is over but the
winner, and `release_agents` frees the winner.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from ..acd.waiting import Offer
from ..errors import EngineError
from ..job import OfferRecord
from ..routing.targets.destination import Destination
from .announcing.whisper import Announcement, Unspoken
from .call_flow import CallFlow
from .cancel_scope import KeyPressed, until_key, while_up
from .hangup_cause import BY_COMMAND, ELSEWHERE, NO_ANSWER, HangupCause
from .leg import Leg, LegEnded
from .services import CallServices

# How long an agent who has answered has to press the key; the pause before they are asked again.
CONFIRM_S = 15.0
CONFIRM_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent or outside number to ring: the agent's name (None: outside), and the addresses."""

    agent: str | None
    addresses: tuple[Destination, ...]


class AgentsMissed(LegEnded):
    """Nobody answered: the leg and its hangup cause are those of the last who did not."""


async def open_all(ports: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Open ports one after another: mostly they are ready, and none waits.

    Tries all of them, then raises LegEnded where one could not be opened.
    """
    failure: LegEnded | None = None
    left = list(ports)
    try:
        while left:
            try:
                await left.pop(0)
            except LegEnded as ended:
                failure = failure or ended
    finally:
        for port in left:
            port.close()
    if failure is not None:
        raise failure


def candidates_of(whom: Offer | Destination, services: CallServices) -> tuple[Candidate, ...]:
    """The agents of an offer, or one outside number.

    An agent without an address to dial now has missed the offer. Raises EngineError where nobody
    is left.
    """
    if not isinstance(whom, Offer):
        return (Candidate(None, (whom,)),)
    offer = whom
    found: list[Candidate] = []
    why_not = EngineError("unavailable", "nobody is offered")
    for name in offer.agents:
        try:
            found.append(Candidate(name, services.dialplan.agent_destinations(name)))
        except EngineError as error:
            why_not = error
            counts = offer.queue is not None
            services.agents.missed(name, offer.waiting.id, error.message, counts=counts)
    if not found:
        raise why_not
    return tuple(found)


def free_offered(offer: Offer | None, services: CallServices) -> None:
    """Free the agents of an offer who were not rung after all. No effect on the others."""
    if offer is not None:
        for name in offer.agents:
            services.agents.release(name, offer.waiting.id)


class AgentRinger:
    """Rings `candidates` for `flow`. `offer` is theirs; None for an outside number.

    `beside` is the leg that the agent is going to talk to, where it is up. `legs` are those of the
    first addresses. Their ports are opened ahead, by `ports`; those of the other addresses when
    their turn comes.
    """

    __slots__ = (
        "_beside",
        "_candidates",
        "_flow",
        "_offer",
        "_on_line",
        "_ring_s",
        "_ringing",
        "_rung_leg",
        "_services",
        "_tried",
        "_won_by",
        "legs",
    )

    def __init__(
        self,
        services: CallServices,
        flow: CallFlow,
        candidates: Sequence[Candidate],
        offer: Offer | None = None,
        beside: Leg | None = None,
    ) -> None:
        self._services = services
        self._flow = flow
        self._candidates = candidates
        self._offer = offer
        self._ring_s = flow.ring_s if offer is None else offer.ring_s
        self._on_line: list[str] = []
        self.legs = [self._first_leg(candidate) for candidate in candidates]
        self._beside = beside or self.legs[0]
        self._ringing: dict[str, OfferRecord] = {}
        self._rung_leg: dict[str | None, Leg] = {}
        self._won_by: OfferRecord | None = None
        self._tried = list(self.legs)

    @classmethod
    def of(
        cls,
        services: CallServices,
        flow: CallFlow,
        whom: Offer | Destination,
        beside: Leg | None,
    ) -> "AgentRinger":
        """For the agents of an offer, or an outside number. Raises EngineError for want of any."""
        offer = whom if isinstance(whom, Offer) else None
        return cls(services, flow, candidates_of(whom, services), offer, beside)

    def _first_leg(self, candidate: Candidate) -> Leg:
        line = None if candidate.agent is None else self._flow.legs.borrow_line(candidate.agent)
        if line is None:
            return self._new_leg(candidate.addresses[0])
        assert candidate.agent is not None
        self._on_line.append(candidate.agent)
        return line

    def _new_leg(self, address: Destination) -> Leg:
        return self._flow.legs.make("agent", address)

    def ports(self) -> list[Coroutine[Any, Any, None]]:
        """What opens the ports of `legs`: to be awaited, with those of others, before `ring`."""
        return [leg.open(beside=self._beside) for leg in self.legs]

    async def ring(self) -> Leg:
        """Ring the candidates until one answers. Raises AgentsMissed when nobody does."""
        self._offer_all()
        try:
            if len(self._candidates) == 1:
                winner = self._candidates[0]
                leg = await self._ring_one(winner, self.legs[0])
            else:
                winner, leg = await self._first_to_answer()
            self._won(winner)
            self._tried.remove(leg)
            return leg
        finally:
            self._withdraw()
            self._rung_leg.clear()
            self.drop_legs()

    def drop_legs(self) -> None:
        """Give back the ports of all legs that were tried and have not won. Idempotent."""
        tried, self._tried = self._tried, []
        for leg in tried:
            self._flow.legs.drop(leg)

    def release_agents(self) -> None:
        """The winner's call is over: they wrap up, or are free. Idempotent."""
        record, self._won_by = self._won_by, None
        if record is not None and self._offer is not None:
            record.ended = self._services.clock.now()
            offer, agents = self._offer, self._services.agents
            needs_outcome = offer.needs_outcome
            if needs_outcome is None:
                needs_outcome = agents.outcome_required
            agents.finished(
                record.agent,
                offer.waiting.id,
                offer.wrap_up_s,
                needs_outcome=needs_outcome and self._flow.call.bridged_at is not None,
            )

    def miss_agents(self, cause: HangupCause) -> None:
        """The winner hung up before they heard who it is: they have missed the offer.

        No effect where they were hung up by command, or through our own fault.
        """
        record, offer = self._won_by, self._offer
        if record is None or offer is None or cause == BY_COMMAND or cause.is_ours:
            return
        self._won_by = None
        record.ended = self._services.clock.now()
        self._services.queues.left_again(offer, record.agent)
        counts = offer.queue is not None
        reason = f"hung up in the whisper: {cause}"
        self._services.agents.missed(record.agent, offer.waiting.id, reason, counts=counts)

    # -- ringing ----------------------------------------------------------------------------

    async def _first_to_answer(self) -> tuple[Candidate, Leg]:
        loop = asyncio.get_running_loop()
        rung = {
            loop.create_task(self._ring_one(candidate, leg)): candidate
            for candidate, leg in zip(self._candidates, self.legs, strict=True)
        }
        waiting = set(rung)
        try:
            while True:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                # In the offer's order, where several answered in one turn of the loop.
                for task in (task for task in rung if task in done):
                    failure = task.exception()
                    if failure is None:
                        return rung[task], task.result()
                    if not waiting or not isinstance(failure, AgentsMissed):
                        raise failure
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*rung, return_exceptions=True)

    async def _ring_one(self, candidate: Candidate, first: Leg) -> Leg:
        """Ring one agent at each address until they answer, or are hung up by command."""
        missed: LegEnded | None = None
        for address in candidate.addresses:
            leg = first if missed is None else self._new_leg(address)
            try:
                if missed is not None:
                    self._line_is_down(candidate)
                    self._tried.append(leg)
                    await leg.open(beside=self._beside)
                self._rung_leg[candidate.agent] = leg
                await self._ring_at(leg, address)
                if address.confirm and candidate.agent not in self._on_line:
                    await self._confirm(leg, address.confirm)
            except LegEnded as ended:
                missed = ended
                if ended.hangup_cause == BY_COMMAND:  # the command means the agent, not one phone
                    break
                continue
            return leg
        assert missed is not None
        self._missed(candidate, missed)
        raise AgentsMissed(missed.leg, missed.hangup_cause) from missed

    def _line_is_down(self, candidate: Candidate) -> None:
        """From now on the agent is rung like the others. No effect where they have no line."""
        name = candidate.agent
        if name is None or name not in self._on_line:
            return
        self._on_line.remove(name)
        if self._offer is not None:
            self._services.agents.ringing(name, self._offer.waiting.id)

    async def _ring_at(self, leg: Leg, address: Destination) -> None:
        if address.ring_s is None:
            await self._flow.dial_agent(leg, self._ring_s)
            return
        try:
            async with asyncio.timeout(address.ring_s):
                await self._flow.dial_agent(leg, self._ring_s)
        except TimeoutError:
            cause = leg.not_answered(address.ring_s)
            leg.hang_up(cause, NO_ANSWER)
            raise LegEnded(leg, leg.hangup_cause or cause) from None

    async def _confirm(self, leg: Leg, key: str) -> None:
        """Ask for the key that shows that a person answered, no mailbox. Raises LegEnded."""
        services = self._services
        try:
            async with while_up(leg), until_key(leg, key), asyncio.timeout(CONFIRM_S):
                said = await services.announcer.speak(
                    services.agents.confirm_text.replace("{digit}", key)
                )
                if isinstance(said, Unspoken):
                    leg.publish_not_played(said.reason)
                while True:
                    if isinstance(said, Announcement):
                        await leg.play(said.source, limit_s=said.limit_s)
                    await asyncio.sleep(CONFIRM_PAUSE_S)
        except KeyPressed:
            return
        except TimeoutError:
            cause = HangupCause("no_answer", f"answered, but not taken within {CONFIRM_S:g} s")
            leg.hang_up(cause)
            raise LegEnded(leg, leg.hangup_cause or cause) from None

    # -- what agents, queue and events learn of it ---------------------------------------------

    def _offer_all(self) -> None:
        offer = self._offer
        if offer is None:
            return
        screen = self._flow.screen()
        for candidate in self._candidates:
            if candidate.agent is None:
                continue
            now = self._services.clock.now()
            record = OfferRecord(agent=candidate.agent, queue=offer.queue, offered=now)
            self._flow.on_offer(record)
            self._ringing[candidate.agent] = record
            self._flow.publish("agent.offered", agent=candidate.agent, queue=offer.queue, **screen)
            if candidate.agent not in self._on_line:
                self._services.agents.ringing(candidate.agent, offer.waiting.id)

    def _missed(self, candidate: Candidate, missed: LegEnded) -> None:
        if self._offer is None or candidate.agent is None:
            return
        cause = missed.hangup_cause
        self._end_offer(candidate.agent, cause.result)
        # A request for the agent by name, a command that hangs up, and what is our own fault do not
        # count against the agent.
        is_theirs = cause != BY_COMMAND and not cause.is_ours
        counts = self._offer.queue is not None and is_theirs
        work = self._offer.waiting.id
        self._services.agents.missed(candidate.agent, work, str(cause), counts=counts)

    def _won(self, candidate: Candidate) -> None:
        if self._offer is None or candidate.agent is None:
            return
        record = self._won_by = self._ringing.pop(candidate.agent)
        record.answered, record.result = self._services.clock.now(), "answered"
        self._services.agents.talking(candidate.agent, self._offer.waiting.id)
        self._services.queues.answered(self._offer, candidate.agent)

    def _withdraw(self) -> None:
        """Hang up the agents who still ring: they have lost, or are not needed any more."""
        won_by = None if self._won_by is None else self._won_by.agent
        for candidate in self._candidates:
            if candidate.agent is None or candidate.agent not in self._ringing:
                continue
            assert self._offer is not None
            # Before the agent is free: the next INVITE to the phone must not overtake the CANCEL.
            leg = self._rung_leg.get(candidate.agent)
            if leg is not None and won_by is not None:
                leg.hang_up(HangupCause("cancelled", f"answered by {won_by}"), ELSEWHERE)
            elif leg is not None:
                leg.hang_up(HangupCause("cancelled", "offer withdrawn"))
            self._end_offer(candidate.agent, "withdrawn" if won_by is None else "lost", by=won_by)
            self._services.agents.release(candidate.agent, self._offer.waiting.id)

    def _end_offer(self, agent: str, result: str, by: str | None = None) -> None:
        record = self._ringing.pop(agent)
        record.ended, record.result = self._services.clock.now(), result
        self._flow.publish("agent.offer_ended", agent=agent, result=result, by=by)

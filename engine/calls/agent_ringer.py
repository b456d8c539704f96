"""The operators of one offer: rung all at once, each at his addresses in turn; one of them wins.

Who wins is decided here and nowhere else: the first answer that this module sees. Every other
operator is told that the call was answered elsewhere, also one whose answer crossed with it, and
his agent is free again. Whatever happens, no agent stays reserved when `reach` is over but the
winner, and `over` frees him.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..acd.waiting import Offer
from ..errors import EngineError
from ..job import OfferRecord
from ..routing.dialplan import Destination
from .hangup_cause import BY_COMMAND, HangupCause
from .leg import Leg, LegEnded
from .services import CallServices
from .until_key import KeyPressed, until_key
from .while_up import while_up
from .whisper import Announcement

# RFC 3326 section 3.1: a phone that reads it lists no missed call.
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

# How long one who has answered has to take the call by a key; the pause before he is asked again.
CONFIRM_S = 15.0
CONFIRM_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One operator: his agent's name, unless he is a mere number or URI, and his addresses."""

    agent: str | None
    addresses: tuple[Destination, ...]


class AgentsMissed(LegEnded):
    """Nobody answered: the leg and the ending are those of the last one who did not."""


async def open_all(ports: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Take ports, one after another: mostly they are ready, and none waits.

    Raises LegEnded where there is none, when all have been tried.
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
    """The operators whom an offer names, or one who is no agent.

    One who has no address to dial now has missed it. Raises EngineError where no other is left.
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
            if services.agents is not None:
                counts = offer.queue is not None
                services.agents.missed(name, offer.waiting.id, error.message, counts=counts)
    if not found:
        raise why_not
    return tuple(found)


def free_offered(offer: Offer | None, services: CallServices) -> None:
    """Free the agents of an offer who were not rung after all. No effect on any other."""
    if offer is not None and services.agents is not None:
        for name in offer.agents:
            services.agents.release(name, offer.waiting.id)


class AgentRinger:
    """Rings `candidates` for one call.

    `new_leg` makes a leg for an address, `line` gives the line of an agent who stays on the phone,
    in place of a leg for his first address; `dial` calls it and raises LegEnded when it is not
    answered. `legs` are those of the first addresses; their ports are taken ahead, those of others
    when their turn comes, beside `beside` or the first of them. `on_offer` gets the record of each
    offer, which is filled in as things go on; `told` gives what an operator's screen is told of the
    party before his phone rings. `let_go` gets each leg that the call goes on without.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        services: CallServices,
        *,
        offer: Offer | None,
        new_leg: Callable[[Destination], Leg],
        dial: Callable[[Leg], Awaitable[None]],
        publish: Callable[..., None],
        beside: Leg | None = None,
        on_offer: Callable[[OfferRecord], None] = lambda _record: None,
        told: Callable[[], Mapping[str, Any]] = dict,
        line: Callable[[str], Leg | None] = lambda _agent: None,
        let_go: Callable[[Leg], None] = lambda _leg: None,
    ) -> None:
        self._candidates = candidates
        self._services = services
        self._offer = offer
        self._new_leg = new_leg
        self._dial = dial
        self._publish = publish
        self._on_line: set[str] = set()
        self.legs = [self._first_leg(candidate, line) for candidate in candidates]
        self._beside = beside or self.legs[0]
        self._ringing: dict[str, OfferRecord] = {}
        self._rung_leg: dict[str | None, Leg] = {}
        self._won_by: OfferRecord | None = None
        self._on_offer = on_offer
        self._told = told
        self._let_go = let_go
        self._tried = list(self.legs)

    def _first_leg(self, candidate: Candidate, line: Callable[[str], Leg | None]) -> Leg:
        leg = None if candidate.agent is None else line(candidate.agent)
        if leg is None:
            return self._new_leg(candidate.addresses[0])
        assert candidate.agent is not None
        self._on_line.add(candidate.agent)
        return leg

    def ports(self) -> list[Coroutine[Any, Any, None]]:
        """What takes the ports of `legs`; to be awaited, together with others, before `reach`."""
        return [leg.open(beside=self._beside) for leg in self.legs]

    async def reach(self) -> Leg:
        """Ring them until one answers. Raises OperatorsMissed when nobody does."""
        self._offer_all()
        try:
            if len(self._candidates) == 1:
                winner = self._candidates[0]
                leg = await self._ring(winner, self.legs[0])
            else:
                winner, leg = await self._first_to_answer()
            self._won(winner)
            self._tried.remove(leg)
            return leg
        finally:
            self._withdraw()
            self.put_away()

    def put_away(self) -> None:
        """Have the ports given back of whoever was tried and has not won. No effect twice."""
        tried, self._tried = self._tried, []
        for leg in tried:
            self._let_go(leg)

    def over(self) -> None:
        """The winner's call is over: he goes on to wrap up, or is free. No effect twice."""
        record, self._won_by = self._won_by, None
        if record is not None and self._offer is not None:
            record.ended = time.time()
            if self._services.agents is not None:
                offer = self._offer
                self._services.agents.finished(record.agent, offer.waiting.id, offer.wrap_up_s)

    # -- ringing ----------------------------------------------------------------------------

    async def _first_to_answer(self) -> tuple[Candidate, Leg]:
        loop = asyncio.get_running_loop()
        rung = {
            loop.create_task(self._ring(candidate, leg)): candidate
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

    async def _ring(self, candidate: Candidate, first: Leg) -> Leg:
        """Ring one operator at each of his addresses until he answers or is hung up by command."""
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
                if ended.ending == BY_COMMAND:  # whoever said so means him, not this phone
                    break
                continue
            return leg
        assert missed is not None
        self._missed(candidate, missed)
        raise AgentsMissed(missed.leg, missed.ending) from missed

    def _line_is_down(self, candidate: Candidate) -> None:
        """He is rung from now on as anybody else; no effect on one who has no line."""
        name = candidate.agent
        if name is None or name not in self._on_line:
            return
        self._on_line.discard(name)
        if self._offer is not None and self._services.agents is not None:
            self._services.agents.ringing(name, self._offer.waiting.id)

    async def _ring_at(self, leg: Leg, address: Destination) -> None:
        if address.ring_s is None:
            await self._dial(leg)
            return
        try:
            async with asyncio.timeout(address.ring_s):
                await self._dial(leg)
        except TimeoutError:
            ending = leg.not_answered(address.ring_s)
            leg.hang_up(ending, 'SIP;cause=408;text="No answer"')
            raise LegEnded(leg, leg.ending or ending) from None

    async def _confirm(self, leg: Leg, key: str) -> None:
        """Ask whoever answered for the key: a mailbox takes no call. Raises LegEnded."""
        services = self._services
        said = None
        try:
            async with while_up(leg), until_key(leg, key), asyncio.timeout(CONFIRM_S):
                if services.agents is not None:
                    said = await services.announcer.speak(
                        services.agents.confirm_text.replace("{digit}", key)
                    )
                while True:
                    if isinstance(said, Announcement):
                        await leg.play(said.source, limit_s=said.limit_s)
                    await asyncio.sleep(CONFIRM_PAUSE_S)
        except KeyPressed:
            return
        except TimeoutError:
            ending = HangupCause("no_answer", f"answered, but not taken within {CONFIRM_S:g} s")
            leg.hang_up(ending)
            raise LegEnded(leg, leg.ending or ending) from None

    # -- what the agents and their queue are told ---------------------------------------------

    def _offer_all(self) -> None:
        offer = self._offer
        if offer is None:
            return
        told = self._told()
        for candidate in self._candidates:
            if candidate.agent is None:
                continue
            record = OfferRecord(agent=candidate.agent, queue=offer.queue, offered=time.time())
            self._on_offer(record)
            self._ringing[candidate.agent] = record
            self._publish("agent.offered", agent=candidate.agent, queue=offer.queue, **told)
            if self._services.agents is not None and candidate.agent not in self._on_line:
                self._services.agents.ringing(candidate.agent, offer.waiting.id)

    def _missed(self, candidate: Candidate, missed: LegEnded) -> None:
        if self._offer is None or candidate.agent is None:
            return
        self._ends(candidate.agent, missed.ending.result)
        if self._services.agents is not None:
            work = self._offer.waiting.id
            # A request for him by name, a command that hangs up, and what is our own fault are not
            # held against him.
            is_his = missed.ending != BY_COMMAND and not missed.ending.is_ours
            counts = self._offer.queue is not None and is_his
            self._services.agents.missed(candidate.agent, work, str(missed.ending), counts=counts)

    def _won(self, candidate: Candidate) -> None:
        if self._offer is None or candidate.agent is None:
            return
        record = self._won_by = self._ringing.pop(candidate.agent)
        record.answered, record.result = time.time(), "answered"
        if self._services.agents is not None:
            self._services.agents.talking(candidate.agent, self._offer.waiting.id)
        if self._services.queues is not None:
            self._services.queues.answered(self._offer, candidate.agent)

    def _withdraw(self) -> None:
        """Whoever still rings here has lost, or is not needed any more: not his fault."""
        won_by = None if self._won_by is None else self._won_by.agent
        for candidate in self._candidates:
            if candidate.agent is None or candidate.agent not in self._ringing:
                continue
            assert self._offer is not None
            # Before he is free: the next INVITE to his phone must not overtake the CANCEL.
            leg = self._rung_leg.get(candidate.agent)
            if leg is not None and won_by is not None:
                leg.hang_up(HangupCause("cancelled", f"answered by {won_by}"), ELSEWHERE)
            elif leg is not None:
                leg.hang_up(HangupCause("cancelled", "offer withdrawn"))
            self._ends(candidate.agent, "withdrawn" if won_by is None else "lost", by=won_by)
            if self._services.agents is not None:
                self._services.agents.release(candidate.agent, self._offer.waiting.id)

    def _ends(self, agent: str, result: str, by: str | None = None) -> None:
        record = self._ringing.pop(agent)
        record.ended, record.result = time.time(), result
        self._publish("agent.offer_ended", agent=agent, result=result, by=by)

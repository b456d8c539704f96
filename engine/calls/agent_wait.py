"""The wait for an agent: a party on the line keeps its queue position until an agent answers.

A caller and a customer who was called first wait alike. The wait ends in one of four ways, and
which one is decided here: an agent has answered (`answering_agent` returns), the party pressed the
key to be called back, its time is up, or the queue sends it away (`TurnedAway` is raised). What
happens after that comes too late.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Protocol

import structlog

from ..acd.waiting import Leave, Offer, Waiting
from ..errors import EngineError
from ..routing.targets.destination import Destination
from .agent_ringer import AgentRinger, AgentsMissed, free_offered, open_all
from .announcing.due_announcements import QueuePosition
from .announcing.waiting_room import WaitingRoom
from .call_flow import CallFlow, WaitObserver
from .call_result import CALLED_BACK, Result, TurnedAway, of_not_taken, of_sent_away
from .cancel_scope import KeyPressed, until_key
from .hangup_cause import HangupCause
from .leg import Leg, LegEnded
from .services import CallServices

log = structlog.get_logger()

# A callback on key is stored before its party hangs up, and due as soon as they have. Where the
# engine dies in between, it is due this much later.
HELD_S: Final = 60.0


class CallbackOnRequest(Protocol):
    """Calls the waiting party back when it presses the key."""

    def can_call_back(self) -> bool:
        """Whether the party can be called back. Where not, it hears that."""

    async def request_callback(self) -> bool:
        """Have the party called back. False where that failed after all, and the party heard so."""

    @property
    def waits_as(self) -> str | None:
        """The job that takes the party's place in the queue; None where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPlan:
    """How a party waits: `waiting` has the members of Waiting that describe it.

    It waits for `limit_s` at most. With `only_once` the wait ends when the one agent it is for does
    not answer. `outside_first` is an outside number that is rung before the queue is joined.
    """

    waiting: Mapping[str, Any]
    limit_s: float
    only_once: bool = False
    outside_first: str | None = None


class SentAway(Exception):
    """The queue does not keep the party any longer: `leave` says why, and where to."""

    def __init__(self, leave: Leave) -> None:
        super().__init__(leave.reason)
        self.leave = leave


class QueueMembership:
    """Joins the queue on entering and leaves it on the way out, unless an agent has answered.

    The members of `waiting` are those of Waiting. Entering raises EngineError where the queue does
    not admit the party. `reason` is what the queue learns on the way out.
    """

    def __init__(self, services: CallServices, **waiting: Any) -> None:
        self._services = services
        self._queues = services.queues
        self._waiting = Waiting(on_offer=self._offered, on_leave=self._sent_away, **waiting)
        self._next: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        self._offer: Offer | None = None
        self._is_in = False
        self.reason = "hung_up"
        self.held_for: str | None = None
        """The job for which the place is held when the party leaves."""

    def __enter__(self) -> "QueueMembership":
        self._is_in = True
        try:
            self._queues.join(self._waiting)
        except BaseException:
            self._is_in = False
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        unused = None
        if not self._next.cancel() and not self._next.cancelled():
            # An offer, or a SentAway, that nobody has read: it comes too late.
            unused = self._next.result() if self._next.exception() is None else None
        if self._is_in:
            self._is_in = False
            self._queues.leave(self._waiting.id, self.reason, held_for=self.held_for)
            # Nobody else frees the agents of an offer whose ringing did not begin.
            free_offered(unused or self._offer, self._services)

    @property
    def position(self) -> QueuePosition | None:
        """The party's position; None while agents are being rung, or after the wait."""
        if not self._is_in or self._offer is not None:
            return None
        queues, waiting = self._queues, self._waiting.id
        try:
            return QueuePosition(queues.place(waiting), queues.expected_wait_s(waiting))
        except EngineError:
            return None

    async def next_offer(self) -> Offer:
        """Wait for agents. Raises SentAway when the queue gives the party up.

        A wait that is cancelled can be begun again: it returns at once what came meanwhile.
        """
        self._offer = await asyncio.shield(self._next)
        self._next = asyncio.get_running_loop().create_future()
        return self._offer

    def offer_answered(self) -> None:
        """An agent has answered: the queue has removed the party."""
        self._is_in = False

    def offer_missed(self) -> None:
        """Nobody answered the last offer: go on waiting, in the same position."""
        offer, self._offer = self._offer, None
        if offer is not None and self._is_in:
            self._queues.unanswered(offer)

    def offer_not_rung(self) -> None:
        """The agents of the last offer could not be rung at all: free them, and go on waiting."""
        free_offered(self._offer, self._services)
        self.offer_missed()

    def _offered(self, offer: Offer) -> None:
        if self._next.done():  # cancelled in this very turn: the way out frees the agents
            self._offer = offer
            return
        self._next.set_result(offer)

    def _sent_away(self, leave: Leave) -> None:
        self._is_in = False
        if not self._next.done():
            self._next.set_exception(SentAway(leave))


class AgentWait:
    """The wait of the party of `leg` in `room`. Its time runs from the moment of construction."""

    def __init__(
        self,
        services: CallServices,
        flow: CallFlow,
        leg: Leg,
        *,
        room: WaitingRoom,
        plan: WaitPlan,
        callback: CallbackOnRequest,
        observer: WaitObserver,
    ) -> None:
        self._services = services
        self._flow = flow
        self._observer = observer
        self._leg = leg
        self._room = room
        self._plan = plan
        self._callback = callback
        self._until = asyncio.get_running_loop().time() + plan.limit_s
        self._outside_first = plan.outside_first
        self._membership: QueueMembership | None = None
        self._ringer: AgentRinger | None = None
        self._outside_tried: dict[str, float] = {}
        self.answered_by: Leg | None = None

    @property
    def position(self) -> QueuePosition | None:
        """The party's queue position; None while agents are being rung, or it is in no queue."""
        return None if self._membership is None else self._membership.position

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the party has waited as long as before."""
        waiting = dict(self._plan.waiting)
        for name in ("joined_at", "since"):
            if waiting.get(name) is not None:
                waiting[name] += by_s
        self._plan = replace(self._plan, waiting=waiting)
        self._outside_tried = {one: at + by_s for one, at in self._outside_tried.items()}

    def release_agents(self) -> None:
        """The call of the agent who answered is over: free them. Idempotent."""
        if self._ringer is not None:
            self._ringer.release_agents()
            self._ringer = None

    def miss_agents(self, cause: HangupCause) -> None:
        """The agent who answered hung up in the whisper."""
        if self._ringer is not None:
            self._ringer.miss_agents(cause)

    async def answering_agent(self) -> Leg:
        """Wait for an agent who answers. Raises TurnedAway where none is going to.

        An outside number to which the queue sends the party stands in for an agent. Where it does
        not answer, the party has its old position again. With `only_once`, raises AgentsMissed.
        """
        outside, self._outside_first = self._outside_first, None
        while True:
            if outside is None:
                try:
                    return await self._in_queue()
                except SentAway as away:
                    if away.leave.target is None:
                        raise of_sent_away(away.leave, self._room.settings) from away
                    outside = away.leave.target
                self._outside_tried[outside] = self._services.clock.now()
            try:
                return await self._outside(outside)
            except (EngineError, LegEnded) as error:
                waiting = self._plan.waiting["id"]
                log.info("outside_missed", waiting=waiting, reason=f"{outside}: {error}")
            except KeyPressed:
                if await self._callback.request_callback():
                    raise TurnedAway(
                        CALLED_BACK, self._room.settings.texts.callback_taken
                    ) from None
            self._observer.on_waiting()
            outside = None

    async def _outside(self, number: str) -> Leg:
        """Ring an outside number in place of an agent, as long as the party waits."""
        address = self._services.dialplan.destination(number, field="queue")
        try:
            async with self._until_key_or_limit():
                return await self._ring(address)
        except TimeoutError:
            raise self._too_long() from None

    @asynccontextmanager
    async def _until_key_or_limit(self) -> AsyncIterator[None]:
        """The party's key ends the body (KeyPressed), and so does its limit (TimeoutError)."""
        digit = self._room.settings.callback_digit
        async with asyncio.timeout_at(self._until):
            async with until_key(self._leg, digit, self._callback.can_call_back):
                yield

    def _too_long(self) -> TurnedAway:
        result = Result("timeout", f"no operator within {self._plan.limit_s:g} s")
        return TurnedAway(result, self._room.settings.texts.timeout)

    async def _in_queue(self) -> Leg:
        try:
            with QueueMembership(
                self._services,
                **self._plan.waiting,
                is_back=self.answered_by is not None or bool(self._outside_tried),
                outside_tried=dict(self._outside_tried),
            ) as membership:
                self._membership = membership
                try:
                    return await self._as_member(membership)
                except asyncio.CancelledError:
                    membership.reason = self._observer.leaving_reason()
                    if membership.reason == "callback":
                        membership.held_for = self._callback.waits_as
                    raise
        except EngineError as error:
            raise of_not_taken(error, self._room.settings) from error
        finally:
            self._membership = None

    async def _as_member(self, membership: QueueMembership) -> Leg:
        while True:
            try:
                async with self._until_key_or_limit():
                    return await self._first_answer(membership)
            except TimeoutError:
                membership.reason = "timeout"
                raise self._too_long() from None
            except KeyPressed:
                self._observer.on_waiting()
                if await self._callback.request_callback():
                    membership.reason = "callback"
                    membership.held_for = self._callback.waits_as
                    text = self._room.settings.texts.callback_taken
                    raise TurnedAway(CALLED_BACK, text) from None
                membership.offer_missed()

    async def _first_answer(self, membership: QueueMembership) -> Leg:
        """Ring the agents of one offer after another until one of them answers."""
        while True:
            offer = await membership.next_offer()
            try:
                agent = await self._ring(offer)
            except AgentsMissed:
                if self._plan.only_once and offer.queue is None:
                    raise
                self._observer.on_waiting()
                membership.offer_missed()
            except (EngineError, LegEnded) as error:  # nobody could be rung at all
                log.warning("agent_not_rung", waiting=offer.waiting.id, reason=str(error))
                self._observer.on_waiting()
                membership.offer_not_rung()
            else:
                membership.offer_answered()
                return agent

    async def _ring(self, whom: Offer | Destination) -> Leg:
        """Ring until one answers. Raises AgentsMissed, or LegEnded for want of a port."""
        self._ringer = ringer = AgentRinger.of(self._services, self._flow, whom, self._leg)
        self._observer.on_ringing(whom.only_agent if isinstance(whom, Offer) else None)
        try:
            await open_all(ringer.ports())
        except BaseException:
            ringer.drop_legs()
            raise
        self.answered_by = await ringer.ring()
        return self.answered_by

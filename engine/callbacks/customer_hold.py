"""The hold of a customer who was called first: his wait in a room until an operator is there.

He hears what inbound callers hear, and may press the same key: his callback then goes back into the
queue in his place, and is agent-first from then on.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from ..acd.waiting import Offer
from ..calls.agent_ringer import AgentRinger
from ..calls.agent_wait import AgentWait
from ..calls.announcements import QueuePosition
from ..calls.call_result import TurnedAway
from ..calls.leg import Leg
from ..calls.services import CallServices
from ..calls.waiting_room import WaitingParty
from ..job import Job
from ..routing.dialplan import Destination
from ..store.store import StoreError

# When a callback is due whose customer's hanging up the engine does not live to see.
HELD_S = 60.0


class Postponed(Exception):
    """The customer asked to be called back: the job is queued again, in his place."""


class CustomerHold:
    """Holds the customer of `job` on the line `customer` of `call`.

    `ask` makes operators, `ringing` and `waiting` are told when they begin to be rung and when none
    is any more, `leaving` gives why the queue is left when the wait is cut short.
    """

    def __init__(
        self,
        job: Job,
        call: str,
        customer: Leg,
        services: CallServices,
        *,
        ask: Callable[[Offer | Destination], AgentRinger],
        ringing: Callable[[], None],
        waiting: Callable[[], None],
        leaving: Callable[[], str],
        publish: Callable[..., None],
    ) -> None:
        assert services.rooms is not None
        self._job = job
        self._call = call
        self._customer = customer
        self._services = services
        self._ask = ask
        self._ringing = ringing
        self._waiting = waiting
        self._leaving = leaving
        self._publish = publish
        self._room = services.rooms.of(job.request.queue)
        self._guest: WaitingParty | None = None
        self._wait: AgentWait | None = None
        self.is_postponed = False

    @asynccontextmanager
    async def host(self) -> AsyncIterator[WaitingParty]:
        """Let him wait: until `leave` of the guest, or the end of the block."""
        async with self._room.host(
            self._customer, self._standing, customer_first=self._publish
        ) as guest:
            self._guest = guest
            yield guest

    async def operator(self) -> Leg:
        """Wait in the queue for an operator who answers.

        Raises Farewell, after he has heard it, where none is going to; Postponed where he wants to
        be called back; OperatorsMissed where the one agent whom the job names did not answer.
        """
        try:
            self._wait = self._wait or self._in_queue()
            return await self._wait.operator()
        except TurnedAway as turned_away:
            assert self._guest is not None
            self._guest.leave()
            await self._room.say(self._customer, turned_away.text, music_after=False)
            if self.is_postponed:
                raise Postponed from turned_away
            raise

    def _in_queue(self) -> AgentWait:
        job, request = self._job, self._job.request
        job.queue_joined_at = job.queue_joined_at or time.time()
        return AgentWait(
            self._services,
            self._customer,
            room=self._room,
            who={
                "id": job.id,
                "call": self._call,
                "kind": "call",
                "queue": request.queue,
                "agent": request.agent if request.queue is None else None,
                "joined_at": job.queue_joined_at,
                "since": job.queue_since,
                "has_place": True,  # he was called because there was one
                "priority": request.priority,
                "skills": request.skills,
                "number": job.called,
                "region": job.region,
                "context": request.context,
                "known_agent": request.known_agent,
                "centre": request.centre,
            },
            limit_s=self._services.dial.max_hold_s,
            ask=self._ask,
            wish=self,
            ringing=self._ringing,
            waiting=self._waiting,
            leaving=self._why_he_leaves,
            once=True,
        )

    def _standing(self) -> QueuePosition | None:
        return None if self._wait is None else self._wait.standing

    def _why_he_leaves(self) -> str:
        return "callback" if self.is_postponed else self._leaving()

    # -- the wish to be called back ---------------------------------------------------------

    def may_be_taken(self) -> bool:
        """He was called here, so he can be called here again."""
        return True

    async def take(self) -> bool:
        """Have the job queued again, on the disk, before he is told so."""
        job = self._job
        before = job.state, job.request, job.next_attempt_at
        job.enter("queued")
        job.request = msgspec.structs.replace(job.request, order="agent_first")
        job.next_attempt_at, job.under_way = time.time() + HELD_S, False
        self.is_postponed = True
        self._publish("customer.callback", if_saved=True)
        self._publish(
            "callback.queued",
            next_attempt_at=job.next_attempt_at,
            cause="the customer asked to be called back",
            if_saved=True,
        )
        try:
            await self._services.store.save(job, durable=True)
        except StoreError as error:
            job.state, job.request, job.next_attempt_at = before
            job.under_way, self.is_postponed = True, False
            self._publish("customer.callback_refused", reason=error.message)
            assert self._guest is not None
            self._guest.tell(self._room.settings.texts.callback_refused)
            return False
        return True

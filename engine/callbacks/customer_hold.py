"""The hold of a customer who was called first: they wait in a room until an agent answers.

The customer hears what inbound callers hear, and may press the same key: their job then goes back
into the queue in its old position, and is agent-first from then on.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from ..calls.agent_wait import HELD_S, AgentWait, WaitPlan
from ..calls.announcing.due_announcements import QueuePosition
from ..calls.announcing.waiting_room import WaitingParty
from ..calls.call_flow import WaitingFlow
from ..calls.call_result import TurnedAway
from ..calls.hangup_cause import HangupCause
from ..calls.leg import Leg
from ..calls.services import CallServices
from ..job import Job
from ..store.store import StoreError


class Postponed(Exception):
    """The customer asked to be called back: the job is queued again, in its old position."""


class CustomerHold:
    """Holds the customer of `job`, who is on the line `customer`, until an agent answers."""

    def __init__(self, services: CallServices, flow: WaitingFlow, job: Job, customer: Leg) -> None:
        self._services = services
        self._flow = flow
        self._job = job
        self._customer = customer
        self._room = services.rooms.of(job.request.queue)
        self._party: WaitingParty | None = None
        self._wait: AgentWait | None = None
        self.is_postponed = False

    @asynccontextmanager
    async def attend(self) -> AsyncIterator[WaitingParty]:
        """Let the customer wait until the block ends, or `leave` of what it yields is called."""
        async with self._room.attend(
            self._customer, self._position, customer_first=self._flow.publish
        ) as party:
            self._party = party
            yield party

    async def answering_agent(self) -> Leg:
        """Wait in the queue for an agent who answers.

        Raises TurnedAway, after the customer has heard why, where none is going to; Postponed where
        the customer wants to be called back; AgentsMissed where the job names an agent, and they
        did not answer.
        """
        try:
            self._wait = self._wait or self._begin_wait()
            return await self._wait.answering_agent()
        except TurnedAway as turned_away:
            assert self._party is not None
            self._party.leave()
            await self._room.say(self._customer, turned_away.text)
            if self.is_postponed:
                raise Postponed from turned_away
            raise

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the customer has held the line as long as before."""
        if self._wait is not None:
            self._wait.shift(by_s)

    def release_agents(self) -> None:
        """The call of the agent who answered is over: free them. Idempotent."""
        if self._wait is not None:
            self._wait.release_agents()

    def miss_agents(self, cause: HangupCause) -> None:
        """The agent who answered hung up in the whisper."""
        if self._wait is not None:
            self._wait.miss_agents(cause)

    def _begin_wait(self) -> AgentWait:
        job, request = self._job, self._job.request
        job.queue_joined_at = job.queue_joined_at or self._services.clock.now()
        waiting = {
            **waiting_of(job, self._flow.call.id),
            "agent": request.agent if request.queue is None else None,
            "joined_at": job.queue_joined_at,
            "has_place": True,  # the customer was called because there was one
        }
        return AgentWait(
            self._services,
            self._flow,
            self._customer,
            room=self._room,
            plan=WaitPlan(waiting=waiting, limit_s=self._services.dial.max_hold_s, only_once=True),
            callback=self,
            observer=self._flow,
        )

    def _position(self) -> QueuePosition | None:
        return None if self._wait is None else self._wait.position

    # -- the customer asks to be called back ----------------------------------------------------

    def can_call_back(self) -> bool:
        """The customer was called here, so they can be called here again."""
        return True

    @property
    def waits_as(self) -> str | None:
        """The job itself, where it waits in a queue."""
        return self._job.id if self._job.request.queue is not None else None

    async def request_callback(self) -> bool:
        """Queue the job again, in the store, before the customer hears of it."""
        job = self._job
        before = job.state, job.request, job.next_attempt_at
        job.enter("queued")
        job.request = msgspec.structs.replace(job.request, order="agent_first")
        job.next_attempt_at, job.under_way = self._services.clock.now() + HELD_S, False
        self.is_postponed = True
        self._flow.publish("customer.callback", if_saved=True)
        self._flow.publish(
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
            self._flow.publish("customer.callback_refused", reason=error.message)
            assert self._party is not None
            self._party.interrupt_with(self._room.settings.texts.callback_refused)
            return False
        return True


def waiting_of(job: Job, call: str) -> dict[str, Any]:
    """How the customer of `job` waits, who is on the line: the members of Waiting."""
    request = job.request
    return {
        "id": job.id,
        "call": call,
        "kind": "call",
        "on_queue": job.joins_queue,
        "queue": request.queue,
        "since": job.queue_since,
        "priority": request.priority,
        "skills": request.skills,
        "number": job.called,
        "region": job.region,
        "site": request.site,
        "context": request.context,
        "known_agent": request.known_agent,
        "centre": request.centre,
    }

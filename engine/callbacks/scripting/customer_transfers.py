"""The transfers of a customer's script: to another queue, an agent, a number, or a service.

An agent who was called first hears the ringing tone until somebody else has answered, or another
queue has taken the customer. They are free then. Where nobody answers, the script goes on, and may
still connect the two.
"""

import asyncio
from typing import Any, Protocol

import msgspec

from ...calls.announcing.whisper import Whisper
from ...calls.cancel_scope import while_up
from ...calls.leg import Leg, LegEnded
from ...calls.scripting.script_transfers import Reached, ScriptedCall, ScriptTransfers
from ...calls.services import CallServices
from ...errors import EngineError
from ...job import Job
from ...scripts.actions import Transfer
from ..customer_hold import waiting_of


class TransferredCall(ScriptedCall, Protocol):
    """The attempt whose customer is transferred."""

    async def whisper(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        """Let the agent hear the whisper, as soon as it is spoken."""

    def leaving_reason(self) -> str:
        """Why the wait for an agent is left where it is cancelled."""


class CustomerTransfers:
    """Carries them out for `customer`. `agent` waits on the line; None where nobody does yet."""

    def __init__(
        self,
        services: CallServices,
        flow: TransferredCall,
        job: Job,
        customer: Leg,
        agent: Leg | None,
    ) -> None:
        self._services = services
        self._flow = flow
        self._job = job
        self._customer = customer
        self._agent = agent
        self._transfers = ScriptTransfers(services, flow, _Unseen(flow))
        self.queue = ""
        """The queue that takes the customer; empty: none does."""
        self.reached: Reached | None = None
        """Who has answered, and heard the whisper."""

    async def carry_out(self, wanted: Transfer, whisper: "asyncio.Future[Whisper]") -> None:
        """Carry one out. Raises EngineError where it comes to nothing."""
        if self._agent is not None:
            self._agent.allow_to_leave()  # the customer does not notice it
        try:
            if wanted.queue:
                self._services.queues.check(wanted.queue, "call")
                self.queue = wanted.queue
            else:
                self.reached = await self._reach(wanted, whisper)
        except BaseException:
            if self._agent is not None:
                self._agent.require_again()
            raise

    async def _reach(self, wanted: Transfer, whisper: "asyncio.Future[Whisper]") -> Reached:
        now = self._services.clock.now()
        waiting: dict[str, Any] = waiting_of(self._job, self._flow.call.id)
        waiting |= {"joined_at": now, "since": None, "on_queue": _no_queue}
        room = self._services.rooms.of(None)
        reached = await self._transfers.reach(wanted, self._customer, waiting, room)
        try:
            async with while_up(reached.leg):
                await self._flow.whisper(reached.leg, whisper)
        except LegEnded as ended:
            if reached.wait is not None:
                reached.wait.miss_agents(ended.hangup_cause)
            self._drop(reached)
            raise EngineError("unavailable", str(ended)) from ended
        except BaseException:
            self._drop(reached)
            raise
        return reached

    def _drop(self, reached: Reached) -> None:
        if reached.wait is not None:
            reached.wait.release_agents()
        self._flow.legs.drop(reached.leg)

    def take_over(self) -> None:
        """Have the job go on as the transfer has it: its customer is on the line already."""
        job = self._job
        if self.queue:
            job.move_to_queue(self.queue)
        job.request = msgspec.structs.replace(job.request, order="customer_first")


def _no_queue(_queue: str) -> None:
    """The customer waits for one agent, and enters no queue."""


class _Unseen:
    """The state of the job says nothing of a wait that may come to nothing."""

    def __init__(self, flow: TransferredCall) -> None:
        self._flow = flow

    def on_ringing(self, agent: str | None) -> None:
        """See WaitObserver."""

    def on_waiting(self) -> None:
        """See WaitObserver."""

    def leaving_reason(self) -> str:
        """See WaitObserver."""
        return self._flow.leaving_reason()

"""The attempts that are under way, each in a task of its own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from ...acd.waiting import Offer
from ...calls.running_flows import RunningFlows
from ...calls.services import CallServices
from ...errors import EngineError
from ...job import Job
from ...routing.targets.destination import Destination
from ..retry import INTERRUPTED, Outcome
from .attempt import Attempt
from .attempt_services import AttemptServices

log = structlog.get_logger()

STOPPED = "engine stopped"


class RunningAttempts:
    """Runs attempts, at most one of a job, with `shared`. `on_over` is called when one is over."""

    def __init__(
        self,
        services: CallServices,
        *,
        shared: AttemptServices,
        on_over: Callable[[Attempt, Outcome], None],
    ) -> None:
        self._services = services
        self._shared = shared
        self._on_over = on_over
        self._running: RunningFlows[Attempt, Outcome] = RunningFlows()

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._running

    def get(self, job_id: str | None) -> Attempt | None:
        """The attempt of this job that is under way, if there is one."""
        return self._running.get(job_id or "")

    def start(self, job: Job, agent: str | None, offer: Offer | None) -> None:
        """Run an attempt of a job that has none: with the agents of `offer`, or with `agent`.

        Without either the customer is called first, and waits for an agent on the line. Raises
        EngineError where a party cannot be dialled, TrunksFull where the trunks lack the lines.
        """
        plan, request = self._services.dialplan, job.request
        called: Destination | None = None
        if agent is not None:
            called = plan.destination(agent, field="agent", trunk=request.trunk)
        customer = plan.destination(job.dial_to or request.to, field="to", trunk=request.trunk)
        attempt = Attempt(
            self._services,
            job,
            agent=called,
            customer=customer,
            offer=offer,
            shared=self._shared,
        )
        self._services.trunk_load.reserve(
            attempt.call.id,
            [
                ("customer", customer.targets[0].line_of),
                *(("agent", trunk) for trunk in self._agent_trunks(called, offer)),
            ],
        )
        self._running.begin(job.id, attempt, attempt.run(), self._over)

    def _agent_trunks(self, called: Destination | None, offer: Offer | None) -> list[str | None]:
        """The trunks of which the agents of an attempt take a line first; None: of no trunk.

        An agent whose permanent line is up is on it, and is not called.
        """
        if called is not None:
            return [called.targets[0].line_of]
        found: list[str | None] = []
        for name in () if offer is None else offer.agents:
            if self._services.lines.can_be_borrowed(name):
                continue
            with suppress(EngineError):  # why an agent cannot be called is found where it matters
                address = self._services.dialplan.agent_destinations(name)[0]
                found.append(address.targets[0].line_of)
        return found

    def _over(self, attempt: Attempt, task: asyncio.Task[Outcome]) -> None:
        self._services.trunk_load.over(attempt.call.id)
        if task.cancelled():  # before its first step
            outcome = attempt.outcome_if_cancelled
        elif error := task.exception():
            # A defect ends this one call, and is logged.
            log.error("callback_died", job=attempt.job.id, call=attempt.call.id, exc_info=error)
            outcome = Outcome("failed", "failed", f"internal error: {type(error).__name__}")
        else:
            outcome = task.result()
        self._on_over(attempt, outcome)

    def cancel(self, job: Job, outcome: Outcome) -> asyncio.Task[Outcome]:
        """Cancel the attempt of the job, with `outcome`. Returns the task that hangs it up.

        An attempt that is over already, or being cancelled, ends as it does.
        """
        attempt, task = self._running.under_way(job.id)
        # Once only: a second cancellation would interrupt the hanging up. The flow may also have
        # cancelled itself just now (a limit, a key), and would go on after that.
        if not attempt.is_over and not attempt.is_cancelled:
            attempt.cancel_with(outcome)
            task.cancel()
        return task

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until no attempt is under way. Returns False where that takes too long."""
        return await self._running.idle(timeout_s)

    async def stop(self) -> list[Attempt]:
        """Cancel every attempt and wait until each is hung up. Returns those that it cancelled.

        The attempts of two who talk fail. The others are interrupted.
        """
        attempts = list(self._running)
        for attempt in attempts:
            result = "failed" if attempt.job.state == "bridged" else INTERRUPTED
            self.cancel(attempt.job, Outcome("failed", result, STOPPED))
        await self._running.wait_hung_up()
        return attempts

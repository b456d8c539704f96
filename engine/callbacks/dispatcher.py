"""The dispatcher: which job is attempted when.

Jobs wait in one heap until they are due. One that needs an operator of a queue, or an agent who is
busy, then waits for him there; every other is ready at once. What is ready runs as one task an
attempt, at most `max_calls` at once (highest priority first, then oldest), and comes back to the
heap when it is to be tried again.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
import structlog

from ..acd.waiting import Offer
from ..calls.call import ON_THE_LINE_S
from ..calls.call_flow import CustomerHistory
from ..calls.services import CallServices
from ..errors import EngineError
from ..job import AttemptRecord, Job, RetryCause
from ..routing.admission import Admission
from ..routing.dialplan import Destination
from . import retry
from .attempt import Attempt
from .completion import Completion, publish_queued
from .open_jobs import OpenJobs
from .outcome import Outcome
from .queued_jobs import QueuedJobs
from .schedule import JobSchedule

log = structlog.get_logger()

STOPPED = "engine stopped"
STOP_LIMIT_S = 5.0


class Dispatcher:
    """Owns every open job: queued ones in heaps and queues, running ones as tasks."""

    def __init__(
        self,
        services: CallServices,
        *,
        admission: Admission,
        history: CustomerHistory,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._admission = admission
        self._history = history
        self._wall_clock = wall_clock
        self.open = OpenJobs()
        self._running: dict[str, tuple[Attempt, asyncio.Task[Outcome]]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._agenda = JobSchedule(wall_clock, self._dispatch)
        self._places = QueuedJobs(services, self, wall_clock=wall_clock)
        self._settlement = Completion(
            services,
            admission,
            self.open,
            self._places,
            schedule=self._reschedule,
            ended=self._agenda.forget,
            wall_clock=wall_clock,
        )
        # How a job that nobody is being called for ends, or is put off.
        self.finish = self._settlement.finish
        self.put_off = self._settlement.put_off
        self._is_dispatching = False
        self.draining = False
        self.interrupted: list[Attempt] = []
        services.events.watch(self._moved)

    # -- what is open -----------------------------------------------------------------------

    def job(self, job_id: str) -> Job | None:
        """The open job of this id, if there is one."""
        return self.open.get(job_id)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every open job by its id; the same mapping for as long as the engine runs."""
        return self.open.by_id

    @property
    def active(self) -> int:
        """How many attempts are under way."""
        return len(self._running)

    def is_running(self, job: Job) -> bool:
        """Whether an attempt of the job is under way."""
        return job.id in self._running

    def callback_of(self, call_id: str) -> Attempt | None:
        """The running callback whose call this is."""
        call = self._services.registry.calls.get(call_id)
        if call is None or call.job_id not in self._running:
            return None
        return self._running[call.job_id][0]

    # -- taking jobs ------------------------------------------------------------------------

    def will_start(self, job: Job) -> bool:
        """Whether an attempt would begin at once, were the job submitted now."""
        has_room = self.active + self._agenda.count_ready < self._services.dial.max_calls
        if not has_room or self.draining or job.next_due_at > self._wall_clock():
            return False
        if not self._places.waits_for_operator(job):
            return True
        return job.request.queue is None and self._places.is_agent_free(job)

    def accept(self, job: Job) -> None:
        """Know a job, and tell of it, that is saved durably in this turn.

        `submit` follows, or `open.forget` when it could not be saved.
        """
        self.open.expect(job)
        publish_queued(self._services.events, job, if_saved=True)

    def submit(self, job: Job) -> None:
        """Take an accepted job; it is attempted when it is due and there is room."""
        self._take(job)
        self._schedule(job)
        self._dispatch()
        if job.under_way and job.id not in self._running and not job.is_terminal:
            job.under_way = False
            self._services.store.save(job)

    def resume(self, jobs: Iterable[Job]) -> None:
        """Take over queued jobs that an earlier engine left in the store, oldest first."""
        for job in jobs:
            self._take(job)
            self._schedule(job)
        self._dispatch()

    def _take(self, job: Job) -> None:
        self.open.add(job)
        self._watch(job)

    async def cancel(self, job: Job) -> None:
        """Cancel an open job, whatever it is doing, and wait until its legs are hung up.

        Raises EngineError `state` once it has ended.
        """
        if job.id not in self.open:
            raise EngineError("state", f"job {job.id} has already ended: {job.state}")
        outcome = Outcome("cancelled", "cancelled", "cancelled by command")
        while job.id in self.open:
            running = self._running.get(job.id)
            if running is None:
                self.finish(job, outcome)
                return
            # An attempt that has just failed may be followed by another: not so the next time.
            self._cancel_running(*running, outcome)
            await asyncio.wait([running[1]])
        if job.state != "cancelled":
            raise EngineError("state", f"job {job.id} has just ended: {job.state}")

    def call_off(self, job: Job, cause: str) -> None:
        """Cancel a job, if it is open, without waiting for its legs to be hung up."""
        outcome = Outcome("cancelled", "cancelled", cause)
        if job.id in self._running:
            self._cancel_running(*self._running[job.id], outcome)
        elif job.id in self.open:
            self.finish(job, outcome)

    def _cancel_running(
        self, callback: Attempt, task: asyncio.Task[Outcome], outcome: Outcome
    ) -> None:
        # Once only: a second cancellation would cut the hanging up short. A cancellation of the
        # flow's own (a time that is over, a key) may be on its way: the flow would go on after it.
        if not callback.is_over and not callback.is_called_off:
            callback.call_off(outcome)
            task.cancel()

    def block(self, number: str, reason: str) -> None:
        """A number is not to be called any more: what waits to call it ends."""
        for job in self.open.of_number(number):
            if job.id in self.open and job.id not in self._running:
                cause = f"{number} is not to be called: {reason}"
                self.finish(job, Outcome("cancelled", "refused", cause))

    def _moved(self, event: Mapping[str, Any]) -> None:
        """A job that was moved to another queue stays there, through retries and restarts."""
        if event["type"] == "queue.moved" and (job := self.open.get(event.get("job", ""))):
            job.request = msgspec.structs.replace(job.request, queue=event["to_queue"])
            self._services.store.save(job)

    # -- when -------------------------------------------------------------------------------

    def changed(self, job: Job) -> None:
        """The times, the priority or the numbers of an open job are other ones now."""
        self._watch(job)
        if not self._is_idle(job):
            self._places.reprioritise(job)
        elif job.next_due_at > self._wall_clock() or job not in self._places:
            self._places.leave(job, "rescheduled")
            self._places.interrupt(job, job.next_due_at)
            self._schedule(job)
        else:
            self._places.reprioritise(job)
        self._dispatch()

    def _schedule(self, job: Job) -> None:
        at = job.next_due_at
        if at > self._wall_clock():
            self._agenda.look_at(job, at, "due")
        else:
            self._is_due(job)

    def _reschedule(self, job: Job) -> None:
        self._schedule(job)
        self._agenda.set_timer()

    def _watch(self, job: Job) -> None:
        if job.request.deadline is not None:
            self._agenda.look_at(job, job.request.deadline, "deadline")
        if job.decide_by is not None:
            self._agenda.look_at(job, job.decide_by, "decision")

    def _is_due(self, job: Job) -> None:
        """The job's time has come: it is ready, or waits for an operator."""
        if job.decision is not None:
            return
        if job.request.queue is not None:
            self._join(job)
        else:
            self._agenda.ready(job)

    def wake(self) -> None:
        """The limits are others: start what there is room for."""
        self._dispatch()

    def _dispatch(self) -> None:
        """Move what is due, expire what is too late, start what there is room for."""
        if self._is_dispatching:  # somebody is ready at once: he is come to below
            return
        self._is_dispatching = True
        try:
            self._dispatch_all(self._wall_clock())
        finally:
            self._is_dispatching = False
        self._agenda.set_timer()

    def _dispatch_all(self, now: float) -> None:
        agenda, most = self._agenda, self._services.dial.max_calls
        for job_id in agenda.due(now):
            self._due(job_id, now)
        while agenda.count_ready and not self.draining and self.active < most:
            job = self.open.get(agenda.next_ready())
            if job is None or not self._is_idle(job):
                continue
            if job.next_due_at <= now:
                self._begin(job, now)
            else:  # the clock was set back
                self._schedule(job)

    def is_idle(self, job: Job) -> bool:
        """Whether the job is open, and nothing is under way for it."""
        return job.id in self.open and self._is_idle(job)

    def _is_idle(self, job: Job) -> bool:
        return job.state == "queued" and job.id not in self._running

    def _due(self, job_id: str, now: float) -> None:
        job = self.open.get(job_id)
        if job is None or not self._is_idle(job):
            return
        deadline = job.request.deadline
        if deadline is not None and deadline <= now:
            cause = "deadline passed before it could be called"
            self.finish(job, Outcome("expired", "expired", cause))
        elif job.decision is not None:
            if job.decide_by is not None and job.decide_by <= now:
                cause = "engine restarted, and nobody decided what to do"
                self.finish(job, Outcome("failed", "failed", cause))
        elif job in self._places:
            if now >= self._places.waits_until(job):
                cause = f"no operator within {self._services.dial.max_wait_s:g} s"
                self.finish(job, Outcome("failed", "unavailable", cause))
        elif job.next_due_at <= now:
            self._is_due(job)

    # -- waiting for an operator --------------------------------------------------------------

    def _join(self, job: Job) -> None:
        """Let a job that is due wait for its operator."""
        if self.put_off_if_calling(job):
            return
        # Whatever else may be against it is looked at when somebody is about to be called.
        if self._admission.hours.enforced and not self._may_call(job, self._wall_clock()):
            return
        if self._places.join(job, job.next_due_at):
            self._agenda.look_at(job, self._places.waits_until(job), "wait")

    def ready(self, job: Job) -> None:
        """The job may begin once there is room; its operators are reserved, where it needs any."""
        if job.id not in self.open or not self._is_idle(job):
            self._places.leave(job)
        elif self.draining:
            self._places.leave(job, "draining")
        else:
            self._agenda.ready(job)
            self._dispatch()

    # -- an attempt -------------------------------------------------------------------------

    def _begin(self, job: Job, now: float) -> None:
        """Begin an attempt; or let the job wait for its agent, who is busy."""
        if self.put_off_if_calling(job) or not self._may_call(job, now):
            return
        offer = self._places.take_offer(job)
        outside = self._places.take_outside(job)
        if offer is None and outside is None and self._places.waits_for_operator(job):
            if job.request.queue is not None:
                if job not in self._places:
                    self._join(job)
                return
            offer = self._places.reserve(job)
            if offer is None:
                if job not in self._places:
                    self._join(job)
                return
        self._start(job, offer, outside)

    def _may_call(self, job: Job, now: float) -> bool:
        """Whether the customer may be called now; if not, the job waits until he may, or ends."""
        verdict = self._admission.may_dial_now(self._number_of(job), now)
        if verdict.allowed:
            return True
        reason = verdict.reason or "not to be called"
        if verdict.policy == "hours" and verdict.not_before is not None:
            self.put_off(job, verdict.not_before, reason)
        else:
            self._settlement.not_to_be_called(job, reason)
        return False

    def put_off_if_calling(self, job: Job) -> bool:
        """Whether the customer calls us just now; if so, the job waits until he does no more."""
        if not self._services.registry.is_on_the_line(self._number_of(job)):
            return False
        self.put_off(job, self._wall_clock() + ON_THE_LINE_S, "the customer is on the line")
        return True

    def _number_of(self, job: Job) -> str | None:
        """The number (E.164) that is called next."""
        if job.dial_to is None:
            return job.called
        number = self._admission.number(job.dial_to)
        return None if number is None else number.e164

    def _start(self, job: Job, offer: Offer | None, outside: str | None) -> None:
        plan, request = self._services.dialplan, job.request
        job.next_attempt_at = job.quiet_until = job.scheduled = None
        try:
            agent: Destination | None = None
            named = outside or request.agent
            if offer is None and named is not None and not self._holds(job, outside):
                agent = plan.destination(named, field="agent", trunk=request.trunk)
            customer = plan.destination(job.dial_to or request.to, field="to", trunk=request.trunk)
        except EngineError as error:
            may_retry = error.kind != "refused"
            is_missed = may_retry and outside is not None and error.field == "agent"
            cause: RetryCause | None = "operator_missed" if is_missed else None
            attempt = AttemptRecord(call="", result=error.kind, retry_cause=cause)
            job.attempts = [*job.attempts, attempt]
            outcome = Outcome(
                "failed", error.kind, error.message, may_retry=may_retry, retry_cause=cause
            )
            self._settlement.settle(job, outcome, offer)
            return
        callback = Attempt(
            self._services,
            job,
            agent=agent,
            customer=customer,
            offer=offer,
            admission=self._admission,
            history=self._history,
        )
        task = asyncio.get_running_loop().create_task(callback.run())
        task.add_done_callback(partial(self._attempt_over, callback))
        self._running[job.id] = (callback, task)
        self._idle.clear()

    def _holds(self, job: Job, outside: str | None) -> bool:
        """Whether the customer holds the line until the agent whom the job names is free."""
        is_first = job.request.order == "customer_first"
        return is_first and outside is None and self._places.is_for_agent(job)

    def _attempt_over(self, callback: Attempt, task: asyncio.Task[Outcome]) -> None:
        job = callback.job
        del self._running[job.id]
        if not self._running:
            self._idle.set()
        if task.cancelled():  # before its first step
            outcome = callback.outcome_if_cancelled
        elif error := task.exception():
            # A defect ends this one call, and is told.
            log.error("callback_died", job=job.id, call=callback.call.id, exc_info=error)
            outcome = Outcome("failed", "failed", f"internal error: {type(error).__name__}")
        else:
            outcome = task.result()
        self._settlement.settle(job, outcome, callback.offer)
        self._dispatch()

    # -- stopping ---------------------------------------------------------------------------

    async def drain(self, timeout_s: float | None) -> bool:
        """Start nothing more, and wait for what is under way. True once nothing is."""
        self.draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End every attempt under way and wait until each is hung up.

        Whoever talks is cut off, and his job fails. Every other job is `queued` again, for the next
        engine: what was broken off is in `interrupted`.
        """
        self.draining = True
        self._agenda.stop()
        running = tuple(self._running.values())
        for callback, task in running:
            result = "failed" if callback.job.state == "bridged" else retry.INTERRUPTED
            self._cancel_running(callback, task, Outcome("failed", result, STOPPED))
        if running:
            await asyncio.wait([task for _callback, task in running], timeout=STOP_LIMIT_S)
        self.interrupted = [callback for callback, _task in running if callback.job.id in self.open]

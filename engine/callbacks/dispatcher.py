"""The dispatcher: which job is attempted when.

Jobs wait in the schedule until they are due. One that needs an agent of a queue, or one agent who
is busy, then waits for them there; every other is ready at once. Each attempt of a ready job runs
as a task: at most `max_calls` at once, highest priority first, then oldest. A job that is to be
tried again goes back to the schedule.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, assert_never

import msgspec

from ..acd.waiting import Offer
from ..calls.call_flow import CustomerHistory
from ..calls.services import CallServices
from ..clock import Timer
from ..errors import EngineError
from ..job import CancelledBy, Job
from ..routing.admission import Admission
from ..routing.trunk_states import TrunksFull
from . import completion
from .attempts.attempt import Attempt
from .attempts.attempt_check import AttemptCheck, until_trunk
from .attempts.attempt_services import AttemptServices
from .attempts.running_attempts import RunningAttempts
from .cancellation import Cancellation
from .completion import Decision, End, Postpone, Ready, Resume, Retry, Wait, WaitOn, waits_until
from .open_jobs import OpenJobs
from .open_times import OpenTimes
from .queued_jobs import QueuedJobs
from .resumed_jobs import ResumedJobs
from .retry import Outcome
from .schedule import JobSchedule
from .trunk_line import TrunkLine

# How many jobs are looked at in one turn of the loop, and how many before an engine is up.
LOOKED_AT_ONCE = 25
RESUMED_AT_ONCE = 1_000
_WATCHED = frozenset({"number.blocked", "queue.moved", "engine.relieved"})


class Dispatcher:
    """Owns every open job: scheduled ones, those in queues, and running ones as tasks."""

    def __init__(
        self,
        services: CallServices,
        *,
        admission: Admission,
        history: CustomerHistory,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._admission = admission
        self._clock = clock
        self.open = OpenJobs()
        self.shared = AttemptServices.of(services, admission, history, self.open)
        self._running = RunningAttempts(services, shared=self.shared, on_over=self._attempt_over)
        self._cancellation = Cancellation(self.open, self._running, self.finish)
        self._schedule = JobSchedule()
        self._timer = Timer(clock, self.dispatch)
        self._queued = QueuedJobs(services, self._carry_out, clock=clock)
        line = self._trunk_line = TrunkLine(services.trunk_load)
        self._attempt_check = AttemptCheck(services.registry, admission, services.dialplan, line)
        self._open_times = OpenTimes(services.queues, admission)
        self._is_dispatching = self.draining = False
        self.resumed = ResumedJobs()
        self.interrupted: list[Attempt] = []
        services.events.watch(self._on_event, _WATCHED)

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
        """The running attempt whose call this is."""
        call = self._services.registry.calls.get(call_id)
        return None if call is None else self._running.get(call.job_id)

    # -- accepting jobs ----------------------------------------------------------------------

    def will_start(self, job: Job) -> bool:
        """Whether an attempt would begin at once, were the job submitted now."""
        has_room = self.active + self._schedule.count_ready < self._services.dial.max_calls
        if not has_room or self.draining or job.next_due_at > self._clock():
            return False
        if not self._queued.needs_agent(job):
            return True
        return job.request.queue is None and self._queued.is_agent_free(job)

    def accept(self, job: Job) -> None:
        """Note and publish a job that is saved durably in this turn of the loop.

        `submit` follows, or `open.forget` where it could not be saved.
        """
        self.open.expect(job)
        completion.publish_queued(self._services.events, job, if_saved=True)

    def submit(self, job: Job) -> None:
        """Attempt an accepted job when it is due and there is room."""
        self._add(job)
        self._schedule_next(job)
        self.dispatch()
        if job.under_way and job.id not in self._running and not job.is_terminal:
            job.under_way = False
            self._services.store.save(job)

    def resume(self, jobs: Iterable[Job], on_resumed: Callable[[], None] = lambda: None) -> None:
        """Take over queued jobs that an earlier engine left in the store, oldest first.

        All are known at once, and the first of them wait in their places. The others follow in
        portions, so that many of them hold up neither the start nor a call. `on_resumed` is called
        when each has been looked at.
        """
        resumed = self.resumed.begin(jobs, self._clock(), on_resumed)
        self._schedule.look_at_all(resumed)
        for job, _ in resumed:
            self._add(job)
        for _ in range(RESUMED_AT_ONCE // LOOKED_AT_ONCE):
            self.dispatch()
            if not self.resumed:
                break
        self.resumed.done()

    def _add(self, job: Job) -> None:
        self.open.add_job(job)
        self._watch(job)

    async def cancel(self, job: Job, by: CancelledBy = "client") -> None:
        """See Cancellation.cancel."""
        await self._cancellation.cancel(job, by)

    def begin_cancel(self, job: Job, cause: str) -> None:
        """See Cancellation.begin."""
        self._cancellation.begin(job, cause)

    def _on_event(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "number.blocked":
            self._cancellation.block(event["number"], event["reason"])
        # A job that was moved to another queue stays there, through retries and restarts.
        elif event["type"] == "queue.moved" and "to_queue" in event:
            self._moved(event)
        elif event["type"] == "engine.relieved":  # what was held back meanwhile may begin
            asyncio.get_running_loop().call_soon(self.dispatch)

    def _moved(self, event: Mapping[str, Any]) -> None:
        job = self.open.get(event.get("job", ""))
        if job is not None:
            job.request = msgspec.structs.replace(job.request, queue=event["to_queue"])
            self._services.store.save(job)

    # -- when -------------------------------------------------------------------------------

    def changed(self, job: Job) -> None:
        """The times, the priority or the numbers of an open job have changed."""
        self._watch(job)
        self._trunk_line.leave(job)
        if self._is_idle(job) and (job.next_due_at > self._clock() or job not in self._queued):
            self._queued.leave(job, "rescheduled")
            self._interrupt_wait(job, job.next_due_at)
            self._schedule_next(job)
        else:
            self._queued.reprioritise(job)
            if self._queued.has_offer(job):
                self._ready(job)
        self.dispatch()

    def _schedule_next(self, job: Job) -> None:
        at = job.next_due_at
        if at > self._clock():
            self._schedule.look_at(job, at, "due")
        else:
            self._is_due(job)

    def _watch(self, job: Job) -> None:
        if job.request.deadline is not None:
            self._schedule.look_at(job, job.request.deadline, "deadline")
        if job.decide_by is not None:
            self._schedule.look_at(job, job.decide_by, "decision")

    def _is_due(self, job: Job) -> None:
        """The job's time has come: it is ready, or waits for an agent."""
        if job.decision is not None or job.state == "poisoned":
            return
        if job.request.queue is not None:
            self._join(job)
        else:
            self._schedule.add_ready(job)

    def dispatch(self) -> None:
        """Handle what is due, and start ready jobs while there is room.

        To be called as well when the limits have changed.
        """
        if self._is_dispatching:  # the loop below comes to what is ready
            return
        self._is_dispatching = True
        try:
            self._dispatch_all(self._clock())
        finally:
            self._is_dispatching = False
        self._timer.set(self._next_at)

    @property
    def _next_at(self) -> float | None:
        return self._trunk_line.next_at(self._clock(), self._schedule.next_at)

    def _dispatch_all(self, now: float) -> None:
        schedule, most = self._schedule, self._services.dial.max_calls
        due = islice(schedule.due(now), LOOKED_AT_ONCE)
        for job_id in (*self._trunk_line.release(now), *due):
            self._due(job_id, now)
            self.resumed.looked_at(job_id)
        while schedule.count_ready and self._may_begin and self.active < most:
            job = self.open.get(schedule.next_ready())
            if job is None or not self._is_idle(job):
                continue
            if job.next_due_at <= now:
                self._begin(job, now)
            else:
                self._schedule_next(job)

    @property
    def _may_begin(self) -> bool:
        return not self.draining and self._services.overload.reason is None

    def is_idle(self, job: Job) -> bool:
        """Whether the job is open, and nothing is under way for it."""
        return job.id in self.open and self._is_idle(job)

    def _is_idle(self, job: Job) -> bool:
        return job.state == "queued" and job.id not in self._running

    def _due(self, job_id: str, now: float) -> None:
        job = self.open.get(job_id)
        if job is None or not self._is_idle(job):
            return
        has_place = job in self._queued
        if (too_late := completion.too_late(job, has_place, self._services.dial, now)) is not None:
            self.finish(job, too_late)
        elif not has_place and job.next_due_at <= now:
            self._is_due(job)

    # -- waiting for an agent ---------------------------------------------------------------

    def _join(self, job: Job) -> None:
        """Let a job that is due wait for its agent."""
        if not self._object(job, self._attempt_check.before_queue(job, self._clock())):
            self._carry_out(job, self._queued.join(job, job.next_due_at))

    def _ready(self, job: Job) -> None:
        """The job may begin once there is room; the agents whom it needs are reserved."""
        if job.id not in self.open or not self._is_idle(job):
            self._queued.leave(job)
        elif self.draining:
            self._queued.leave(job, "draining")
        elif self._services.overload.reason is not None and self._queued.has_offer(job):
            self._begin(job, self._clock())  # its agents are reserved: it does not wait for calm
        else:
            self._schedule.add_ready(job)
            self.dispatch()

    # -- what follows -----------------------------------------------------------------------

    def finish(self, job: Job, outcome: Outcome) -> None:
        """End an open job that nobody is being called for."""
        self._queued.leave(job)
        self._trunk_line.leave(job)
        self.open.remove(job)
        self.resumed.looked_at(job.id)
        self._schedule.forget(job)
        services = self._services
        completion.end(
            job, outcome, self._clock(), self._admission, services.store, services.events
        )

    def postpone_if_calling(self, job: Job) -> bool:
        """Postpone the job where its customer is calling us just now. Returns whether they are."""
        return self._object(job, self._attempt_check.on_the_line(job, self._clock()))

    def _object(self, job: Job, objection: Postpone | str | None) -> bool:
        """Carry out what follows an objection to calling the customer. Returns if there is one."""
        if isinstance(objection, Postpone):
            self._carry_out(job, objection)
        elif objection is not None:
            self._queued.leave(job)
            completion.drop_refused_number(job)
            step = completion.after_refusal(job, objection, self._services.dial, self._clock())
            self._carry_out(job, step)
        return objection is not None

    def _carry_out(self, job: Job, step: Decision, offer: Offer | None = None) -> None:
        """Do what was decided about a job. `offer` is that of the attempt that is over."""
        step = self._open_times.in_open_time(job, step)
        match step:
            case Ready():
                self._ready(job)
            case Wait(until):
                self._schedule.look_at(job, until, "wait")
            case Resume(outcome):
                job.failure = outcome.failure
                self._queue_again(job, None, outcome.cause)
            case WaitOn(outcome, at):
                completion.drop_oldest_miss(job)
                has_place = offer is not None and self._queued.unanswered(job, offer)
                job.failure = outcome.failure
                self._queue_again(job, None if has_place else at, outcome.cause)
            case Retry(outcome, at, number, scheduled):
                self._queued.leave(job)
                job.dial_to, job.scheduled = number, scheduled
                self._interrupt_wait(job, at)
                job.failure = outcome.failure
                self._queue_again(job, at, outcome.cause, is_date=scheduled is not None)
            case Postpone():
                self._postpone(job, step)
            case End(outcome):
                self.finish(job, outcome)
            case _:
                assert_never(step)

    def _queue_again(
        self, job: Job, at: float | None, cause: str, *, is_date: bool = False
    ) -> None:
        services = self._services
        completion.queue_again(job, at, cause, services.store, services.events, is_date=is_date)
        if at is not None:
            self._schedule_next(job)
            self._timer.set(self._next_at)

    def _postpone(self, job: Job, step: Postpone) -> None:
        self._queued.leave(job, "put_off")
        self._trunk_line.wait(job, step.trunks)
        if not step.is_waiting:
            self._interrupt_wait(job, step.until)
        is_told = step.is_waiting and job.state == "queued" and job.scheduled == step.reason
        job.scheduled = step.reason
        if job.state != "queued":
            job.enter("queued")
        if (expired := completion.missed_deadline(job, step)) is not None:
            self.finish(job, expired)
        elif is_told:
            job.next_attempt_at = step.until
            self._schedule_next(job)
        else:
            self._queue_again(job, step.until, step.reason, is_date=step.is_date)

    def _interrupt_wait(self, job: Job, until: float) -> None:
        """The job waits for no agent before `until`, where that is still to come."""
        if until > self._clock():
            job.interrupt_wait(until)

    # -- an attempt -------------------------------------------------------------------------

    def _begin(self, job: Job, now: float) -> None:
        """Begin an attempt, or let the job wait for its agent, who is busy."""
        if self._object(job, self._attempt_check.objection(job, now)):
            return
        offer = self._queued.pop_offer(job)
        outside = self._queued.pop_outside(job)
        if offer is None and outside is None and self._queued.needs_agent(job):
            if job.request.queue is None:
                offer = self._queued.reserve(job)
            if offer is None:
                if job not in self._queued:
                    self._join(job)
                return
        self._start(job, offer, outside)

    def _start(self, job: Job, offer: Offer | None, outside: str | None) -> None:
        was = job.scheduled
        job.next_attempt_at = job.quiet_until = job.scheduled = None
        # A customer who is called first holds the line until the agent whom the job names is free.
        holds = job.request.order == "customer_first" and self._queued.is_for_agent(job)
        agent = outside or (None if holds else job.request.agent)
        try:
            self._running.start(job, agent if offer is None else None, offer)
            self._trunk_line.leave(job)
        except TrunksFull as error:
            self._queued.free(offer)
            job.scheduled = was  # it may wait for that already
            self._carry_out(job, until_trunk(error, self._clock()))
        except EngineError as error:
            outcome = completion.not_attempted(job, error, is_outside=outside is not None)
            self._after_attempt(job, outcome, offer)

    def _attempt_over(self, attempt: Attempt, outcome: Outcome) -> None:
        self._after_attempt(attempt.job, outcome, attempt.offer)
        self.dispatch()

    def _after_attempt(self, job: Job, outcome: Outcome, offer: Offer | None) -> None:
        now = self._clock()
        if job.attempts and job.attempts[-1].ended is None:
            job.attempts[-1].ended = now
        self._queued.free(offer)
        step = completion.after_attempt(job, outcome, self._services.dial, now)
        self._carry_out(job, step, offer)

    # -- a step of the clock ----------------------------------------------------------------

    def shift(self, by_s: float) -> None:
        """The clock was stepped: no job is called, or ends, sooner or later for it."""
        now, before = self._clock(), self._schedule
        self._schedule = JobSchedule()
        for job in self.open.all():
            deadline = job.request.deadline
            job.shift(by_s, now)
            if job.request.deadline != deadline:
                completion.publish_deadline(job, self._services.events)
            self._services.store.save(job)
            if job.id in self.open:
                self._watch(job)
                self._schedule_again(job, now, is_ready=before.is_ready(job))
        self._timer.reset(self._next_at)

    def _schedule_again(self, job: Job, now: float, *, is_ready: bool) -> None:
        if is_ready:
            self._schedule.add_ready(job)
        if job in self._queued:
            self._schedule.look_at(job, waits_until(job, self._services.dial), "wait")
        elif self._is_idle(job) and not is_ready:
            self._schedule.look_at(job, max(job.next_due_at, now), "due")

    # -- stopping ---------------------------------------------------------------------------

    async def drain(self, timeout_s: float | None) -> bool:
        """Start nothing more, and wait for what is under way. True once nothing is."""
        self.draining = True
        return await self._running.idle(timeout_s)

    async def stop(self) -> None:
        """End every attempt under way and wait until each is hung up.

        Calls of two who talk are cut off, and their jobs fail. Every other job is `queued` again,
        for the next engine. `interrupted` has the attempts of those that were under way.
        """
        self.draining = True
        self._timer.stop()
        stopped = await self._running.stop()
        self.interrupted = [attempt for attempt in stopped if attempt.job.id in self.open]

"""The dispatcher: which job is attempted when.

Jobs wait in one heap until they are due, run as one task an attempt, at most `max_calls` at once
(highest priority first, then oldest), and come back to the heap when they are to be tried again.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from .callback import Callback, Outcome
from .job import AttemptRecord, Job, JobState
from .protocol import EngineError
from .switchboard import Switchboard

log = structlog.get_logger()


class Dispatcher:
    """Owns every open job: queued ones in heaps, running ones as tasks."""

    def __init__(self, board: Switchboard, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._board = board
        self._wall_clock = wall_clock
        self._open: dict[str, Job] = {}
        self._later: list[tuple[float, int, str]] = []
        self._ready: list[tuple[int, float, int, str]] = []
        self._running: dict[str, tuple[Callback, asyncio.Task[Outcome]]] = {}
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    # -- what is open -----------------------------------------------------------------------

    def job(self, job_id: str) -> Job | None:
        """The open job of this id, if there is one."""
        return self._open.get(job_id)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every open job by its id; the same mapping for as long as the engine runs."""
        return self._open

    @property
    def active(self) -> int:
        """How many attempts are under way."""
        return len(self._running)

    def callback_of(self, call_id: str) -> Callback | None:
        """The running callback whose call this is."""
        call = self._board.register.calls.get(call_id)
        if call is None or call.job_id not in self._running:
            return None
        return self._running[call.job_id][0]

    # -- taking jobs ------------------------------------------------------------------------

    def will_start(self, job: Job) -> bool:
        """Whether an attempt would begin at once, were the job submitted now."""
        has_room = self.active + len(self._ready) < self._board.dial.max_calls
        return has_room and not self.draining and self._due_at(job) <= self._wall_clock()

    def submit(self, job: Job) -> None:
        """Take an accepted job; it is attempted when it is due and there is room."""
        self._open[job.id] = job
        self._publish_queued(job)
        self._schedule(job)
        self._dispatch()
        if job.under_way and job.id not in self._running and not job.is_terminal:
            job.under_way = False
            self._board.store.save(job)

    def resume(self, job: Job) -> None:
        """Take over a queued job that an earlier engine left in the store."""
        self._open[job.id] = job
        self._schedule(job)
        self._dispatch()

    async def cancel(self, job: Job, cause: str = "cancelled by command") -> None:
        """Cancel an open job, whatever it is doing, and wait until its legs are hung up.

        Raises EngineError `state` once it has ended.
        """
        if job.id not in self._open:
            raise EngineError("state", f"job {job.id} has already ended: {job.state}")
        running = self._running.get(job.id)
        if running is None:
            self._finish(job, "cancelled", "cancelled", cause)
            return
        callback, task = running
        if callback.is_over:
            await asyncio.wait([task])
            raise EngineError("state", f"job {job.id} has just ended: {job.state}")
        self._cancel_running(callback, task, Outcome("cancelled", "cancelled", cause))
        await asyncio.wait([task])

    def _cancel_running(
        self, callback: Callback, task: asyncio.Task[Outcome], outcome: Outcome
    ) -> None:
        # Once only: a second cancellation would cut the hanging up short.
        if not callback.is_over and not task.cancelling():
            callback.outcome_if_cancelled = outcome
            task.cancel()

    @staticmethod
    def _due_at(job: Job) -> float:
        return max(job.next_attempt_at or 0.0, job.request.not_before or 0.0)

    def _schedule(self, job: Job) -> None:
        due_at = self._due_at(job)
        deadline = job.request.deadline
        if due_at > self._wall_clock():
            heapq.heappush(self._later, (due_at, next(self._order), job.id))
        else:
            self._push_ready(job)
        if deadline is not None:
            heapq.heappush(self._later, (deadline, next(self._order), job.id))

    def _push_ready(self, job: Job) -> None:
        entry = (-job.request.priority, job.created, next(self._order), job.id)
        heapq.heappush(self._ready, entry)

    # -- dispatching ------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Move what is due, expire what is too late, start what there is room for."""
        now = self._wall_clock()
        while self._later and self._later[0][0] <= now:
            self._due(heapq.heappop(self._later)[2], now)
        while self._ready and not self.draining and self.active < self._board.dial.max_calls:
            job = self._open.get(heapq.heappop(self._ready)[3])
            if job is not None and job.state == "queued" and job.id not in self._running:
                self._start(job)
        self._set_timer(now)

    def _due(self, job_id: str, now: float) -> None:
        job = self._open.get(job_id)
        if job is None or job.state != "queued" or job_id in self._running:
            return
        deadline = job.request.deadline
        if deadline is not None and deadline <= now:
            self._finish(job, "expired", "expired", "deadline passed before it could be called")
        else:
            self._push_ready(job)

    def _set_timer(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._later:
            # Bounded, so that a step of the wall clock is noticed.
            delay_s = min(max(self._later[0][0] - now, 0.0), 60.0)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._dispatch)

    def _start(self, job: Job) -> None:
        plan, request = self._board.dialplan, job.request
        job.next_attempt_at = None
        try:
            agent = plan.destination(request.agent or "", field="agent", trunk=request.trunk)
            customer = plan.destination(request.to, field="to", trunk=request.trunk)
        except EngineError as error:
            job.attempts = [*job.attempts, AttemptRecord(call="", result=error.kind)]
            retry = error.kind != "refused"
            self._settle(job, Outcome("failed", error.kind, error.message, may_retry=retry))
            return
        callback = Callback(job, agent, customer, self._board)
        task = asyncio.get_running_loop().create_task(callback.run())
        task.add_done_callback(partial(self._attempt_over, callback))
        self._running[job.id] = (callback, task)
        self._idle.clear()

    def _attempt_over(self, callback: Callback, task: asyncio.Task[Outcome]) -> None:
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
        self._settle(job, outcome)
        self._dispatch()

    # -- the end of an attempt, and of a job ------------------------------------------------

    def _settle(self, job: Job, outcome: Outcome) -> None:
        now = self._wall_clock()
        next_at = now + self._board.dial.retry_s
        deadline = job.request.deadline
        in_time = deadline is None or next_at < deadline
        if outcome.may_retry and len(job.attempts) < job.request.max_attempts and in_time:
            job.next_attempt_at = next_at
            job.under_way = False
            job.failure = outcome.failure
            if job.state != "queued":
                job.enter("queued")
            self._board.store.save(job)
            self._publish_queued(job, cause=outcome.cause)
            self._schedule(job)
            self._set_timer(now)
            return
        self._finish(job, outcome.state, outcome.result, outcome.cause, outcome)

    def _finish(
        self, job: Job, state: JobState, result: str, cause: str, outcome: Outcome | None = None
    ) -> None:
        job.enter(state)
        job.result, job.cause = result, cause
        job.failure = outcome.failure if outcome is not None else None
        job.next_attempt_at = None
        job.ended_at = self._wall_clock()
        self._open.pop(job.id, None)
        self._board.store.save(job)
        self._board.events.publish(
            f"callback.{state}",
            job=job.id,
            call=job.attempts[-1].call if job.attempts else None,
            context=job.request.context,
            result=result,
            cause=cause,
            failure=job.failure,
        )

    def _publish_queued(self, job: Job, cause: str | None = None) -> None:
        self._board.events.publish(
            "callback.queued",
            job=job.id,
            context=job.request.context,
            next_attempt_at=job.next_attempt_at or job.request.not_before,
            cause=cause,
        )

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

    async def stop(self, limit_s: float = 5.0) -> None:
        """End every attempt under way and wait until each is hung up."""
        self.draining = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for _callback, task in self._running.values()]
        for callback, task in tuple(self._running.values()):
            self._cancel_running(callback, task, Outcome("failed", "failed", "engine stopped"))
        if tasks:
            await asyncio.wait(tasks, timeout=limit_s)

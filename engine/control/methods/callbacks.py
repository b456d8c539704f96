"""The methods of the control protocol that are about callbacks: callback.*."""

from functools import partial
from typing import Any, NotRequired, TypedDict, cast

import msgspec

from ...callbacks.completion import publish_queued
from ...callbacks.dispatcher import Dispatcher
from ...callbacks.feigned import Feigned
from ...callbacks.intake import Intake
from ...callbacks.retry import Outcome
from ...errors import EngineError
from ...job import TERMINAL_STATES, Job
from ...reports.job_view import JobView, job_view
from ...request import CallbackRequest, Reschedule
from ...routing.numbers.reading import ReadingView
from ...store.event_log import EventLog
from ...store.store import Store
from ..connections.peer import Peer
from ..method import Method
from ..params import Cancel, Decision, JobQuery, JobRef, NumberOf, Reprioritise
from .pages import Slices


class AcceptedJob(JobView):
    """callback.request."""

    replayed: bool
    """Whether a request with this id was accepted before."""
    reading: ReadingView | None
    """What the customer is read as; null where that is nothing that is dialled any more."""
    joined_to: NotRequired[str]
    """The job that the request joined; left out where it made a job of its own."""
    kept: NotRequired[list[str]]
    """With `joined_to`: the parameters of the request that hold for the job."""
    dropped: NotRequired[list[str]]
    """With `joined_to`: the parameters of the request that do not."""
    would_be_due: NotRequired[float | None]
    """With `joined_to`: when the request would have been due by itself; null: at once."""


class JobPage(TypedDict):
    """callback.list."""

    jobs: list[JobView]
    """The jobs, the latest first."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class CallbackMethods:
    """What a client may do with callback jobs."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        intake: Intake,
        store: Store,
        events: EventLog,
        *,
        number_of: NumberOf,
    ) -> None:
        self._number_of = number_of
        self._dispatcher = dispatcher
        self._intake = intake
        self._store = store
        self._events = events

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "callback.request": Method(CallbackRequest, self._request),
            "callback.feign": Method(CallbackRequest, self._feign),
            "callback.get": Method(JobRef, self._get),
            "callback.cancel": Method(Cancel, self._cancel),
            "callback.list": Method(JobQuery, self._list, is_large=True),
            "callback.reschedule": Method(Reschedule, self._reschedule),
            "callback.reprioritise": Method(Reprioritise, self._reprioritise),
            "callback.decide": Method(Decision, self._decide),
        }

    async def _request(self, params: CallbackRequest, peer: Peer) -> AcceptedJob:
        accepted = await self._intake.accept(params, requested_by=peer.who or None)
        job = accepted.job
        reading = self._intake.check.reading(job.request.to)
        own = {"replayed": accepted.replayed, "reading": reading}
        view = cast(AcceptedJob, {**job_view(job), **own})
        joined = accepted.joined
        if joined is not None:
            # The id is that of the job that the request joined, not that of the request.
            view["joined_to"] = job.id
            view["kept"], view["dropped"] = joined.kept, joined.dropped
            view["would_be_due"] = joined.not_before
        return view

    async def _feign(self, params: CallbackRequest, _peer: Peer) -> Feigned:
        return await self._intake.feign(params)

    async def _open(self, job_id: str) -> Job:
        """An open job, which may be changed. Raises EngineError `not_found`, `state`."""
        job = _found(await self._intake.known(job_id), job_id)
        if job.state in TERMINAL_STATES:
            raise EngineError("state", f"job {job.id} has already ended: {job.state}", field="id")
        return job

    async def _queued(self, job_id: str) -> Job:
        """An open job that nobody is being called for. Raises EngineError `state`."""
        job = await self._open(job_id)
        if job.state != "queued" or self._dispatcher.is_running(job):
            how = "set aside" if job.state == "poisoned" else "under way"
            raise EngineError("state", f"job {job.id} is {how}: {job.state}", field="id")
        return job

    def _get(self, params: JobRef, _peer: Peer) -> JobView:
        return job_view(_found(self._intake.find(params.id), params.id))

    async def _cancel(self, params: Cancel, _peer: Peer) -> JobView:
        job = await self._open(params.id)
        await self._dispatcher.cancel(job, params.by)
        await self._store.flush()  # no crash brings it back
        return job_view(job)

    async def _list(self, params: JobQuery, _peer: Peer) -> JobPage:
        wanted = params.wanted(self._number_of, params.state)
        jobs, cursor = await self._store.list(wanted, limit=params.limit, cursor=params.cursor)
        views: list[JobView] = []
        slices = Slices()
        for job in jobs:
            # An open job is ahead of its stored image.
            views.append(job_view(self._dispatcher.job(job.id) or job))
            await slices.pause()
        return {"jobs": views, "cursor": cursor}

    # -- changes of what was asked for --------------------------------------------------------

    async def _reschedule(self, params: Reschedule, _peer: Peer) -> JobView:
        job = await self._queued(params.id)
        await self._intake.reschedule(job, params)
        return job_view(job)

    async def _reprioritise(self, params: Reprioritise, _peer: Peer) -> JobView:
        job = await self._open(params.id)
        undo = partial(self._give_priority, job, job.request.priority)
        self._give_priority(job, params.priority)
        self._publish("callback.reprioritised", job, priority=params.priority, if_saved=True)
        await self._store.save_or_undo(job, undo)
        return job_view(job)

    def _give_priority(self, job: Job, priority: int) -> None:
        job.request = msgspec.structs.replace(job.request, priority=priority)
        self._dispatcher.changed(job)

    async def _decide(self, params: Decision, _peer: Peer) -> JobView:
        job = await self._open(params.id)
        if job.decision is None and job.state != "poisoned":
            raise EngineError("state", f"there is nothing to decide about job {job.id}", field="id")
        if params.decision == "fail":
            self._publish("callback.decided", job, decision=params.decision)
            cause = "engine restarted, and it was decided not to call again"
            self._dispatcher.finish(job, Outcome("failed", "failed", cause))
            await self._store.flush()
        else:
            await self._let_be_called(job)
        return job_view(job)

    async def _let_be_called(self, job: Job) -> None:
        before = job.state, job.decision, job.decide_by

        def undo() -> None:
            if self._dispatcher.is_idle(job):
                state, job.decision, job.decide_by = before
                if state != job.state:
                    job.enter(state)

        job.decision = job.decide_by = None
        is_released = job.state == "poisoned"
        if is_released:
            job.enter("queued")
        self._publish("callback.decided", job, decision="retry", if_saved=True)
        if is_released:
            publish_queued(self._events, job, "released by command", if_saved=True)
        try:
            await self._store.save_or_undo(job, undo)
        finally:
            self._dispatcher.changed(job)

    def _publish(self, kind: str, job: Job, **fields: Any) -> None:
        self._events.publish(kind, **{**job.about(), **fields})


def _found(job: Job | None, job_id: str) -> Job:
    if job is None:
        raise EngineError("not_found", f"there is no job {job_id}", field="id")
    return job

"""A further request for a number that an open job calls: it makes no job, and joins that one.

The job stays as it was asked for first, but for its time: the earliest of all holds.
What else of the request does not hold is said in the reply and in the event.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ..calls.services import CallServices
from ..job import Job, Request
from ..request import CallbackRequest
from ..store.store import StoreError
from .dispatcher import Dispatcher

JOINED = "joined"
# These say how to handle the request, and are no part of what is asked for.
_OF_HANDLING = frozenset({"id", "join", "to_kind", "region", "slot", "queue_taken"})


class Joined(msgspec.Struct, kw_only=True):
    """A request that joined an open job: which one, and what is known of the request."""

    job: str
    fingerprint: str
    meaning: str = ""
    kept: list[str] = []
    dropped: list[str] = []
    requested_by: str | None = None
    site: str | None = None
    not_before: float | None = None
    """When the request would have been due by itself."""


@dataclass(frozen=True, slots=True)
class Further:
    """A further request: as it was `asked`, and what would have become of it.

    `scheduled` is given where its time is a policy's. `due_at` is when it would be due by itself.
    """

    asked: CallbackRequest
    request: Request
    scheduled: str | None
    fingerprint: str
    meaning: str
    requested_by: str | None
    due_at: float | None


class Joining:
    """Lets requests join open jobs."""

    def __init__(
        self, services: CallServices, dispatcher: Dispatcher, clock: Callable[[], float]
    ) -> None:
        self._services = services
        self._dispatcher = dispatcher
        self._clock = clock

    async def join(self, job: Job, further: Further) -> Joined:
        """Let the request join `job`. Returns once that is on the disk. Raises StoreError."""
        store = self._services.store
        before = job.request, job.scheduled, job.next_attempt_at
        is_earlier = self._take_earlier_time(job, further)
        takes_url = self._takes_url(job, further)
        if takes_url:
            job.request = _with_notify_url(job.request, further.request.notify_url)
        kept, dropped = compared(job.request, further)
        joined = Joined(
            job=job.id,
            fingerprint=further.fingerprint,
            meaning=further.meaning,
            kept=kept,
            dropped=dropped,
            requested_by=further.requested_by,
            site=further.request.site,
            not_before=further.due_at,
        )
        job.joined += 1
        self._publish(job, joined, further, is_earlier=is_earlier)
        saved = [store.save(job, durable=True)]
        if further.asked.id is not None:
            saved.append(store.put(JOINED, further.asked.id, joined, durable=True))
        try:
            await asyncio.gather(*saved)
        except StoreError:
            job.joined -= 1
            if takes_url:
                job.request = _with_notify_url(job.request, None)
            if is_earlier and self._dispatcher.is_idle(job):
                job.request, job.scheduled, job.next_attempt_at = before
                self._dispatcher.changed(job)
            store.save(job)  # other changes of the job are not undone
            raise
        if is_earlier:
            self._dispatcher.changed(job)
        return joined

    def _takes_url(self, job: Job, further: Further) -> bool:
        """Whether the job's events are posted where the further request says.

        Only to the client that asked for the job: nobody else learns of it by joining it.
        """
        is_of_same = further.requested_by is not None and further.requested_by == job.requested_by
        return is_of_same and job.request.notify_url is None

    def _take_earlier_time(self, job: Job, further: Further) -> bool:
        """Whether the job, for which nobody is being called, is due earlier now."""
        due_at = further.request.not_before or self._clock()
        if not self._dispatcher.is_idle(job) or job.decision is not None:
            return False
        if due_at >= job.next_due_at:
            return False
        job.request = msgspec.structs.replace(job.request, not_before=further.request.not_before)
        job.scheduled = further.scheduled
        # A crash may have left phones ringing: no request shortens the wait for them.
        job.next_attempt_at = job.quiet_until
        return True

    def _publish(self, job: Job, joined: Joined, further: Further, *, is_earlier: bool) -> None:
        events = self._services.events
        events.publish(
            "callback.joined",
            **job.about(),
            joined=job.joined,
            request=further.asked.id,
            kept=joined.kept,
            dropped=joined.dropped,
            if_saved=True,
        )
        if is_earlier:
            events.publish(
                "callback.rescheduled",
                **job.about(),
                not_before=job.request.not_before or self._clock(),
                deadline=job.request.deadline,
                reason=job.scheduled or "a further request asked for an earlier time",
                if_saved=True,
            )


def compared(first: Request, further: Further) -> tuple[list[str], list[str]]:
    """Which parameters of a further request hold for the job, and which do not."""
    kept: list[str] = []
    dropped: list[str] = []
    for name in CallbackRequest.__struct_fields__:
        if name in _OF_HANDLING or getattr(further.asked, name) is None:
            continue
        # Its customer has the number of the job, however it is written.
        holds = name == "to" or getattr(first, name) == getattr(further.request, name)
        (kept if holds else dropped).append(name)
    return kept, dropped


def _with_notify_url(request: Request, url: str | None) -> Request:
    return msgspec.structs.replace(request, notify_url=url)

"""The intake: the one way in which a callback is accepted.

The rules complete the request, and the policies admit or refuse it. It joins an open callback of
the same number, or becomes a job, which is on the disk before anybody hears of it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from config.retry import RetryCause
from config.retry import RetryRule as RetrySettings

from ..calls.services import CallServices
from ..errors import EngineError
from ..job import Job, Request, RetryRule
from ..request import CallbackRequest, Reschedule, asked_detection
from ..routing.admission import Admission, AdmissionQuery, Admitted
from ..routing.router import Router
from ..routing.rules import Ruling
from ..routing.trunk_states import NoTrunkUsable
from .answers.answer_check import check_message
from .dispatcher import Dispatcher
from .feigned import Feigned, feigned
from .idempotency import fingerprint_of, meaning_of
from .joining import JOINED, Further, Joined, Joining
from .request_check import RequestCheck
from .retry import most_attempts

if TYPE_CHECKING:
    from config.settings import Settings


# Policies that may refuse a number for what is known of it, and not of others.
_OF_THE_NUMBER = ("do_not_call", "velocity", "cost")


class Owner(NamedTuple):
    """Who asked for a job, or for a request that joined it, and for which site."""

    requested_by: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """What became of a request. `replayed`: it was known already.

    `joined` says of one that made no job what came of its parameters.
    """

    job: Job
    replayed: bool = False
    joined: Joined | None = None


class Intake:
    """Accepts requests, one at a time for each id and each number."""

    def __init__(
        self,
        services: CallServices,
        dispatcher: Dispatcher,
        settings: "Settings",
        *,
        router: Router,
        admission: Admission,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._dispatcher = dispatcher
        self._router, self._admission = router, admission
        self.bookings = dispatcher.shared.bookings
        self.check = RequestCheck(services, admission, settings.notify, self.bookings)
        self._clock = clock
        self._joining = Joining(services, dispatcher, self._clock)
        # Ids and jobs on their way to the disk, so that two requests cannot both be first.
        self._accepting: dict[str, asyncio.Future[None]] = {}
        self.apply_settings(settings)

    def apply_settings(self, settings: "Settings") -> None:
        """Accept requests by these settings from now on."""
        self._dial = settings.dial
        self.check.apply_settings(settings.notify)
        self._whisper_template = settings.whisper.default
        self._retry = _retry_rules(settings.retry)

    def find(self, job_id: str) -> Job | None:
        """The job of this id, or the one that the request of this id joined. Raises StoreError."""
        found = self._find(job_id)
        return None if found is None else found[0]

    def _find(self, job_id: str) -> tuple[Job, Joined | None] | None:
        store = self._services.store
        job = self._dispatcher.job(job_id) or store.find(job_id)
        if job is not None:
            return job, None
        joined = store.document(JOINED, job_id, Joined)
        if joined is None:
            return None
        job = self._dispatcher.job(joined.job) or store.find(joined.job)
        return None if job is None else (job, joined)

    async def known(self, job_id: str) -> Job | None:
        """As `find`, once no request of this id is on its way to the disk. Raises StoreError.

        What `find` returns before that is a copy that the dispatcher does not know: for reading.
        """
        await self._settled(job_id)
        return self.find(job_id)

    async def _settled(self, job_id: str) -> None:
        while (pending := self._accepting.get(job_id)) is not None:
            await asyncio.wait([pending])

    def owner_of(self, job_id: str) -> Owner | None:
        """Who asked for the job or request of this id, and for which site. Raises StoreError."""
        told = self._dispatcher.open.known(job_id)
        found = self._find(job_id) if told is None else (told, None)
        if found is None:
            return None
        job, joined = found
        if joined is not None:
            return Owner(joined.requested_by, joined.site)
        return Owner(job.requested_by, job.request.site)

    async def accept(
        self,
        params: CallbackRequest,
        *,
        queue_joined_at: float | None = None,
        requested_by: str | None = None,
    ) -> AcceptedRequest:
        """Accept a request. `queue_joined_at` is the place of a customer who has waited already.

        Such a customer has waited enough: an agent is called first, whatever a rule says.

        Raises EngineError (`conflict`, `refused`, `unavailable`), BadParams, StoreError.
        """
        if params.id is not None:
            known = await self._known(params.id, params)
            if known is not None:
                return known
        self.check_accepting()
        job_id = params.id or f"cb-{self._services.new_id()}"
        accepted = asyncio.get_running_loop().create_future()
        self._accepting[job_id] = accepted
        try:
            return await self._accept(job_id, params, queue_joined_at, requested_by)
        except EngineError as refusal:
            if refusal.data.get("policy") in _OF_THE_NUMBER:
                refusal.data["not_before"] = await self._check_without_number(params)
            raise
        finally:
            del self._accepting[job_id]
            accepted.set_result(None)

    async def feign(self, asked: CallbackRequest) -> Feigned:
        """Take a request of which no callback is made, whatever its number, and nobody is called.

        It is refused, and counts, like any other of its site and source. Raises as `accept` does,
        but for what is known of the number.
        """
        self.check_accepting()
        read = asked
        with _whatever_the_number():
            read = self.check.read_numbers(asked)
        params, ruling, now = await self._routed(read)
        for _step, check in self.check.checks(params, now):
            with _whatever_the_number():
                check()
        self._check_overload(params, now)
        due_at = self.check.without_number(params, now)
        if params.id is not None:
            self._admission.count_feigned(params.id, AdmissionQuery.of(params), now)
        whisper = self._whisper(params, ruling)
        request = self._request(params, Admitted(not_before=due_at), whisper)
        return feigned(request, self._dial)

    def joined_by(self, params: CallbackRequest, called: str | None) -> Job | None:
        """The open job that a request which calls the number `called` joins, if it joins one."""
        return self._open_job(called) if self._joins(params) else None

    def check_accepting(self) -> None:
        """Raise EngineError `unavailable` where no new request is accepted now."""
        if self._dispatcher.draining:
            raise EngineError("unavailable", "the engine is draining and takes no new callbacks")

    async def inspect_whisper(self, params: CallbackRequest) -> None:
        """Read what `check_whisper` has to know of a sound file."""
        if params.whisper is not None and params.whisper.file:
            await self._services.announcer.inspect(params.whisper.file)

    def check_whisper(self, params: CallbackRequest, ruling: Ruling) -> dict[str, Any] | None:
        """The whisper of a request. Raises EngineError `refused` where it cannot be played.

        Neither may the message that is left with a machine name a file that is not there.
        """
        check_message(asked_detection(params.detect), self._services)
        whisper = self._whisper(params, ruling)
        self._services.announcer.check(whisper)
        return whisper

    async def _known(self, job_id: str, params: CallbackRequest) -> AcceptedRequest | None:
        """What became of an earlier request with this id."""
        await self._settled(job_id)
        found = self._find(job_id)
        if found is None:
            return None
        job, joined = found
        earlier = job if joined is None else joined
        if earlier.fingerprint != fingerprint_of(params) and (
            not earlier.meaning or earlier.meaning != self._meaning_of(params)
        ):
            reason = f"job {job_id} exists and was requested with other parameters"
            raise EngineError("conflict", reason, field="id")
        return AcceptedRequest(job, replayed=True, joined=joined)

    def _meaning_of(self, params: CallbackRequest) -> str:
        return meaning_of(params, self._dial, self._services.dialplan)

    async def _accept(
        self,
        job_id: str,
        asked: CallbackRequest,
        queue_joined_at: float | None,
        requested_by: str | None,
    ) -> AcceptedRequest:
        read = self.check.read_numbers(asked)
        await self.inspect_whisper(read)
        params, ruling, now = await self._routed(read)
        # From here to the save nothing awaits: what was checked still holds when it is counted.
        if queue_joined_at is not None:
            params = msgspec.structs.replace(params, order="agent_first")
        for _step, check in self.check.checks(params, now):
            check()
        self._check_overload(params, now)
        admitted = self.check.admit(params, now)
        fingerprint, meaning = fingerprint_of(asked), self._meaning_of(asked)
        if (open_job := self.joined_by(params, admitted.called)) is not None:
            request = self._request(params, admitted, self._whisper(params, ruling))
            placed = admitted
            if params.to_kind == "number":  # so that joining tells outsiders nothing
                placed = self.check.place(params, admitted, now)
            further = Further(
                asked=asked,
                request=request,
                scheduled=admitted.scheduled,
                fingerprint=fingerprint,
                meaning=meaning,
                requested_by=requested_by,
                due_at=placed.not_before,
            )
            return await self._join(open_job, further)
        placed = self.check.place(params, admitted, now)
        request = self._request(params, placed, self.check_whisper(params, ruling))
        job = Job(
            id=job_id,
            request=request,
            fingerprint=fingerprint,
            meaning=meaning,
            created=now,
            requested_by=requested_by,
            called=admitted.called,
            region=admitted.region,
            scheduled=placed.scheduled,
            next_attempt_at=placed.not_before if placed is not admitted else None,
            is_due_on_date=placed is not admitted,
            queue_joined_at=queue_joined_at,
            has_place=queue_joined_at is not None,
        )
        if job.scheduled is not None and queue_joined_at is not None:
            job.queue_since = request.not_before  # the wait for an agent begins then
        # Known to the disk with the acceptance, so that it costs no commit of its own.
        job.under_way = self._dispatcher.will_start(job)
        self._admission.count(job_id, admitted, now)
        self._dispatcher.accept(job)
        try:
            await self._services.store.save(job, durable=True)
        except BaseException:
            self._dispatcher.open.forget(job)
            self._admission.forget(job_id)
            raise
        self._dispatcher.submit(job)
        return AcceptedRequest(job)

    async def _routed(self, asked: CallbackRequest) -> tuple[CallbackRequest, Ruling, float]:
        """The request as the rules complete it, with what they say, and when they were asked."""
        history = await self._router.history(asked.to)
        now = self._clock()
        return *self._router.route(asked, history, now), now

    def _check_overload(self, params: CallbackRequest, now: float) -> None:
        """Raise EngineError `unavailable` where somebody would be rung at once, and cannot be."""
        if params.queue is None and (params.not_before or 0.0) <= now:
            self._services.overload.check()

    async def _check_without_number(self, asked: CallbackRequest) -> float | None:
        """When another number of this place would be called.

        Raises EngineError for what is wrong with a request apart from its number.

        That comes before what is known of the number: else who tries numbers would learn from the
        order which of them are blocked, or were called lately.
        """
        params, _ruling, now = await self._routed(asked)
        return self.check.without_number(params, now)

    async def reschedule(self, job: Job, change: Reschedule) -> None:
        """Give a queued job other times, or other further numbers. Raises EngineError, StoreError.

        A time out of hours is moved to when the number may be called, as for a new request.
        """
        now, request = self._clock(), job.request
        not_before = request.not_before if change.not_before is None else change.not_before
        deadline = request.deadline if change.deadline is None else change.deadline
        numbers = request.numbers if change.numbers is None else change.numbers
        if deadline is not None and deadline <= max(now, not_before or 0.0):
            reason = "the deadline must be later than now and not_before"
            raise EngineError("refused", reason, field="deadline")
        for number in change.numbers or ():
            with suppress(NoTrunkUsable):  # while its trunk is down it waits
                self._services.dialplan.destination(number, field="numbers", trunk=request.trunk)
        asked = AdmissionQuery(
            to=request.to, numbers=numbers, not_before=not_before, deadline=deadline
        )
        admitted = self._admission.check(asked, now, counts=False)
        if change.not_before is not None or change.deadline is not None:
            admitted = self.check.open_times.admit(
                admitted,
                request.queue,
                request.agent,
                not_before=not_before,
                deadline=deadline,
                now=now,
            )
        before = request, job.scheduled, job.next_attempt_at

        def undo() -> None:
            if self._dispatcher.is_idle(job):
                job.request, job.scheduled, job.next_attempt_at = before
                self._dispatcher.changed(job)

        job.request = msgspec.structs.replace(
            request, not_before=admitted.not_before, deadline=deadline, numbers=numbers
        )
        job.scheduled = admitted.scheduled
        if change.not_before is not None:
            # A crash may have left phones ringing: no command shortens the wait for them.
            job.next_attempt_at, job.is_due_on_date = job.quiet_until, False
        self._services.events.publish(
            "callback.rescheduled",
            **job.about(),
            not_before=admitted.not_before,
            deadline=deadline,
            reason=admitted.scheduled,
            if_saved=True,
        )
        self._dispatcher.changed(job)
        await self._services.store.save_or_undo(job, undo)

    # -- what is asked for ------------------------------------------------------------------

    def _request(
        self, params: CallbackRequest, admitted: Admitted, whisper: dict[str, Any] | None
    ) -> Request:
        """The request with its defaults filled in."""
        dial = self._dial
        retry: dict[RetryCause, RetryRule] = self._retry
        if params.retry:
            own = {cause: rule.rule() for cause, rule in params.retry.items()}
            retry = {**retry, **own}
        numbers = params.numbers or []
        return Request(
            to=params.to,
            agent=params.agent,
            queue=params.queue,
            order=params.order or "agent_first",
            context=params.context or {},
            whisper=whisper,
            caller_id=params.caller_id,
            trunk=params.trunk,
            priority=params.priority or 0,
            not_before=admitted.not_before,
            deadline=params.deadline,
            max_attempts=params.max_attempts or most_attempts(retry, numbers, dial.max_attempts),
            ring_s=params.ring_s or dial.ring_s,
            max_duration_s=params.max_duration_s or dial.max_duration_s,
            record=params.record or False,
            numbers=numbers,
            site=admitted.site,
            source=params.source,
            skills=params.skills or {},
            on_crash=params.on_crash or dial.on_crash,
            script=params.script,
            customer_script=params.customer_script,
            agent_script=params.agent_script,
            after_script=params.after_script,
            notify_url=params.notify_url,
            known_agent=params.known_agent,
            centre=params.centre,
            detect=asked_detection(params.detect),
            retry=retry,
        )

    def _whisper(self, params: CallbackRequest, ruling: Ruling) -> dict[str, Any] | None:
        whisper = params.whisper
        if whisper is not None:
            tone = f"{whisper.tone:g}" if isinstance(whisper.tone, float) else whisper.tone
            said = {"text": whisper.text, "file": whisper.file, "tone": tone}
            return {name: value for name, value in said.items() if value is not None}
        template = self._whisper_template if ruling.whisper is None else ruling.whisper
        return {"template": template} if template else None

    # -- one open job for each number ---------------------------------------------------------

    def _joins(self, params: CallbackRequest) -> bool:
        return self._dial.join if params.join is None else params.join

    def _open_job(self, number: str | None) -> Job | None:
        """The open job that calls this number; not one that is set aside."""
        jobs = self._dispatcher.open.of_number(number)
        return next((job for job in jobs if job.state != "poisoned"), None)

    async def _join(self, job: Job, further: Further) -> AcceptedRequest:
        """Let the request join an open job, so that its number is called once."""
        if (first := self._accepting.get(job.id)) is not None:
            await asyncio.wait([first])
            if self.find(job.id) is None:
                raise EngineError(
                    "unavailable", f"job {job.id}, for the same number, was not saved"
                )
        return AcceptedRequest(job, joined=await self._joining.join(job, further))


@contextmanager
def _whatever_the_number() -> Iterator[None]:
    """Let pass what is refused for what is known of a number."""
    try:
        yield
    except EngineError as refusal:
        if refusal.data.get("policy") not in _OF_THE_NUMBER:
            raise


def _retry_rules(configured: Sequence[RetrySettings]) -> dict[RetryCause, RetryRule]:
    return {
        rule.cause: RetryRule(
            attempts=rule.attempts,
            spacing_s=tuple(rule.spacing_s),
            next_number=rule.next_number,
        )
        for rule in configured
    }

"""The wish of one who waits to be called back: taken at the press of a key, and kept to.

It is on the disk before the caller is told so, and holds if he hangs up meanwhile. The callback
has his place in the queue; it is not due before he has hung up, so that his line is free.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from ..calls.services import CallServices
from ..control.params import Reschedule
from ..errors import EngineError
from ..job import Job
from ..request import CallbackRequest, WhisperSpec
from ..routing.admission import AdmissionQuery
from ..store.store import StoreError
from .call_info import InboundCallInfo

log = structlog.get_logger()

ACCEPT_LIMIT_S = 5.0
# When a callback is due whose caller's hanging up the engine does not live to see.
HELD_S = 60.0


class CallbackOnKey:
    """What becomes of it in one call. `refused` is called with a reason when it cannot be."""

    def __init__(
        self,
        services: CallServices,
        incoming: InboundCallInfo,
        *,
        refused: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._incoming = incoming
        self._refused = refused
        self._clock = clock
        self.joined_at: float | None = None
        """His place in the queue, once he has one."""
        self._accepting: asyncio.Task[Job] | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the caller is going to be called back, as far as it is known by now."""
        return self._accepting is not None

    def may_be_taken(self) -> bool:
        """Whether he can be called back: asked before anybody stops ringing for him."""
        services, number = self._services, self._incoming.party.number
        try:
            if number is None or services.intake is None:
                raise EngineError("refused", "the number is withheld")
            services.dialplan.destination(number, field="to", trunk=self._incoming.ruling.trunk)
            if services.admission is not None:
                services.admission.check(AdmissionQuery(to=number), self._clock())
        except EngineError as error:
            self._refused(error.message)
            return False
        return True

    async def take(self) -> bool:
        """Have him called back, in his place. False where he cannot be after all."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept())
        try:
            await asyncio.shield(self._accepting)
        except (EngineError, StoreError) as error:
            self._accepting = None
            self._refused(error.message)
            return False
        return True

    async def _accept(self) -> Job:
        incoming, intake = self._incoming, self._services.intake
        assert intake is not None and incoming.party.number is not None
        whisper = incoming.whisper
        job, _is_replayed = await intake.accept(
            CallbackRequest(
                id=self._id,
                to=incoming.party.number,
                queue=incoming.queue,
                context=incoming.context,
                whisper=WhisperSpec(text=whisper) if whisper else None,
                trunk=incoming.ruling.trunk,
                skills=incoming.skills or None,
                known_agent=self._known_agent,
                centre=incoming.ruling.centre,
                script=incoming.ruling.script,
                priority=incoming.priority,
                record=incoming.is_recorded,
                not_before=self._clock() + HELD_S,
            ),
            queue_joined_at=self.joined_at,
        )
        return job

    @property
    def _known_agent(self) -> str | None:
        agents, known = self._services.agents, self._incoming.known_agent
        return known if known is not None and agents is not None and known in agents else None

    @property
    def _id(self) -> str:
        return f"{self._incoming.call}-callback"

    async def fall_due(self) -> Job | None:
        """The caller has hung up: he may be called. None where his wish was not taken after all."""
        if self._accepting is None:
            return None
        await asyncio.wait([self._accepting], timeout=ACCEPT_LIMIT_S)
        if not self._accepting.done() or self._accepting.exception() is not None:
            return None
        job = self._accepting.result()
        intake = self._services.intake
        # One that joined another job, or was scheduled for later, has its own time.
        if intake is not None and job.id == self._id and job.scheduled is None:
            try:
                await intake.reschedule(job, Reschedule(id=job.id, not_before=self._clock()))
            except (EngineError, StoreError) as error:
                log.warning("callback_held", job=job.id, reason=error.message)
        return job

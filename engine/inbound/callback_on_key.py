"""Queue callback: a waiting caller presses a key and is called back in their queue position.

The callback is stored before the caller hears of it, and holds if they hang up meanwhile. It is not
due before they have hung up, so that their line is free.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from ..calls.agent_wait import HELD_S
from ..calls.services import CallServices
from ..clock import shifted
from ..errors import BadParams, EngineError
from ..job import Job
from ..request import CallbackRequest, Reschedule, SlotSpec, WhisperSpec
from ..routing.admission import AdmissionQuery
from .call_info import InboundCallInfo
from .services import InboundServices

log = structlog.get_logger()

ACCEPT_LIMIT_S: Final = 5.0


class CallbackOnKey:
    """The callback that the caller of one call may ask for.

    `on_accepted` is called with the job once it is stored, `on_refused` with the reason when the
    caller cannot be called back.
    """

    def __init__(
        self,
        services: CallServices,
        inbound: InboundServices,
        incoming: InboundCallInfo,
        *,
        on_accepted: Callable[[Job], None],
        on_refused: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._inbound = inbound
        self._incoming = incoming
        self._on_accepted = on_accepted
        self._on_refused = on_refused
        self._clock = clock
        self.joined_at: float | None = None
        """The caller's queue position, once they have one."""
        self._accepting: asyncio.Task[Job] | None = None
        self.refused = ""
        """Why the caller cannot be called back, once that is known."""

    @property
    def is_requested(self) -> bool:
        """Whether the caller is going to be called back, as far as is known by now."""
        return self._accepting is not None

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the position is as old as before."""
        self.joined_at = shifted(self.joined_at, by_s)

    def can_call_back(self) -> bool:
        """Whether the caller can be called back. Asked before the ringing of agents stops."""
        try:
            number = self.called_back_at()
            trunk = self._incoming.ruling.trunk
            self._services.dialplan.destination(number, field="to", trunk=trunk)
            self._inbound.admission.check(AdmissionQuery(to=number), self._clock())
        except EngineError as error:
            self._refuse(error.message)
            return False
        return True

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self._on_refused(reason)

    @property
    def line(self) -> str | None:
        """What a callback to the caller would dial: their line; None where there is none."""
        try:
            return self.called_back_at()
        except EngineError:
            return None

    def called_back_at(self) -> str:
        """The caller's number, or their extension at the trunk that brought them in.

        Raises EngineError `refused` where the number is withheld.
        """
        party = self._incoming.party
        if party.number is not None:
            return party.number
        if party.extension is not None:
            return self._services.dialplan.at_trunk(party.extension, self._incoming.trunk)
        raise EngineError("refused", "the number is withheld")

    @property
    def waits_as(self) -> str | None:
        """The callback's id, where it will wait in the caller's position, as far as is known."""
        if self._accepting is None:
            return None
        if not self._accepting.done():
            return self._id
        return self._id if self._is_own(self._accepting.result()) else None

    def _is_own(self, job: Job) -> bool:
        """Whether it has the caller's position: it joined no other job, and is not for later."""
        return job.id == self._id and job.scheduled is None

    async def request_callback(self) -> bool:
        """Request a callback in the caller's position. False where that failed after all."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept())
        try:
            await asyncio.shield(self._accepting)
        except (EngineError, BadParams) as error:
            self._accepting = None
            self._refuse(str(error))
            return False
        return True

    async def _accept(self) -> Job:
        request = self._request(
            self.called_back_at(), not_before=self._clock() + HELD_S, id=self._id
        )
        accepted = await self._inbound.intake.accept(request, queue_joined_at=self.joined_at)
        self._on_accepted(accepted.job)
        return accepted.job

    async def accept(
        self, to: str, *, not_before: float | None, slot: SlotSpec | None, source: str | None
    ) -> Job:
        """Have `to` called at that time, or as soon as it may be. `source` counts for the limits.

        Raises EngineError.
        """
        request = self._request(to, not_before=not_before, slot=slot, source=source)
        accepted = await self._inbound.intake.accept(request)
        self._on_accepted(accepted.job)
        return accepted.job

    def _request(
        self,
        to: str,
        *,
        not_before: float | None,
        id: str | None = None,
        slot: SlotSpec | None = None,
        source: str | None = None,
    ) -> CallbackRequest:
        incoming = self._incoming
        whisper = incoming.whisper
        return CallbackRequest(
            id=id,
            to=to,
            source=source,
            slot=slot,
            queue=incoming.queue or None,
            context=incoming.context,
            whisper=WhisperSpec(text=whisper) if whisper else None,
            trunk=incoming.ruling.trunk,
            skills=incoming.skills or None,
            known_agent=self._known_agent,
            centre=incoming.ruling.centre,
            script=incoming.ruling.script,
            priority=incoming.priority,
            record=incoming.is_recorded,
            not_before=not_before,
        )

    @property
    def _known_agent(self) -> str | None:
        known = self._incoming.known_agent
        return known if known in self._services.agents else None

    @property
    def _id(self) -> str:
        return f"{self._incoming.call}-callback"

    async def make_due(self) -> Job | None:
        """The caller has hung up: let the callback be due now. None where there is none."""
        if self._accepting is None:
            return None
        await asyncio.wait([self._accepting], timeout=ACCEPT_LIMIT_S)
        if not self._accepting.done() or self._accepting.exception() is not None:
            self._services.queues.release_place(self._id)
            return None
        job = self._accepting.result()
        if not self._is_own(job):
            self._services.queues.release_place(self._id)
        else:
            try:
                change = Reschedule(id=job.id, not_before=self._clock())
                await self._inbound.intake.reschedule(job, change)
            except EngineError as error:
                log.warning("callback_held", job=job.id, reason=error.message)
        return job

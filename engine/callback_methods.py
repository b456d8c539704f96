"""The methods of the control protocol that are about callbacks: callback.*."""

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from .control import Method, Peer
from .job import TERMINAL_STATES, Job, Request
from .protocol import CallbackRequest, EngineError, JobQuery, JobRef

if TYPE_CHECKING:
    from .daemon import Daemon


class CallbackMethods:
    """What a client may do with callback jobs."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        self._board = daemon.board
        self._dispatcher = daemon.dispatcher
        # Ids whose job is on its way to the disk, so that two requests cannot both be first.
        self._accepting: dict[str, asyncio.Future[None]] = {}

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "callback.request": Method(CallbackRequest, self._request),
            "callback.get": Method(JobRef, self._get),
            "callback.cancel": Method(JobRef, self._cancel),
            "callback.list": Method(JobQuery, self._list),
        }

    async def _request(self, params: CallbackRequest, _peer: Peer) -> dict[str, Any]:
        fingerprint = _fingerprint(params)
        job_id = params.id or f"cb-{self._board.new_id()}"
        if params.id is not None:
            pending = self._accepting.get(job_id)
            if pending is not None:
                await asyncio.wait([pending])
            known = self._find(job_id)
            if known is not None:
                if known.fingerprint != fingerprint:
                    reason = f"job {job_id} exists and was requested with other parameters"
                    raise EngineError("conflict", reason, field="id")
                return known.view() | {"replayed": True}
        if self._dispatcher.draining:
            raise EngineError("unavailable", "the engine is draining and takes no new callbacks")
        params.require_party()
        request = self._accept(params)
        job = Job(id=job_id, request=request, fingerprint=fingerprint, created=time.time())
        # Known to the disk with the acceptance, so that it costs no commit of its own.
        job.under_way = self._dispatcher.will_start(job)
        accepted = asyncio.get_running_loop().create_future()
        self._accepting[job_id] = accepted
        try:
            await self._board.store.save(job, durable=True)
        finally:
            del self._accepting[job_id]
            accepted.set_result(None)
        view = job.view() | {"replayed": False}
        self._dispatcher.submit(job)
        return view

    def _accept(self, params: CallbackRequest) -> Request:
        """The request with its defaults filled in. Raises EngineError where it is refused."""
        plan, dial = self._board.dialplan, self._board.dial
        if params.queue is not None:
            reason = f"there is no queue named {params.queue!r}"
            raise EngineError("refused", reason, field="queue")
        agent = params.agent or ""
        plan.destination(agent, field="agent", trunk=params.trunk)
        plan.destination(params.to, field="to", trunk=params.trunk)
        whisper = self._whisper(params)
        self._board.whisperer.check(whisper)
        if params.deadline is not None and params.deadline <= time.time():
            raise EngineError("refused", "the deadline has already passed", field="deadline")
        return Request(
            to=params.to,
            agent=agent,
            order=params.order or "agent_first",
            context=params.context or {},
            whisper=whisper,
            caller_id=params.caller_id,
            trunk=params.trunk,
            priority=params.priority or 0,
            not_before=params.not_before,
            deadline=params.deadline,
            max_attempts=params.max_attempts or dial.max_attempts,
            ring_s=params.ring_s or dial.ring_s,
            max_duration_s=params.max_duration_s or dial.max_duration_s,
            record=params.record or False,
        )

    def _whisper(self, params: CallbackRequest) -> dict[str, Any] | None:
        whisper = params.whisper
        if whisper is not None:
            tone = f"{whisper.tone:g}" if isinstance(whisper.tone, float) else whisper.tone
            said = {"text": whisper.text, "file": whisper.file, "tone": tone}
            return {name: value for name, value in said.items() if value is not None}
        template = self._daemon.settings.whisper.default
        return {"template": template} if template else None

    def _find(self, job_id: str) -> Job | None:
        return self._dispatcher.job(job_id) or self._board.store.find(job_id)

    def _known(self, job_id: str) -> Job:
        job = self._find(job_id)
        if job is None:
            raise EngineError("not_found", f"there is no job {job_id}", field="id")
        return job

    def _get(self, params: JobRef, _peer: Peer) -> dict[str, Any]:
        return self._known(params.id).view()

    async def _cancel(self, params: JobRef, _peer: Peer) -> dict[str, Any]:
        job = self._known(params.id)
        if job.state in TERMINAL_STATES:
            raise EngineError("state", f"job {job.id} has already ended: {job.state}", field="id")
        await self._dispatcher.cancel(job)
        return job.view()

    async def _list(self, params: JobQuery, _peer: Peer) -> dict[str, Any]:
        jobs, cursor = await self._board.store.list(params.state, params.limit, params.cursor)
        # An open job is ahead of its stored image.
        current = [self._dispatcher.job(job.id) or job for job in jobs]
        return {"jobs": [job.view() for job in current], "cursor": cursor}


def _fingerprint(params: CallbackRequest) -> str:
    """The same for requests that ask for the same thing, whatever the order of their members."""
    asked = msgspec.json.encode(params, order="deterministic")
    return hashlib.sha256(asked).hexdigest()

"""The control protocol's methods: what each does with the engine."""

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from media.errors import MediaError

from .call import Call
from .control import Method, Peer
from .job import TERMINAL_STATES, Job, Request
from .protocol import (
    CallbackRequest,
    CallRef,
    DrainRequest,
    EngineError,
    JobQuery,
    JobRef,
    NoParams,
)

if TYPE_CHECKING:
    from .daemon import Daemon

STATS_LIMIT_S = 1.0


class Methods:
    """Every method of the protocol but those of the wire itself (subscribing, authenticating)."""

    def __init__(self, daemon: "Daemon", version: str) -> None:
        self._daemon = daemon
        self._board = daemon.board
        self._dispatcher = daemon.dispatcher
        self._version = version
        # Ids whose job is on its way to the disk, so that two requests cannot both be first.
        self._accepting: dict[str, asyncio.Future[None]] = {}

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "ping": Method(NoParams, self._ping),
            "callback.request": Method(CallbackRequest, self._request),
            "callback.get": Method(JobRef, self._get),
            "callback.cancel": Method(JobRef, self._cancel),
            "callback.list": Method(JobQuery, self._list),
            "call.list": Method(NoParams, self._calls),
            "call.get": Method(CallRef, self._call),
            "call.hangup": Method(CallRef, self._hang_up),
            "engine.status": Method(NoParams, self._status),
            "engine.drain": Method(DrainRequest, self._drain),
        }

    def _ping(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        return {"version": self._version, "epoch": self._daemon.events.epoch}

    # -- callbacks --------------------------------------------------------------------------

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
            order=params.order,
            context=params.context or {},
            whisper=whisper,
            caller_id=params.caller_id,
            trunk=params.trunk,
            priority=params.priority,
            not_before=params.not_before,
            deadline=params.deadline,
            max_attempts=params.max_attempts or dial.max_attempts,
            ring_s=params.ring_s or dial.ring_s,
            max_duration_s=params.max_duration_s or dial.max_duration_s,
            record=params.record,
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

    # -- calls ------------------------------------------------------------------------------

    def _calls(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        return {"calls": [call.view() for call in self._board.register.calls.values()]}

    async def _call(self, params: CallRef, _peer: Peer) -> dict[str, Any]:
        call = self._find_call(params)
        for leg in call.legs:
            try:
                async with asyncio.timeout(STATS_LIMIT_S):
                    await leg.refresh_stats()
            except (MediaError, TimeoutError):
                continue
        return call.view()

    def _hang_up(self, params: CallRef, _peer: Peer) -> dict[str, Any]:
        call = self._find_call(params)
        callback = self._dispatcher.callback_of(call.id)
        if callback is None:
            raise EngineError("state", f"call {call.id} is already over")
        callback.hang_up(params.leg)
        return call.view()

    def _find_call(self, params: CallRef) -> Call:
        register = self._board.register
        if params.call is not None:
            call = register.calls.get(params.call)
            if call is None:
                raise EngineError("not_found", f"there is no call {params.call}", field="call")
            return call
        for call in register.calls.values():
            if any(leg.id == params.leg for leg in call.legs):
                return call
        raise EngineError("not_found", f"there is no leg {params.leg}", field="leg")

    # -- the engine -------------------------------------------------------------------------

    async def _status(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        daemon, register = self._daemon, self._board.register
        return {
            "version": self._version,
            "epoch": daemon.events.epoch,
            "uptime_s": time.time() - daemon.started_at,
            "draining": self._dispatcher.draining,
            "jobs": await self._board.store.count(),
            "calls": len(register.calls),
            "legs": len(register.legs),
            "media": {
                "pids": daemon.media.pids,
                "workers": [
                    msgspec.structs.asdict(counters) for counters in await daemon.media.counters()
                ],
            },
            "sip": self._sip_view(),
            "tasks": len(asyncio.all_tasks()),
            "trunks": daemon.trunks.view(),
            "store": daemon.store.status(),
            "events": {"seq": daemon.events.seq, "subscribers": daemon.events.listeners},
        }

    def _sip_view(self) -> dict[str, Any]:
        endpoint = self._daemon.sip
        agent = endpoint.ua
        return {
            "listen": [str(address) for address in endpoint.addresses],
            "sessions": agent.session_count,
            "dialogs": agent.dialog_count,
            "transactions": agent.transaction_count,
            "timers": agent.timer_count,
            "counters": agent.counters.as_dict(),
        }

    async def _drain(self, params: DrainRequest, _peer: Peer) -> dict[str, Any]:
        self._daemon.events.publish("engine.draining")
        drained = await self._dispatcher.drain(params.timeout_s)
        if params.stop:
            # After this reply is on its way.
            asyncio.get_running_loop().call_later(0.1, self._daemon.stop_requested.set)
        return {"drained": drained, "active": self._dispatcher.active}


def _fingerprint(params: CallbackRequest) -> str:
    """The same for requests that ask for the same thing, whatever the order of their members."""
    asked = msgspec.json.encode(params, order="deterministic")
    return hashlib.sha256(asked).hexdigest()

"""The control protocol's methods: what each does with the engine."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from media.errors import MediaError

from ...calls.call import Call
from ...errors import EngineError
from ..params import CallRef, DrainRequest, NoParams
from ..server import Method, Peer
from .audit import AuditMethods
from .callbacks import CallbackMethods
from .numbers import NumberMethods
from .routes import RouteMethods

if TYPE_CHECKING:
    from ...daemon import Daemon

STATS_LIMIT_S = 1.0


class Methods:
    """Every method of the protocol but those of the wire itself (subscribing, authenticating)."""

    def __init__(self, daemon: "Daemon", version: str) -> None:
        self._daemon = daemon
        self._services = daemon.services
        self._dispatcher = daemon.dispatcher
        self._version = version
        self._callbacks = CallbackMethods(daemon)

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "ping": Method(NoParams, self._ping),
            **self._callbacks.table(),
            **NumberMethods(self._daemon.admission).table(),
            **self._daemon.call_centre.table(),
            **self._daemon.reporting.table(),
            **self._daemon.reload.table(),
            **RouteMethods(
                router=self._daemon.router,
                admission=self._daemon.admission,
                dialplan=self._daemon.services.dialplan,
                trunks=self._daemon.trunks,
                agents=self._daemon.call_centre.agents,
                queues=self._daemon.call_centre.queues,
                inbound=self._daemon.inbound,
            ).table(),
            **AuditMethods(self._daemon.store).table(),
            "call.list": Method(NoParams, self._calls),
            "call.get": Method(CallRef, self._call),
            "call.hangup": Method(CallRef, self._hang_up),
            "engine.status": Method(NoParams, self._status),
            "engine.drain": Method(DrainRequest, self._drain),
        }

    def _ping(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        return {"version": self._version, "epoch": self._daemon.events.epoch}

    # -- calls ------------------------------------------------------------------------------

    def _calls(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        return {"calls": [call.view() for call in self._services.registry.calls.values()]}

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
        owner = call.owner or self._dispatcher.callback_of(call.id)
        if owner is None:
            raise EngineError("state", f"call {call.id} is already over")
        if any(leg.id == params.leg and leg.hangup_cause is not None for leg in call.legs):
            raise EngineError("state", f"leg {params.leg} has already ended", field="leg")
        owner.hang_up(params.leg)
        return call.view()

    def _find_call(self, params: CallRef) -> Call:
        register = self._services.registry
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
        daemon, register = self._daemon, self._services.registry
        return {
            "version": self._version,
            "epoch": daemon.events.epoch,
            "uptime_s": time.time() - daemon.started_at,
            "draining": self._dispatcher.draining,
            "jobs": await self._services.store.count(),
            "calls": len(register.calls),
            "legs": len(register.legs),
            "media": {
                "pids": daemon.media.pids,
                "workers": [
                    msgspec.structs.asdict(counters) for counters in await daemon.media.counters()
                ],
            },
            "sip": self._sip_view(),
            "inbound": daemon.inbound.status(),
            "tasks": len(asyncio.all_tasks()),
            "queues": daemon.call_centre.queues.status(),
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
        dispatcher, inbound = self._dispatcher, self._daemon.inbound
        drained = await asyncio.gather(
            dispatcher.drain(params.timeout_s), inbound.drain(params.timeout_s)
        )
        if params.stop:
            # After this reply is on its way.
            asyncio.get_running_loop().call_later(0.1, self._daemon.stop_requested.set)
        return {"drained": all(drained), "active": dispatcher.active + inbound.active}

"""The methods of the control protocol that are about the engine: ping, engine.*."""

import asyncio
from typing import Protocol, TypedDict

from config.difference import ConfigurationChanges

from ...store.event_log import EventLog
from ..connections.peer import Peer
from ..engine_status import EngineView, Traffic
from ..method import Method
from ..params import DrainRequest, NoParams, ReloadRequest
from ..status_view import EngineStatus, Identity

# How long the reply to engine.drain may take to be sent before the engine stops.
STOP_DELAY_S = 0.1


class Reloads(Protocol):
    """Reads the configuration again."""

    async def run(self, *, check: bool = False, by: str = "") -> ConfigurationChanges:
        """Read, check and, without `check`, apply it. Returns what is different."""
        ...


class Drained(TypedDict):
    """engine.drain."""

    drained: bool
    """Whether nothing is under way any more."""
    active: int
    """How many callbacks and calls are."""


class EngineMethods:
    """What a client may ask of the engine as a whole. `stop` ends it once it is set."""

    def __init__(
        self,
        engine: EngineView,
        traffic: Traffic,
        events: EventLog,
        reload: Reloads,
        stop: asyncio.Event,
    ) -> None:
        self._reloads = reload
        self._engine = engine
        self._traffic = traffic
        self._events = events
        self._stop = stop

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "ping": Method(NoParams, self._ping),
            "engine.status": Method(NoParams, self._status, is_costly=True),
            "engine.drain": Method(DrainRequest, self._drain),
            "engine.reload": Method(ReloadRequest, self._reload),
        }

    def _ping(self, _params: NoParams, _peer: Peer) -> Identity:
        return self._engine.identity()

    async def _status(self, _params: NoParams, _peer: Peer) -> EngineStatus:
        return await self._engine.status()

    async def _drain(self, params: DrainRequest, _peer: Peer) -> Drained:
        self._events.publish("engine.draining")
        drained = await self._traffic.drain(params.timeout_s)
        if params.stop:
            asyncio.get_running_loop().call_later(STOP_DELAY_S, self._stop.set)
        return {"drained": drained, "active": self._traffic.active}

    async def _reload(self, params: ReloadRequest, peer: Peer) -> ConfigurationChanges:
        return await self._reloads.run(check=params.check, by=peer.who)

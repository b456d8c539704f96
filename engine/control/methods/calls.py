"""The methods of the control protocol that are about calls that are up: call.*."""

import asyncio
from typing import TypedDict

from media.errors import MediaError

from ...callbacks.dispatcher import Dispatcher
from ...calls.call import Call, CallRegistry, CallView
from ...errors import EngineError
from ..method import Method
from ..params import CallRef, NoParams
from ..peer import Peer

STATS_LIMIT_S = 1.0


class CallList(TypedDict):
    """call.list."""

    calls: list[CallView]
    """The calls that are up."""


class CallMethods:
    """What a client may do with calls."""

    def __init__(self, registry: CallRegistry, dispatcher: Dispatcher) -> None:
        self._registry = registry
        self._dispatcher = dispatcher

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.list": Method(NoParams, self._list),
            "call.get": Method(CallRef, self._get),
            "call.hangup": Method(CallRef, self._hang_up),
        }

    def _list(self, _params: NoParams, _peer: Peer) -> CallList:
        return {"calls": [call.view() for call in self._registry.calls.values()]}

    async def _get(self, params: CallRef, _peer: Peer) -> CallView:
        call = self._find_call(params)
        for leg in call.legs:
            try:
                async with asyncio.timeout(STATS_LIMIT_S):
                    await leg.refresh_stats()
            except (MediaError, TimeoutError):
                continue
        return call.view()

    def _hang_up(self, params: CallRef, _peer: Peer) -> CallView:
        call = self._find_call(params)
        owner = call.owner or self._dispatcher.callback_of(call.id)
        if owner is None:
            raise EngineError("state", f"call {call.id} is already over")
        if any(leg.id == params.leg and leg.hangup_cause is not None for leg in call.legs):
            raise EngineError("state", f"leg {params.leg} has already ended", field="leg")
        owner.hang_up(params.leg)
        return call.view()

    def _find_call(self, params: CallRef) -> Call:
        calls = self._registry.calls
        if params.call is not None:
            call = calls.get(params.call)
            if call is None:
                raise EngineError("not_found", f"there is no call {params.call}", field="call")
            return call
        for call in calls.values():
            if any(leg.id == params.leg for leg in call.legs):
                return call
        raise EngineError("not_found", f"there is no leg {params.leg}", field="leg")

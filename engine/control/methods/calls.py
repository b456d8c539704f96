"""The methods of the control protocol that are about calls that are up: call.*."""

import asyncio
from typing import TypedDict

from media.errors import MediaError

from ...callbacks.dispatcher import Dispatcher
from ...calls.call import Call, CallOwner, CallRegistry, CallView, TransferOrder
from ...calls.hangup_cause import BY_COMMAND
from ...calls.supervision.supervisors import SuperviseOrder
from ...calls.transfers.request import handover_target
from ...errors import EngineError
from ...routing.dialplan import Dialplan
from ...routing.targets.stream_target import Handover
from ...store.cursor import never_given
from ..connections.peer import Peer
from ..method import Method
from ..params import CallRef, SuperviseParams, TransferParams
from .pages import Paged, page_of

STATS_LIMIT_S = 1.0


class CallList(TypedDict):
    """call.list."""

    calls: list[CallView]
    """The calls that are up."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class CallQuery(Paged):
    """call.list: in the order in which they began."""


class CallMethods:
    """What a client may do with calls."""

    def __init__(self, registry: CallRegistry, dispatcher: Dispatcher, dialplan: Dialplan) -> None:
        self._registry = registry
        self._dispatcher = dispatcher
        self._dialplan = dialplan

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.list": Method(CallQuery, self._list, is_large=True),
            "call.get": Method(CallRef, self._get),
            "call.hangup": Method(CallRef, self._hang_up),
            "call.supervise": Method(SuperviseParams, self._supervise),
            "call.transfer": Method(TransferParams, self._transfer),
        }

    async def _list(self, params: CallQuery, _peer: Peer) -> CallList:
        after = _read_cursor(params.cursor)
        calls = sorted(self._registry.calls.values(), key=_order)
        wanted = (call for call in calls if _order(call) > after)
        page = await page_of(wanted, Call.view, params.limit)
        last = page.last
        cursor = None if last is None else f"{last.started!r}/{last.id}"
        return {"calls": page.views, "cursor": cursor}

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
        owner = self._owner_of(call)
        if any(leg.id == params.leg and leg.hangup_cause is not None for leg in call.legs):
            raise EngineError("state", f"leg {params.leg} has already ended", field="leg")
        supervisor = call.supervisors.at_leg(params.leg)
        if supervisor is not None:  # the call goes on without them
            supervisor.leg.hang_up(BY_COMMAND)
        else:
            owner.hang_up(params.leg)
        return call.view()

    def _supervise(self, params: SuperviseParams, _peer: Peer) -> CallView:
        """Ring a supervisor, or change what one does: events say what becomes of it."""
        call = self._find_call(params)
        owner = self._owner_of(call)
        if params.agent is not None:
            to = params.agent
            destination = self._dialplan.agent_destinations(to, field="agent")[0]
        else:
            to = params.to or ""
            destination = self._dialplan.destination(to, field="to")
        owner.supervise(SuperviseOrder(to, destination, params.mode, params.leg, params.ring_s))
        return call.view()

    def _owner_of(self, call: Call) -> CallOwner:
        owner = call.owner or self._dispatcher.callback_of(call.id)
        if owner is None:
            raise EngineError("state", f"call {call.id} is already over")
        return owner

    def _transfer(self, params: TransferParams, _peer: Peer) -> CallView:
        """Begin a transfer: events say what becomes of it."""
        call = self._find_call(params)
        owner = self._owner_of(call)
        wanted = Handover(params.queue, params.agent, params.to)
        to, destination = handover_target(wanted, self._dialplan)
        owner.transfer(
            TransferOrder(params.leg, to, destination, params.mode, params.ring_s, params.how)
        )
        return call.view()

    def _find_call(self, params: CallRef | TransferParams | SuperviseParams) -> Call:
        return self._registry.call_of(params.call, params.leg)


def _order(call: Call) -> tuple[float, str]:
    return call.started, call.id


def _read_cursor(cursor: str | None) -> tuple[float, str]:
    if cursor is None:
        return 0.0, ""
    started, _slash, call_id = cursor.partition("/")
    try:
        return float(started), call_id
    except ValueError as error:
        raise never_given("call.list") from error

"""Two legs who talk, until one hangs up, the time is over, or one of them is transferred."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sip.usage import ReferralUsage

from ..errors import BadParams, EngineError
from ..request import check_context
from ..routing.targets.stream_target import StreamFallback
from .bridge import Bridge
from .call import TransferOrder
from .cancel_scope import while_up
from .leg import Leg
from .legs.leg_listener import EitherEnded, LegListener, ObservedLeg
from .services import CallServices
from .transfers.bridged import BridgedTransfer
from .transfers.joined import LentPartner
from .transfers.lost_bot import LostBotAnnouncement
from .transfers.phone_refer import PhoneRefer
from .transfers.report import publish_refused
from .transfers.request import (
    MOST_TRANSFERS,
    TransferRequest,
    TransferringFlow,
    TransferWay,
    check_third_party,
    handover_target,
    ring_s_of,
)
from .transfers.sent_refer import ReferredTransfer
from .transfers.to_queue import QueueTransfer


class Talk(LegListener):
    """The talk of one call. `parties` are the two who talk now."""

    __slots__ = ("_bridge", "_flow", "_heard", "_requested", "_services", "_transfers", "parties")

    def __init__(
        self, services: CallServices, flow: TransferringFlow, first: Leg, second: Leg
    ) -> None:
        self._services = services
        self._flow = flow
        self.parties = (first, second)
        self._bridge: Bridge | None = None
        self._heard: list[Leg] = []
        self._requested: asyncio.Future[tuple[TransferRequest, TransferWay]] | None = None
        self._transfers = 0

    def join(self) -> None:
        """Let the two hear each other from now on."""
        self._requested = asyncio.get_running_loop().create_future()
        if any(leg.hangup_cause is not None for leg in self.parties):
            return  # a bot that was never there: its partner goes elsewhere
        if self._bridge is None:
            self._bridge = self._bridge_of(*self.parties)
            self._bridge.join()
        for leg in self.parties:
            if leg not in self._heard:
                leg.listen(self)
                self._heard.append(leg)

    @property
    def is_joined(self) -> bool:
        """Whether the two hear each other: no transfer is under way."""
        return self._bridge is not None

    def hear_again(self) -> None:
        """Let the two hear each other after they heard something else."""
        if self._bridge is not None:
            self._bridge.arrange()

    def leave(self) -> None:
        """Take them apart, and hear of them no more."""
        self._part()
        while self._heard:
            self._heard.pop().forget(self)

    def _part(self) -> None:
        bridge, self._bridge, self._requested = self._bridge, None, None
        if bridge is not None:
            bridge.leave()

    async def run(self, limit_s: float) -> None:
        """Let the two talk. Returns after `limit_s`; LegEnded is raised where a third hangs up."""
        try:
            async with asyncio.timeout(limit_s):
                await self._go_on()
        except TimeoutError:
            return

    async def _go_on(self) -> None:
        """Wait until a transfer is asked for, carry it out, and go on with who is left."""
        while True:
            assert self._requested is not None
            request, way = await self._requested
            if not request.goes_on:
                self._part()
            self._transfers += 1
            third = await way.connect(partial(self._consult, request))
            if third is None:
                self.join()
                continue
            self.leave()
            self.parties = (third, request.stays)
            async with while_up(third):
                self.join()
                await self._go_on()

    def _bridge_of(self, *parties: Leg) -> Bridge:
        services = self._services
        return Bridge(
            parties,
            media=services.media,
            hold=services.hold,
            publish=self._flow.legs.publish,
            supervisors=(self._flow.call.supervisors,),
        )

    async def _consult(self, request: TransferRequest, third: Leg) -> bool:
        """Let who leaves talk with the third first, or (warm) all three. True once they hang up."""
        leaves = request.leaves
        if leaves.hangup_cause is not None:
            return True
        ended = EitherEnded()
        self._part()
        is_warm = request.mode == "warm"
        bridge = self._bridge_of(leaves, *((request.stays,) if is_warm else ()), third)
        bridge.join()
        for leg in (leaves, third):
            leg.listen(ended)
        try:
            await ended.wait()
        finally:
            for leg in (leaves, third):
                leg.forget(ended)
            bridge.leave()
        return third.hangup_cause is None

    # -- who asks for a transfer ------------------------------------------------------------

    def transfer(self, order: TransferOrder) -> Leg | None:
        """Transfer a leg by command; where none is named, the customer's. Raises EngineError.

        Returns the leg to the third party; None: it is a queue.
        """
        stays = self._leg_that_stays(order.leg)
        request = TransferRequest(
            stays,
            self._partner_of(stays),
            order.to,
            order.destination,
            order.ring_s or ring_s_of(order.destination, self._services.dial),
            order.mode,
            "command",
            how=order.how,
        )
        way = self._admit(request)
        self._begin(request, way)
        return way.third if isinstance(way, BridgedTransfer) else None

    def transfer_requested(self, leg: ObservedLeg, referral: ReferralUsage) -> bool:
        """The phone of a leg asks by REFER that its partner be connected with somebody else."""
        leaves = next(one for one in self.parties if one is leg)
        stays = self._partner_of(leaves)
        if stays not in self._flow.call.legs:
            return False  # of another call, whose talk it is
        refer = PhoneRefer(self._services, self._flow, referral, leaves=leaves, stays=stays)
        transfer = refer.judge(self._check_may_transfer, self._admit)
        if transfer is not None:
            self._begin(*transfer)
        return True

    def partner_wanted(self, leg: ObservedLeg, third: ObservedLeg) -> Leg | None:
        """See LegListener. From now on the talk is that of the call of `third`."""
        leaves = next(one for one in self.parties if one is leg)
        partner, services = self._partner_of(leaves), self._services
        assert isinstance(third, Leg)
        try:
            self._check_may_transfer()
        except EngineError:
            return None
        if partner not in self._flow.call.legs or not services.media.are_together(
            partner.id, third.id
        ):
            return None
        request = TransferRequest(
            partner, leaves, third.record.uri, third.destination, 0.0, mode="attended"
        )
        self._begin(request, LentPartner(request, third, self._flow, services))
        self.leave()
        return partner

    def handover_requested(
        self, leg: ObservedLeg, wanted: StreamFallback, on_failed: Callable[[str], None]
    ) -> bool:
        """A bot wants its partner connected elsewhere, or was lost and has a fallback."""
        leaves = next(one for one in self.parties if one is leg)
        stays, services = self._partner_of(leaves), self._services
        if wanted.handover is None:
            if self._requested is None or self._requested.done():
                return False
            request = TransferRequest(stays, leaves, "", None, 0.0, by="bot")
            self._begin(request, LostBotAnnouncement(request, wanted.announcement, services))
            return True
        try:
            self._check_added(wanted.handover.context)
            to, destination = handover_target(wanted.handover, services.dialplan)
            request = TransferRequest(
                stays,
                leaves,
                to,
                destination,
                ring_s_of(destination, services.dial),
                by="bot",
                on_failed=on_failed,
            )
            way = self._admit(request)
        except EngineError as error:
            publish_refused(self._flow, stays, leaves, wanted.handover.text, "bot", error)
            on_failed(error.message)
            return False
        self._flow.add_context(wanted.handover.context)
        self._begin(request, way)
        return True

    def _check_added(self, more: Mapping[str, Any]) -> None:
        """Raise EngineError where the context would be more than a request may have."""
        if not more:
            return
        try:
            check_context({**(self._flow.call.about.get("context") or {}), **more})
        except BadParams as error:
            raise EngineError("refused", f"the context {error}", field="context") from error

    def leg_replaced(self, leg: ObservedLeg) -> None:
        """A party was transferred by its own phone: another is there in its place (RFC 3891).

        A browser that has found its call again is the same party.
        """
        if leg.is_taken_over:
            return
        replaced = next(one for one in self.parties if one is leg)
        about = {
            "leg": self._partner_of(replaced).id,
            "from_leg": leg.id,
            "to": leg.record.uri,
            "mode": "attended",
            "how": "replaces",
            "by": "phone",
        }
        self._flow.publish("transfer.started", **about)
        self._flow.publish("transfer.completed", **about, new_leg=leg.id)
        self._flow.party_replaced(replaced)

    def _admit(self, request: TransferRequest) -> TransferWay:
        """How it is carried out. The third party is counted as called from now on.

        Raises EngineError.
        """
        self._check_may_transfer()
        flow, services = self._flow, self._services
        if request.destination is None:
            if request.stays.role != "customer":
                raise EngineError("refused", "only customers wait in queues", field="leg")
            services.queues.check(request.to, "call")
            return QueueTransfer(request, flow, services)
        check_third_party(request.destination, self.parties, services.dialplan)
        if request.how == "refer":
            request.destination.uri_for_phones("to")
        way = ReferredTransfer if request.how == "refer" else BridgedTransfer
        return way(request, flow.admit_third(request), flow, services)

    def _check_may_transfer(self) -> None:
        if self._requested is None or self._requested.done():
            raise EngineError("state", "a transfer is under way")
        if self._transfers >= MOST_TRANSFERS:
            reason = f"the call was transferred {MOST_TRANSFERS} times already"
            raise EngineError("refused", reason, field="to")

    def _begin(self, request: TransferRequest, way: TransferWay) -> None:
        assert self._requested is not None
        self._requested.set_result((request, way))

    def _leg_that_stays(self, leg_id: str | None) -> Leg:
        for leg in self.parties:
            is_named = leg.id == leg_id or (leg_id is None and leg.role == "customer")
            if is_named and leg in self._flow.call.legs:
                return leg
        raise EngineError("state", f"leg {leg_id} does not talk", field="leg")

    def _partner_of(self, leg: Leg) -> Leg:
        first, second = self.parties
        return second if leg is first else first

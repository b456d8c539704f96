"""The operators whom a call that came in is offered to: how dialled, and what they are told."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..acd.waiting import Offer
from ..calls.agent_ringer import AgentRinger, candidates_of
from ..calls.call_legs import CallLegs, codecs_like
from ..calls.leg import DEFAULT_CALLER, Caller, Leg
from ..calls.services import CallServices
from ..calls.templates import context_headers
from ..job import OFFERS_KEPT, OfferRecord
from ..routing.dialplan import Destination
from .call_info import InboundCallInfo


class CallerOperators:
    """Makes the operators of one call. `offers` is whom it was offered to last, the newest last."""

    def __init__(
        self,
        services: CallServices,
        incoming: InboundCallInfo,
        legs: CallLegs,
        caller: Leg,
        publish: Callable[..., None],
    ) -> None:
        self._services = services
        self._incoming = incoming
        self._legs = legs
        self._caller = caller
        self._publish = publish
        self.offers: list[OfferRecord] = []

    def ask(self, whom: Offer | Destination) -> AgentRinger:
        """The operators of an offer, or whoever has the outside number; not rung yet."""
        offer = whom if isinstance(whom, Offer) else None
        ring_s = self._incoming.ruling.ring_s or self._services.dial.ring_s
        ring_s = ring_s if offer is None else offer.ring_s
        return AgentRinger(
            candidates_of(whom, self._services),
            self._services,
            offer=offer,
            new_leg=partial(self._legs.make, "agent"),
            dial=partial(self._dial, ring_s),
            publish=self._publish,
            beside=self._caller,
            on_offer=self._offered,
            told=self._told,
            line=self._legs.line,
            let_go=self._legs.let_go,
        )

    @property
    def agent(self) -> str | None:
        """The operator who answered last, else the one who was asked last."""
        for offer in reversed(self.offers):
            if offer.answered is not None:
                return offer.agent
        return self.offers[-1].agent if self.offers else self._incoming.agent

    def _offered(self, record: OfferRecord) -> None:
        self.offers = [*self.offers[-(OFFERS_KEPT - 1) :], record]

    async def _dial(self, ring_s: float, leg: Leg) -> None:
        incoming, dial = self._incoming, self._services.dial
        shown = incoming.ruling.caller_id or incoming.party.user
        self._legs.add(leg)
        await leg.dial(
            caller=Caller(shown, default=dial.caller_id or DEFAULT_CALLER),
            ring_s=ring_s,
            codecs=codecs_like(self._caller),
            headers=context_headers(dial.headers, incoming.subject),
        )

    def _told(self) -> dict[str, Any]:
        """What the operator's screen is told before his phone rings."""
        number, history = self._incoming.party.number, self._services.history
        return {
            "number": number,
            "history": [] if history is None else history.of(number),
            "script": self._incoming.ruling.script,
        }

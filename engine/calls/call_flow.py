"""What ringing agents, and waiting for them, needs of the call flow that it is part of."""

from typing import Any, Protocol

from ..job import OfferRecord
from .call import Call
from .call_legs import CallLegs
from .leg import Leg


class CallFlow(Protocol):
    """A flow that joins an agent with a customer: an attempt of a job, or a call that came in."""

    call: Call

    @property
    def legs(self) -> CallLegs:
        """The legs of its call."""

    @property
    def ring_s(self) -> float:
        """How long an outside number is rung. An offer says how long its agents are."""

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent on `leg`. Raises LegEnded where they do not answer within `ring_s`."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the customer before their phone rings."""

    def on_offer(self, record: OfferRecord) -> None:
        """The call is offered to an agent. The record is filled in as the offer goes on."""


class WaitObserver(Protocol):
    """Hears how the wait for an agent goes, and says why it is left."""

    def on_ringing(self, agent: str | None) -> None:
        """Agents begin to be rung; `agent`: one alone."""

    def on_waiting(self) -> None:
        """No agent is being rung any more, and none has answered."""

    def leaving_reason(self) -> str:
        """Why the queue is left when the wait in it is cancelled."""


class WaitingFlow(CallFlow, WaitObserver, Protocol):
    """A flow that hears itself how the wait of its party goes."""


class CustomerHistory(Protocol):
    """The earlier calls of a number."""

    def of(self, called: str | None, /) -> list[dict[str, Any]]:
        """Those of `called` (E.164), newest first, as an agent's screen shows them."""

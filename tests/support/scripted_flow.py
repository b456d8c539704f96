"""A call flow for tests of what rings and waits: it makes legs, and keeps what it hears."""

from typing import Any, cast

from engine.calls.call import Call
from engine.calls.call_legs import CallLegs
from engine.calls.dialling import Caller
from engine.calls.leg import Leg, Role
from engine.job import OfferRecord
from engine.routing.targets.destination import Destination

from .leg_owner import LegOwner
from .scene import Scene


class ScriptedFlow:
    """Takes the place of an attempt or an inbound call, and of its CallLegs.

    `lines` are the agents whose permanent lines are up.
    """

    ring_s = 20.0

    def __init__(self, stage: Scene, *, lines: tuple[str, ...] = ()) -> None:
        self.call = Call("call-1", None)
        self.legs = cast(CallLegs, self)
        self.made: list[Leg] = []
        self.borrowed: dict[str, Leg] = {}
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.offers: list[OfferRecord] = []
        self.seen: list[str] = []
        self._stage = stage
        self._lines = lines

    # -- as CallLegs ----------------------------------------------------------------------------

    def make(self, role: Role, destination: Destination) -> Leg:
        services = self._stage.services
        leg = Leg(
            leg_id=f"leg-{len(self.made)}", role=role, destination=destination,
            sip=services.sip, media=services.media, owner=LegOwner(),
        )  # fmt: skip
        self.made.append(leg)
        return leg

    def borrow_line(self, agent: str) -> Leg | None:
        """The line is one more leg here."""
        if agent not in self._lines:
            return None
        address = self._stage.services.dialplan.destination(agent, field="agent")
        self.borrowed[agent] = self.make("agent", address)
        return self.borrowed[agent]

    def drop(self, _leg: Leg) -> None:
        """`close` releases every leg."""

    async def close(self) -> None:
        """Give every port back."""
        for leg in self.made:
            await leg.release()

    # -- as the flow ----------------------------------------------------------------------------

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        await leg.dial(caller=Caller(None, "ringback"), ring_s=ring_s)

    def publish(self, kind: str, **fields: Any) -> None:
        self.published.append((kind, fields))

    def screen(self) -> dict[str, Any]:
        return {}

    def on_offer(self, record: OfferRecord) -> None:
        self.offers.append(record)

    def on_ringing(self, agent: str | None) -> None:
        self.seen.append("ringing")

    def on_waiting(self) -> None:
        self.seen.append("waiting")

    def leaving_reason(self) -> str:
        return "abandoned"

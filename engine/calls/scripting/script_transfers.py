"""Reaches whom a transfer of a script leads to: an agent, a number outside, or a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from config.streams import shown_url

from ...errors import EngineError
from ...routing.targets.destination import Destination, DialTarget
from ...routing.targets.stream_target import StreamFallback, StreamTarget
from ...scripts.actions import Transfer
from ..agent_wait import AgentWait, WaitPlan
from ..announcing.waiting_room import WaitingRoom
from ..call_flow import CallFlow, WaitObserver
from ..call_result import TurnedAway
from ..leg import Leg, LegEnded
from ..services import CallServices
from ..third_parties import ThirdParties
from ..transfers.queue_wait import NoCallback


class ScriptedCall(CallFlow, Protocol):
    """The call of the party whose script transfers them."""

    @property
    def thirds(self) -> ThirdParties:
        """The third parties of the call."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The party on `leg` has answered. `wait` frees them in the end, where they are an agent."""

    leg: Leg
    wait: AgentWait | None = None


class ScriptTransfers:
    """Reaches third parties for the parties of `flow`. `observer` hears how each wait goes."""

    def __init__(self, services: CallServices, flow: ScriptedCall, observer: WaitObserver) -> None:
        self._services = services
        self._flow = flow
        self._observer = observer

    async def reach(
        self, wanted: Transfer, party: Leg, waiting: Mapping[str, Any], room: WaitingRoom
    ) -> Reached:
        """Ring the target, and wait for its answer. Raises EngineError where nobody answers.

        `waiting` has the members of Waiting that describe the party, who waits in `room`.
        """
        party.hear(self._services.ringing)
        try:
            if wanted.agent:
                return await self._agent(wanted, party, waiting, room)
            return Reached(await self._outside(wanted, party))
        except LegEnded as ended:
            raise EngineError("unavailable", str(ended)) from ended

    async def _agent(
        self, wanted: Transfer, party: Leg, waiting: Mapping[str, Any], room: WaitingRoom
    ) -> Reached:
        """Wait until the agent takes calls, and answers."""
        alone = {"queue": None, "agent": wanted.agent, "known_agent": None, "known_agent_s": None}
        wait = AgentWait(
            self._services,
            self._flow,
            party,
            room=room,
            plan=WaitPlan(waiting={**waiting, **alone}, limit_s=wanted.max_wait_s, only_once=True),
            callback=NoCallback(),
            observer=self._observer,
        )
        try:
            return Reached(await wait.answering_agent(), wait)
        except TurnedAway as turned_away:
            raise EngineError("unavailable", turned_away.result.cause) from turned_away

    async def _outside(self, wanted: Transfer, party: Leg) -> Leg:
        """Call a number outside, or a service, at once."""
        services, flow = self._services, self._flow
        if wanted.stream:
            services.streams.check_room()
            shown = shown_url(wanted.stream)
            given = wanted.fallback.is_given
            fallback = StreamFallback.of(wanted.fallback) if given else None
            target = StreamTarget(wanted.stream, fallback=fallback)
            bot = Destination(shown, (DialTarget(shown, shown),), kind="bot", stream=target)
            leg = flow.legs.make("agent", bot)
        else:
            destination = services.dialplan.destination(wanted.number, field="number")
            leg = flow.thirds.admit(wanted.number, destination, "agent")
        try:
            await leg.open(beside=party)
            await flow.dial_agent(leg, wanted.max_wait_s)
        except BaseException:
            flow.legs.drop(leg)
            raise
        flow.thirds.answered(leg)
        return leg

"""What a client does with streams: begin one for a leg, and end it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from config.streams import shown_url

from ..calls.call import Call, CallOwner, TransferOrder
from ..calls.leg import Leg, LegEnded
from ..calls.services import CallServices
from ..calls.streams.stream_leg import StreamLeg
from ..errors import EngineError
from ..routing.admission import Admission
from ..routing.targets.destination import Destination, DialTarget
from ..routing.targets.stream_target import Handover, StreamFallback, StreamTarget
from .bot_talk import BotTalk
from .controlled_calls import ControlledCalls
from .stream_tap import StreamTap

log = structlog.get_logger()

Mode = Literal["talk", "listen"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A stream that was begun: the leg of the service, and the one whose sound it gets."""

    call: Call
    leg: str
    of_leg: str
    url: str
    mode: Mode
    rate_hz: int


class StreamedCalls:
    """Begins streams for `controlled` calls, and for talks of others; lets services listen to all.

    `owner_of` gives the call flow that a call belongs to; None: it is over.
    """

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        controlled: ControlledCalls,
        owner_of: Callable[[Call], CallOwner | None],
    ) -> None:
        self._services = services
        self._admission = admission
        self._controlled = controlled
        self._owner_of = owner_of
        self._taps: dict[StreamTap, asyncio.Task[None]] = {}

    async def begin(
        self, call_id: str | None, leg_id: str | None, target: StreamTarget, mode: Mode
    ) -> Begun:
        """Begin a stream: events say what becomes of it. Raises EngineError."""
        streams = self._services.streams
        streams.check(target.url, field="url")
        streams.check_room()
        if target.fallback is not None and target.fallback.handover is not None:
            self._check_handover(target.fallback)
        shown = shown_url(target.url)
        destination = Destination(shown, (DialTarget(shown, shown),), kind="bot", stream=target)
        if mode == "listen":
            call, of_leg, stream = await self._listen(call_id, leg_id, destination)
        else:
            call, of_leg, stream = await self._talk(call_id, leg_id, destination)
        return Begun(call, stream.id, of_leg.id, shown, mode, streams.rate_hz(target))

    def _check_handover(self, fallback: StreamFallback) -> None:
        """Raise EngineError where what is named is not there, or may not be dialled."""
        handover, services = fallback.handover or Handover(), self._services
        if handover.queue is not None:
            if handover.queue not in services.queues.shown():
                reason = f"there is no queue named {handover.queue!r}"
                raise EngineError("not_found", reason, field="fallback.queue")
        elif handover.agent is not None:
            services.dialplan.agent_destinations(handover.agent, field="fallback.agent")
        else:
            services.dialplan.destination(handover.to or "", field="fallback.to")

    async def _talk(
        self, call_id: str | None, leg_id: str | None, destination: Destination
    ) -> tuple[Call, Leg, Leg]:
        found = self._services.registry.call_of(call_id, leg_id)
        controlled = self._controlled.flow_of(found)
        if controlled is None or (controlled.bot is not None and controlled.bot.is_handed_over):
            return self._take_over(found, leg_id, destination)
        call = self._controlled.find(call_id, leg_id)
        call.check_up()
        call.check_alone()
        talk = BotTalk(self._services, self._admission, call, destination)
        call.bot, has_begun = talk, False
        try:
            await talk.begin()
            has_begun = True
        except LegEnded as ended:
            raise EngineError("unavailable", str(ended.hangup_cause)) from ended
        finally:
            if not has_begun:
                call.bot = None
        return call.call, call.leg, talk.leg

    def _take_over(
        self, call: Call, leg_id: str | None, destination: Destination
    ) -> tuple[Call, Leg, Leg]:
        """Let the service take the place of whom a party talks with: as in a blind transfer."""
        owner = self._owner_of(call)
        if owner is None:
            raise EngineError("state", f"call {call.id} is already over")
        stream = owner.transfer(TransferOrder(leg_id, destination.targets[0].target, destination))
        assert isinstance(stream, StreamLeg)
        party = next(leg for leg in call.legs if leg.id == stream.of_leg)
        return call, party, stream

    async def _listen(
        self, call_id: str | None, leg_id: str | None, destination: Destination
    ) -> tuple[Call, Leg, Leg]:
        call, leg = self._leg_of(call_id, leg_id)
        tap = StreamTap(self._services, self._admission, call, leg, destination)
        try:
            await tap.open()
        except LegEnded as ended:
            raise EngineError("unavailable", str(ended.hangup_cause)) from ended
        task = self._taps[tap] = asyncio.get_running_loop().create_task(tap.run())
        task.add_done_callback(lambda done: self._tap_over(tap, done))
        return call, leg, tap.leg

    def _leg_of(self, call_id: str | None, leg_id: str | None) -> tuple[Call, Leg]:
        """The leg that is meant, and its call; of a call that of its customer. It is up."""
        for call in self._services.registry.calls.values():
            for leg in call.legs:
                is_it = leg.id == leg_id if leg_id is not None else leg.role == "customer"
                if not is_it or (leg_id is None and call.id != call_id):
                    continue
                if leg.record.answered is None or leg.hangup_cause is not None:
                    if leg_id is None:
                        continue
                    raise EngineError("state", f"leg {leg_id} is not up", field="leg")
                return call, leg
        field, asked = ("call", call_id) if leg_id is None else ("leg", leg_id)
        if call_id in self._services.registry.calls:
            raise EngineError("state", f"no customer is up in call {call_id}", field="call")
        raise EngineError("not_found", f"there is no {field} {asked}", field=field)

    def _tap_over(self, tap: StreamTap, done: "asyncio.Task[None]") -> None:
        self._taps.pop(tap, None)
        if not done.cancelled() and done.exception() is not None:
            log.error("stream_died", leg=tap.leg.id, exc_info=done.exception())

    def end(self, call_id: str | None, leg_id: str | None) -> list[str]:
        """End the streams of a call, or of a leg; `leg_id` may be the stream's own.

        Returns the ids of those that have been ended. Raises EngineError `not_found`, `state`.
        """
        ended: list[str] = []
        for tap in tuple(self._taps):
            if tap.is_of(call_id, leg_id):
                tap.stop()
                ended.append(tap.leg.id)
        for call in self._controlled.all():
            bot = call.bot
            if bot is None or bot.is_handed_over:
                continue
            if call_id == call.call.id or leg_id in (call.leg.id, bot.leg.id):
                bot.stop()
                ended.append(bot.leg.id)
        if not ended:
            registry = self._services.registry
            is_there = call_id in registry.calls or leg_id in registry.legs
            field, asked = ("call", call_id) if leg_id is None else ("leg", leg_id)
            if is_there:
                raise EngineError("state", f"{field} {asked} has no stream", field=field)
            raise EngineError("not_found", f"there is no {field} {asked}", field=field)
        return ended

    async def stop(self) -> None:
        """End every service that listens, and wait until it has ended."""
        tasks = list(self._taps.values())
        for tap in tuple(self._taps):
            tap.stop()
        if tasks:
            await asyncio.wait(tasks)

"""The party of a call by command talks with a bot, and with whoever the bot hands them over to."""

import asyncio
from typing import Any, Protocol

from ..calls.announcing.whisper import Whisper
from ..calls.call import Call, TransferOrder
from ..calls.call_legs import codecs_like, subject_of
from ..calls.cancel_scope import while_up
from ..calls.dialling import DEFAULT_CALLER, Caller
from ..calls.hangup_cause import BY_COMMAND, HangupCause
from ..calls.leg import Leg, LegEnded
from ..calls.recording.recording import CallRecording
from ..calls.services import CallServices
from ..calls.talk import Talk
from ..calls.transfers.queue_wait import NoCallback, QueueWait
from ..calls.transfers.request import TransferRequest
from ..calls.two_party_call import TwoPartyCall
from ..errors import EngineError
from ..job import OfferRecord
from ..routing.admission import Admission
from ..routing.targets.destination import Destination
from ..routing.targets.stream_target import StreamFallback

OVER = HangupCause("completed", "the call is over")


class StreamedCall(Protocol):
    """The call by command whose party is with the bot."""

    call: Call

    @property
    def leg(self) -> Leg:
        """The leg of its party."""

    @property
    def recorded(self) -> CallRecording:
        """How the call is recorded: what the party says and hears."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def talks_with(self, partner: str) -> None:
        """The party talks with the leg `partner` from now on."""

    def bot_left(self, partner: str) -> None:
        """The bot has gone, and the party is alone."""

    def end_with(self, cause: str) -> None:
        """Hang the party up."""


class BotTalk(TwoPartyCall):
    """One talk with a bot. `leg` is that of the bot."""

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        streamed: StreamedCall,
        destination: Destination,
    ) -> None:
        super().__init__(services, streamed.call, admission)
        self._streamed = streamed
        self._destination = destination
        self.leg = self.legs.make("agent", destination)
        self._task: asyncio.Task[None] | None = None
        self._is_ending = False
        self._is_told = False  # who comes next has heard that the call is recorded, if it is

    # -- its life -----------------------------------------------------------------------------

    async def begin(self) -> None:
        """Take a port, and go on in a task of its own. Raises LegEnded where there is no port."""
        try:
            await self.leg.open(beside=self._streamed.leg)
        except BaseException:
            await self.legs.give_back()
            raise
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End the bot's part of the call by command; whoever it has handed over to stays."""
        self.leg.hang_up(BY_COMMAND)

    @property
    def is_handed_over(self) -> bool:
        """Whether the bot has no part in the call any more."""
        return self.leg.hangup_cause is not None

    async def end(self) -> None:
        """The call is over: hang up whoever the party talks with, and give everything back."""
        task = self._task
        if task is not None and not task.done():
            if not self._is_ending:
                task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        try:
            await self._story()
        except LegEnded as ended:
            self._is_ending = True
            self._ended(ended)
        except EngineError as error:
            self._is_ending = True
            self._streamed.end_with(error.message)
        finally:
            self._is_ending = True
            if self._talking is not None:
                self._talking.leave()
            self.leg.hang_up(OVER)
            await self._give_back()

    async def _story(self) -> None:
        customer, bot = self._streamed.leg, self.leg
        self.legs.show(bot)
        talk = self._talking = Talk(self._services, self, bot, customer)
        caller = Caller(None, self._services.dial.caller_id or DEFAULT_CALLER)
        try:
            await bot.dial(
                caller=caller,
                ring_s=self._services.dial.ring_s,
                codecs=codecs_like(customer),
            )
        except LegEnded as ended:
            self._not_reached(talk, ended)
            await talk.run(self._services.dial.max_duration_s)
        else:
            async with while_up(bot):
                talk.join()
                self._streamed.talks_with(bot.id)
                await talk.run(self._services.dial.max_duration_s)
        self._streamed.end_with("maximum duration reached")

    def _not_reached(self, talk: Talk, ended: LegEnded) -> None:
        """The bot was never there: go on with the fallback. Raises LegEnded where there is none."""
        fallback = self._fallback
        text = None if fallback is None else fallback.text
        cause = ended.hangup_cause
        self.legs.publish("stream.failed", self.leg, cause=str(cause), fallback=text)
        if fallback is None or (fallback.handover is None and not fallback.announcement):
            raise ended
        self.leg.allow_to_leave()
        talk.join()
        if not talk.handover_requested(self.leg, fallback, lambda _reason: None):
            raise ended

    @property
    def _fallback(self) -> StreamFallback | None:
        stream = self._destination.stream
        return None if stream is None else stream.fallback

    def _ended(self, ended: LegEnded) -> None:
        """One who talked with the party has gone, or nobody came: what becomes of the party."""
        cause, streamed = ended.hangup_cause, self._streamed
        if ended.leg is not self.leg:
            if ended.leg is not streamed.leg:
                streamed.end_with(cause.after_talk("the partner"))
            return
        is_over = cause.result == "hung_up" and cause != BY_COMMAND
        is_lost = cause.result != "completed" and cause != BY_COMMAND
        if is_over or (is_lost and self._fallback is not None):
            streamed.end_with(cause.phrase)
        else:
            streamed.bot_left(self.leg.id)

    def transfer(self, order: TransferOrder) -> Leg | None:
        """See TwoPartyCall. Raises EngineError."""
        if self._talking is None or self.leg.record.answered is None:
            raise EngineError("state", "the bot is not there yet")
        return super().transfer(order)

    # -- who comes in the place of the bot --------------------------------------------------------

    async def dial_third(self, leg: Leg, request: TransferRequest) -> None:
        """See TwoPartyCall. The third party hears that the call is recorded, if it is."""
        await super().dial_third(leg, request)
        await self._tell_of_recording(leg)

    async def whisper(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        """See TwoPartyCall. Before it the agent hears that the call is recorded, if it is."""
        await self._tell_of_recording(agent)
        await super().whisper(agent, whisper)

    async def party_left(self, request: TransferRequest) -> None:
        """See TwoPartyCall. Whom a phone has connected by itself was told of no recording."""
        await super().party_left(request)
        recorded = self._streamed.recorded
        if request.by == "phone" and recorded.is_announced and not self._is_told:
            await recorded.stop()
        self._is_told = False

    async def _tell_of_recording(self, leg: Leg) -> None:
        if self._streamed.recorded.must_tell(leg):
            await self._streamed.recorded.tell_or_end(leg)
        self._is_told = True

    # -- what transfers ask of a call flow ------------------------------------------------------

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""
        self._streamed.publish(kind, **fields)

    def on_bridged(self) -> None:
        """See TwoPartyCall."""

    def on_recording(self, path: str | None) -> None:
        """See TwoPartyCall."""

    def on_offer(self, record: OfferRecord) -> None:
        """See TwoPartyCall."""

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent, who is told what the call is about. Raises LegEnded."""
        headers = self._services.headers_of(subject_of(self.call))
        number = self.call.about.get("number") or self.call.about.get("from")
        await self._dial(leg, number, ring_s=ring_s, partner=self._streamed.leg, headers=headers)

    @property
    def ring_s(self) -> float:
        """How long an outside number is rung."""
        return self._services.dial.ring_s

    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the party before their phone rings."""
        return {"number": self.call.about.get("number")}

    def wait_in(self, queue: str) -> QueueWait:
        """How the party waits in a queue that they are handed over to."""
        about = self.call.about
        nothing: asyncio.Future[Whisper] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return QueueWait(
            room=self._services.rooms.of(queue),
            waiting={
                "id": self.call.id,
                "kind": "call",
                "queue": queue,
                "joined_at": self._services.clock.now(),
                "number": about.get("number"),
                "site": self.call.site,
                "context": about.get("context") or {},
            },
            callback=NoCallback(),
            whisper=nothing,
        )

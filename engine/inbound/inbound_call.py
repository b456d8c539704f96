"""A call that came in: one who calls us, from his INVITE to the last BYE.

`InboundCall.run` tells the story: let it ring, answer, let the caller wait with music in his place
in the queue until an operator has answered, let the operator hear who it is, join the two, and
wait until one hangs up. Whatever ends it, every leg is hung up and given back.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from sip.dialog.session import Session
from sip.errors import SipError

from ..calls.agent_wait import AgentWait
from ..calls.announcements import QueuePosition
from ..calls.bridge import Bridge
from ..calls.call import Call
from ..calls.call_legs import CallLegs, within_report_limit
from ..calls.call_result import CALLED_BACK, Refused, Result, TurnedAway, of_not_taken, refusal_of
from ..calls.hangup_cause import BY_COMMAND
from ..calls.leg import Leg, LegEnded
from ..calls.recording import Recording
from ..calls.services import CallServices
from ..calls.waiting_room import WaitingParty, WaitingRoom
from ..calls.while_up import while_up
from ..calls.whisper import Whisper
from ..errors import EngineError
from ..job import Job
from ..routing.dialplan import Destination, DialTarget
from ..store.store import StoreError
from .call_info import InboundCallInfo
from .callback_on_key import CallbackOnKey
from .caller_id import CallingParty
from .caller_operators import CallerOperators
from .kept_positions import KeptPositions

log = structlog.get_logger()

RULES_LIMIT_S = 1.0
STOPPED_BY_COMMAND = Result("cancelled", BY_COMMAND.phrase)


class InboundCall:
    """One call. `call` is how it is shown; `places` has those who may come back."""

    def __init__(
        self,
        services: CallServices,
        session: Session,
        incoming: InboundCallInfo,
        *,
        places: KeptPositions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._session = session
        self._incoming = incoming
        self._places = places
        self._clock = clock
        self._about: dict[str, Any] = {**incoming.shown(), "context": incoming.context}
        self.call = Call(incoming.call, None, direction="inbound", owner=self, about=self._about)
        self.call.state = "incoming"
        self._legs = CallLegs(self.call, services, self._publish)
        self._caller = self._legs.make("customer", _address_of(incoming.party))
        self._wish = CallbackOnKey(services, incoming, refused=self._wish_refused, clock=clock)
        self._operators = CallerOperators(
            services, incoming, self._legs, self._caller, self._publish
        )
        self._guest: WaitingParty | None = None
        self._refusal = ""
        self._wait: AgentWait | None = None
        self._has_place = False
        self._recording: Recording | None = None
        self._recorded: str | None = None
        self._farewell: Result | None = None
        self._ended_by: Result | None = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether it is being cleared: nothing can change its end."""
        return self._is_over

    async def run(self) -> None:
        """Take the call, and hang everything up in the end. Cancelling the task ends the call."""
        self._services.register.add(self.call)
        self._publish("call.incoming", **self._incoming.shown())
        result = Result("failed", "internal error")
        try:
            result = await self._story()
        except Refused as refused:
            result = refused.result
            self._reject(refused.status, refused.retry_after_s)
        except LegEnded as ended:
            result = self._read(ended)
        except (EngineError, StoreError) as error:
            result = Result("unavailable", error.message)
        except asyncio.CancelledError:
            result = self._ended_by or Result("cancelled", "cancelled")
            if self.call.bridged_at is not None:  # they talked
                result = Result("completed", result.cause)
        finally:
            self._is_over = True
            await self._clear(result)

    # -- the story --------------------------------------------------------------------------

    async def _story(self) -> Result:
        await self._apply_rules()
        room = self._room()
        unwelcome = self._unwelcome(room)
        caller = self._caller
        try:
            await caller.open()
        except LegEnded as ended:
            raise Refused(503, Result("unavailable", str(ended.ending))) from ended
        if self._ended_by is not None:  # by a command, before he heard anything
            raise Refused(480, self._ended_by)
        caller.take(self._session)
        self._legs.add(caller)
        async with while_up(caller):
            await caller.accept()
            if unwelcome is not None:
                return await self._part(room, unwelcome)
            self._wait = self._answered(room)
            async with room.host(caller, self._standing) as guest:
                self._guest, self._refusal = guest, room.settings.texts.callback_refused
                try:
                    return await self._until_talked(self._wait, guest)
                except TurnedAway as turned_away:
                    guest.leave()
                    return await self._part(room, turned_away)

    async def _until_talked(self, wait: AgentWait, guest: WaitingParty) -> Result:
        """From the wait to the end of the talk; who loses his operator before that waits again."""
        while True:
            self._enter("waiting")
            whisper = asyncio.ensure_future(self._whisper())
            try:
                agent = await wait.operator()
                self._about["agent"] = self._operators.agent
                async with while_up(agent):
                    self._enter("whispering")
                    await self._legs.whisper(agent, await whisper)
                    guest.leave()
                    await self._talk(agent)
                return Result("completed", "maximum duration reached")
            except LegEnded as ended:
                if ended.leg is self._caller or self.call.bridged_at is not None:
                    raise
                wait.release_operators()
                self._legs.let_go(ended.leg)
            finally:
                whisper.cancel()

    async def _part(self, room: WaitingRoom, turned_away: TurnedAway) -> Result:
        """Tell the caller why he is hung up."""
        self._farewell = turned_away.result
        self._enter("parting")
        await room.say(self._caller, turned_away.text, music_after=False)
        return turned_away.result

    async def _talk(self, agent: Leg) -> None:
        services, caller = self._services, self._caller
        bridge = Bridge(
            agent, caller, media=services.media, hold=services.hold, publish=self._legs.publish
        )
        bridge.join()
        self.call.bridged_at = time.time()
        self._enter("bridged")
        if services.caller_takeover is not None:
            services.caller_takeover.served(self._incoming.party.number, self._incoming.queue)
        self._publish("call.bridged", agent=self._about["agent"])
        try:
            if self._incoming.is_recorded:
                self._recording = Recording(self.call.id, services, self._publish)
                self._recorded = await self._recording.start(agent, caller)
            ruling = self._incoming.ruling
            await asyncio.sleep(ruling.max_duration_s or services.dial.max_duration_s)
        finally:
            bridge.leave()

    # -- before the wait --------------------------------------------------------------------

    async def _apply_rules(self) -> None:
        services, incoming = self._services, self._incoming
        if services.router is not None:
            try:
                async with asyncio.timeout(RULES_LIMIT_S):
                    incoming.ruling = await services.router.call(
                        incoming.party.number or incoming.party.user,
                        dialled=incoming.dialled,
                        trunk=incoming.trunk,
                        queue=incoming.route.queue,
                        context=incoming.context,
                        now=self._clock(),
                    )
            except TimeoutError:
                log.warning("rules_late", call=self.call.id)  # the route alone decides
        self._about["queue"], self._about["agent"] = incoming.queue, incoming.agent

    def _room(self) -> WaitingRoom:
        assert self._services.rooms is not None
        return self._services.rooms.of(self._incoming.queue, self._incoming.route.room)

    def _unwelcome(self, room: WaitingRoom) -> TurnedAway | None:
        """What a caller is to be told whom the queue does not take now.

        Raises Refused where there is nothing to tell him.
        """
        queue, number, services = self._incoming.queue, self._incoming.party.number, self._services
        self._has_place = self._places.has(queue, number) or (
            services.caller_takeover is not None
            and services.caller_takeover.place_of(number, queue) is not None
        )
        try:
            if services.queues is not None:
                services.queues.check(queue, has_place=self._has_place)
        except EngineError as error:
            turned_away = of_not_taken(error, room.settings)
            refusal = refusal_of(turned_away, error, self._clock())
            if refusal is None:
                return turned_away
            raise refusal from error
        return None

    def _reject(self, status: int, retry_after_s: float | None = None) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if retry_after_s is not None:
            headers = (("Retry-After", str(int(retry_after_s))),)
        try:
            self._services.sip.reject(self._session, status, headers)
        except SipError as error:  # hung up meanwhile
            log.debug("not_rejected", call=self.call.id, reason=error.reason)

    def _answered(self, room: WaitingRoom) -> AgentWait:
        """The caller's line is up: his wait begins, in a place that he may have had before."""
        incoming, now = self._incoming, self._clock()
        queue, number, callbacks = (
            incoming.queue,
            incoming.party.number,
            self._services.caller_takeover,
        )
        waits_since = None if callbacks is None else callbacks.begin(number, queue)
        joined_at = self._places.join(
            self.call.id, queue, number, room.settings.regain_s, waits_since
        )
        self._about["joined_at"] = joined_at
        self._publish(
            "call.answered",
            queue=incoming.queue,
            agent=incoming.agent,
            joined_at=joined_at,
            regained=joined_at < now,
        )
        self._wish.joined_at = joined_at
        return AgentWait(
            self._services,
            self._caller,
            room=room,
            who=incoming.waiting(joined_at) | {"has_place": self._has_place},
            limit_s=incoming.route.max_wait_s,
            ask=self._operators.ask,
            wish=self._wish,
            ringing=partial(self._enter, "ringing"),
            waiting=partial(self._enter, "waiting"),
            leaving=self._leaving,
            first=self._outside_first(),
        )

    def _outside_first(self) -> str | None:
        """The number or URI that a rule names in an agent's place: it is rung before the queue."""
        agent = self._incoming.agent
        return None if agent is None or self._services.dialplan.is_agent(agent) else agent

    def _standing(self) -> QueuePosition | None:
        return None if self._wait is None else self._wait.standing

    async def _whisper(self) -> Whisper:
        text = self._incoming.whisper
        return await self._services.announcer.speak(text) if text else None

    def _wish_refused(self, reason: str) -> None:
        self._publish("call.callback_refused", reason=reason)
        if self._guest is not None:
            self._guest.tell(self._refusal)

    # -- the end ----------------------------------------------------------------------------

    def hang_up(self, leg_id: str | None = None) -> None:
        """End one leg, or all, because a command says so."""
        if leg_id in (None, self._caller.id) or self.call.bridged_at is not None:
            self._ended_by = STOPPED_BY_COMMAND
        for leg in self.call.legs:
            if leg_id is None or leg.id == leg_id:
                leg.hang_up(BY_COMMAND)

    def stopped_by(self, cause: str) -> None:
        """Say why the task is about to be cancelled."""
        self._ended_by = Result("cancelled", cause)

    def _leaving(self) -> str:
        """Why the queue is left by one whose call is ending."""
        if self._wish.is_taken:
            return "callback"
        ending = self._caller.ending
        hung_up = ending is not None and ending.result == "hung_up" and self._ended_by is None
        return "abandoned" if hung_up else "withdrawn"

    def _read(self, ended: LegEnded) -> Result:
        """The result of a call that the end of a leg has ended."""
        is_joined = self.call.bridged_at is not None
        if self._ended_by is not None:
            return Result("completed", self._ended_by.cause) if is_joined else self._ended_by
        if self._farewell is not None:
            return self._farewell
        if self._wish.is_taken:
            return CALLED_BACK
        who = "caller" if ended.leg is self._caller else "operator"
        ending = ended.ending
        if ending.result not in ("hung_up", "completed"):
            return Result(ending.result, f"{who}: {ending}, while {self.call.state}")
        if is_joined:
            return Result("completed", f"{who} hung up")
        if self._caller.record.answered is None:
            return Result("hung_up", "caller hung up before the answer")
        return Result("abandoned", f"caller hung up, while {self.call.state}")

    async def _clear(self, result: Result) -> None:
        if self._caller.record.state != "dialing":
            self._legs.hang_up()
        elif self._session.state in ("incoming", "early"):
            self._reject(480)
        if self._wait is not None:
            self._wait.release_operators()
        # Apart, so that a recording that is slow to end keeps no port.
        if self._recording is not None:
            await within_report_limit(self.call, self._recording.stop())
        await self._legs.give_back()
        self._services.register.off_the_line(self.call)
        callback = await self._wish.fall_due() if result is CALLED_BACK else None
        if result is CALLED_BACK and callback is None:
            result = Result("abandoned", "caller hung up, and could not be called back")
        self._keep_or_give_up_place(result)
        self._services.register.remove(self.call)
        self._publish_ended(result, callback)

    def _keep_or_give_up_place(self, result: Result) -> None:
        if self._wait is not None:
            keep = self._places.hung_up if result.word == "abandoned" else self._places.used
            keep(self.call.id, self._incoming.queue, self._incoming.party.number)

    def _publish_ended(self, result: Result, callback: Job | None) -> None:
        wait, incoming = self._wait, self._incoming
        operator = None if wait is None else wait.answered_by
        self._publish(
            "call.ended",
            direction="inbound",
            **incoming.shown(),
            queue=incoming.queue,
            agent=self._operators.agent,
            result=result.word,
            cause=result.cause,
            started=self.call.started,
            taken_at=self._caller.record.answered,
            answered_at=None if operator is None else operator.record.answered,
            bridged_at=self.call.bridged_at,
            recording=self._recorded,
            callback=None if callback is None else callback.id,
            offers=self._operators.offers,
            legs=[leg.record for leg in self.call.legs],
        )

    # -- telling ----------------------------------------------------------------------------

    def _enter(self, state: str) -> None:
        self.call.state = state

    def _publish(self, kind: str, **fields: Any) -> None:
        self._services.events.publish(
            kind, call=self.call.id, context=self._incoming.context, **fields
        )


def _address_of(party: CallingParty) -> Destination:
    return Destination(party.user, (DialTarget(party.uri, party.uri),))

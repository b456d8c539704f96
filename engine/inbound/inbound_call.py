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

from ..calls.agent_wait import OperatorWait
from ..calls.announcements import Standing
from ..calls.bridge import Bridge
from ..calls.call import Call
from ..calls.call_legs import CallLegs, within_report_limit
from ..calls.call_result import CALLED_BACK, Farewell, Refused, Result, of_not_taken, refusal_of
from ..calls.hangup_cause import BY_COMMAND
from ..calls.leg import Leg, LegEnded
from ..calls.recording import Recording
from ..calls.services import Switchboard
from ..calls.waiting_room import Guest, WaitingRoom
from ..calls.while_up import while_up
from ..calls.whisper import Whisper
from ..job import Job
from ..protocol import EngineError
from ..routing.dialplan import Destination, Way
from ..store.store import StoreError
from .call_info import Incoming
from .callback_on_key import CallbackWish
from .caller_id import CallingParty
from .caller_operators import CallerOperators
from .kept_positions import Places

log = structlog.get_logger()

RULES_LIMIT_S = 1.0
STOPPED_BY_COMMAND = Result("cancelled", BY_COMMAND.phrase)


class InboundCall:
    """One call. `call` is how it is shown; `places` has those who may come back."""

    def __init__(
        self,
        board: Switchboard,
        session: Session,
        incoming: Incoming,
        *,
        places: Places,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._board = board
        self._session = session
        self._incoming = incoming
        self._places = places
        self._clock = clock
        self._about: dict[str, Any] = {**incoming.shown(), "context": incoming.context}
        self.call = Call(incoming.call, None, direction="inbound", owner=self, about=self._about)
        self.call.state = "incoming"
        self._legs = CallLegs(self.call, board, self._publish)
        self._caller = self._legs.make("customer", _address_of(incoming.party))
        self._wish = CallbackWish(board, incoming, refused=self._wish_refused, clock=clock)
        self._operators = CallerOperators(board, incoming, self._legs, self._caller, self._publish)
        self._guest: Guest | None = None
        self._refusal = ""
        self._wait: OperatorWait | None = None
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
        self._board.register.add(self.call)
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
                except Farewell as farewell:
                    guest.leave()
                    return await self._part(room, farewell)

    async def _until_talked(self, wait: OperatorWait, guest: Guest) -> Result:
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

    async def _part(self, room: WaitingRoom, farewell: Farewell) -> Result:
        """Tell the caller why he is hung up."""
        self._farewell = farewell.result
        self._enter("parting")
        await room.say(self._caller, farewell.text, music_after=False)
        return farewell.result

    async def _talk(self, agent: Leg) -> None:
        board, caller = self._board, self._caller
        bridge = Bridge(
            agent, caller, media=board.media, hold=board.hold, publish=self._legs.publish
        )
        bridge.join()
        self.call.bridged_at = time.time()
        self._enter("bridged")
        if board.standing_in is not None:
            board.standing_in.served(self._incoming.party.number, self._incoming.queue)
        self._publish("call.bridged", agent=self._about["agent"])
        try:
            if self._incoming.is_recorded:
                self._recording = Recording(self.call.id, board, self._publish)
                self._recorded = await self._recording.start(agent, caller)
            ruling = self._incoming.ruling
            await asyncio.sleep(ruling.max_duration_s or board.dial.max_duration_s)
        finally:
            bridge.leave()

    # -- before the wait --------------------------------------------------------------------

    async def _apply_rules(self) -> None:
        board, incoming = self._board, self._incoming
        if board.router is not None:
            try:
                async with asyncio.timeout(RULES_LIMIT_S):
                    incoming.ruling = await board.router.call(
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
        assert self._board.rooms is not None
        return self._board.rooms.of(self._incoming.queue, self._incoming.route.room)

    def _unwelcome(self, room: WaitingRoom) -> Farewell | None:
        """What a caller is to be told whom the queue does not take now.

        Raises Refused where there is nothing to tell him.
        """
        queue, number, board = self._incoming.queue, self._incoming.party.number, self._board
        self._has_place = self._places.has(queue, number) or (
            board.standing_in is not None and board.standing_in.place_of(number, queue) is not None
        )
        try:
            if board.queues is not None:
                board.queues.check(queue, has_place=self._has_place)
        except EngineError as error:
            farewell = of_not_taken(error, room.settings)
            refusal = refusal_of(farewell, error, self._clock())
            if refusal is None:
                return farewell
            raise refusal from error
        return None

    def _reject(self, status: int, retry_after_s: float | None = None) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if retry_after_s is not None:
            headers = (("Retry-After", str(int(retry_after_s))),)
        try:
            self._board.sip.reject(self._session, status, headers)
        except SipError as error:  # hung up meanwhile
            log.debug("not_rejected", call=self.call.id, reason=error.reason)

    def _answered(self, room: WaitingRoom) -> OperatorWait:
        """The caller's line is up: his wait begins, in a place that he may have had before."""
        incoming, now = self._incoming, self._clock()
        queue, number, callbacks = incoming.queue, incoming.party.number, self._board.standing_in
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
        return OperatorWait(
            self._board,
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
        return None if agent is None or self._board.dialplan.is_agent(agent) else agent

    def _standing(self) -> Standing | None:
        return None if self._wait is None else self._wait.standing

    async def _whisper(self) -> Whisper:
        text = self._incoming.whisper
        return await self._board.whisperer.speak(text) if text else None

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
        self._board.register.off_the_line(self.call)
        callback = await self._wish.fall_due() if result is CALLED_BACK else None
        if result is CALLED_BACK and callback is None:
            result = Result("abandoned", "caller hung up, and could not be called back")
        self._keep_or_give_up_place(result)
        self._board.register.remove(self.call)
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
        self._board.events.publish(
            kind, call=self.call.id, context=self._incoming.context, **fields
        )


def _address_of(party: CallingParty) -> Destination:
    return Destination(party.user, (Way(party.uri, party.uri),))

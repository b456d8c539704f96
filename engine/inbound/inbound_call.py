"""A call that came in: from the caller's INVITE to the last BYE.

`InboundCall.run` reads from beginning to end: let it ring, answer, let the caller go through the
script of the route, let them wait with music in their queue position until an agent has answered,
let the agent hear who it is, join the two, and wait until one hangs up. Whatever ends it, every leg
is hung up and given back.
"""

import asyncio
from typing import Final

import structlog

from config.queues import Queue as QueueSettings

from ..calls.agent_wait import AgentWait, WaitPlan
from ..calls.announcing.due_announcements import QueuePosition
from ..calls.announcing.waiting_room import WaitingRoom
from ..calls.announcing.whisper import Whisper
from ..calls.call_result import CALLED_BACK, Refused, Result, TurnedAway, of_not_taken, refusal_of
from ..calls.cancel_scope import KeyPressed, until_key, while_up
from ..calls.leg import Leg, LegEnded
from ..errors import EngineError
from ..scripts.record import ScriptUse
from .caller_call import CallerCall

log = structlog.get_logger()

MOST_INSTEAD: Final = 3
"""How often one caller may leave the wait for the script of a queue."""


class InboundCall(CallerCall):
    """The story of one call."""

    async def run(self) -> None:
        """Handle the call, and hang everything up in the end. Cancelling the task ends the call."""
        with self._services.clock.shifting(self.shift):
            await self._run()

    async def _run(self) -> None:
        self._services.registry.add_call(self.call)
        self._services.registry.occupy_line(self.call, self._callback.line)
        self.publish("call.incoming", **self._incoming.shown(), **self._incoming.brought)
        result = Result("failed", "internal error")
        try:
            result = await self._story()
        except Refused as refused:
            result = refused.result
            self._reject(refused.status, refused.retry_after_s)
        except LegEnded as ended:
            result = self._result_of(ended)
        except EngineError as error:
            result = Result("unavailable", error.message)
        except asyncio.CancelledError:
            result = self._ended_by or Result("cancelled", "cancelled")
            if self.call.bridged_at is not None:  # they talked
                result = Result("completed", result.cause)
        finally:
            self.is_over = True
            await self._clear(result)

    # -- the story --------------------------------------------------------------------------

    async def _story(self) -> Result:
        await self._apply_rules()
        script, caller = self._incoming.route.script, self._caller
        room = self._room
        not_admitted = None if script else self._not_admitted(room)
        try:
            await caller.open()
        except LegEnded as ended:
            raise Refused(503, Result("unavailable", str(ended.hangup_cause))) from ended
        if self._ended_by is not None:  # by a command, before the caller heard anything
            raise Refused(480, self._ended_by)
        caller.ring(self._session)
        self.legs.show(caller)
        async with while_up(caller):
            await caller.accept()
            return await self._until_over(script, not_admitted)

    async def _until_over(self, script: str, turned_away: TurnedAway | None) -> Result:
        """From the answer on: a script, the wait, and the script of a queue in its place."""
        use: ScriptUse = "inbound"
        while True:
            if script:
                over = await self._until_connected(script, use)
                if over is not None:
                    return over
                turned_away = self._not_admitted(self._room)
            room = self._room
            if turned_away is None:
                try:
                    return await self._wait_and_talk(room)
                except TurnedAway as error:
                    turned_away = error
                except KeyPressed:
                    pass
            script, use = self._script_instead(turned_away), "queue"
            if not script and turned_away is not None:
                return await self._turn_away(room, turned_away)

    @property
    def _room(self) -> WaitingRoom:
        return self._services.rooms.of_route(self._incoming.queue, self._incoming.route)

    async def _wait_and_talk(self, room: WaitingRoom) -> Result:
        """Wait, and talk. Raises TurnedAway, and KeyPressed where the caller wants the script."""
        wait = self._wait
        if wait is None or self._waits_in != self._incoming.queue:
            wait = self._begin_wait(room)
        async with room.attend(self._caller, self._position) as party:
            self._party, self._refusal = party, room.settings.texts.callback_refused
            return await self._until_talked(wait)

    async def _until_talked(self, wait: AgentWait) -> Result:
        """From the wait to the end of the talk. A caller who loses their agent waits again."""
        while True:
            self._enter("waiting")
            whisper = asyncio.ensure_future(self._spoken_whisper())
            try:
                digit = self._queue_settings.script_digit
                async with until_key(self._caller, digit, self._may_leave_for_script):
                    agent = await wait.answering_agent()
                await self._talk_with(agent, whisper)
                return Result("completed", "maximum duration reached")
            except LegEnded as ended:
                await self._after_talk(ended)
                if ended.leg is self._caller or self.call.bridged_at is not None:
                    raise
                self._lose_agent(ended)
            finally:
                self._services.announcer.discard(whisper)

    async def _talk_with(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        """Let the agent hear who it is, and the two talk."""
        self._answered_by, self._about["agent"] = agent, self._agent
        async with while_up(agent):
            self._enter("whispering")
            await self.whisper(agent, whisper)
            if self._party is not None:
                self._party.leave()
            await self._talk(
                agent,
                self._caller,
                is_recorded=self._incoming.is_recorded,
                limit_s=self._talk_limit_s,
            )

    async def _turn_away(self, room: WaitingRoom, turned_away: TurnedAway) -> Result:
        """Tell the caller why the call ends."""
        self._turned_away = turned_away.result
        self._enter("parting")
        await room.say(self._caller, turned_away.text)
        return turned_away.result

    # -- scripts ------------------------------------------------------------------------------

    async def _until_connected(self, script: str, use: ScriptUse) -> Result | None:
        """Let the caller go through a script. None where they are to enter the queue."""
        while True:
            self._enter("script")
            agent = await self._scripts.reception(script, self._caller, use)
            if agent is None:
                return self._scripts.result
            whisper = asyncio.ensure_future(self._spoken_whisper())
            try:
                await self._talk_with(agent, whisper)
                return Result("completed", "maximum duration reached")
            except LegEnded as ended:
                await self._after_talk(ended)
                if ended.leg is self._caller or self.call.bridged_at is not None:
                    raise
                self._lose_agent(ended)  # in the whisper: the script begins again
            finally:
                self._services.announcer.discard(whisper)

    @property
    def _queue_settings(self) -> QueueSettings:
        return self._services.queues.config_of(self._incoming.queue)

    def _may_leave_for_script(self) -> bool:
        return self._scripts_instead < MOST_INSTEAD

    def _script_instead(self, turned_away: TurnedAway | None) -> str:
        """The script of the queue for a caller who does not wait in it; "": there is none.

        None for who is called back already, nor for who has been through it too often.
        """
        is_called_back = turned_away is not None and turned_away.result is CALLED_BACK
        if is_called_back or not self._may_leave_for_script():
            return ""
        self._scripts_instead += 1
        return self._queue_settings.script

    async def _after_talk(self, ended: LegEnded) -> None:
        """The caller is alone after a talk: let them go through the script that is for then."""
        script = self._incoming.route.after_script or self._queue_settings.after_script
        if not script or self.call.bridged_at is None or self._caller.hangup_cause is not None:
            return
        self.party_replaced(ended.leg)  # whoever was there is free
        self._enter("script")
        try:
            await self._scripts.run(script, self._caller, "after")
        except EngineError as error:  # it was removed meanwhile
            log.warning("script_not_run", call=self.call.id, reason=error.message)

    # -- before the wait --------------------------------------------------------------------

    async def _apply_rules(self) -> None:
        incoming = self._incoming
        await incoming.apply_rules(self._inbound.router, self._clock())
        self._about["queue"], self._about["agent"] = incoming.queue, incoming.agent

    def _not_admitted(self, room: WaitingRoom) -> TurnedAway | None:
        """What a caller hears whom the queue does not admit now; None where it admits them.

        Raises Refused where there is nothing to say.
        """
        queue = self._incoming.queue
        self._has_position = self._inbound.has_position(queue, self._incoming.party.number)
        try:
            self._services.queues.check(queue, "call", has_place=self._has_position)
        except EngineError as error:
            turned_away = of_not_taken(error, room.settings)
            refusal = refusal_of(turned_away, error, self._clock())
            if refusal is None or self._queue_settings.script or self._has_answered:
                return turned_away
            raise refusal from error
        return None

    def _begin_wait(self, room: WaitingRoom) -> AgentWait:
        """The caller is on the line: the wait begins, in a position they may have had before."""
        incoming, inbound, now = self._incoming, self._inbound, self._clock()
        queue, number = incoming.queue, incoming.party.number
        joined_at = inbound.positions.join(
            self.call.id,
            queue,
            number,
            room.settings.regain_s,
            inbound.takeover.begin(number, queue),
        )
        self._about["joined_at"], self._waits_in = joined_at, queue
        self.publish(
            "call.answered",
            agent=incoming.agent,
            joined_at=joined_at,
            regained=joined_at < now,
        )
        self._callback.joined_at = joined_at
        self._agent_holder = self._wait = AgentWait(
            self._services,
            self,
            self._caller,
            room=room,
            plan=WaitPlan(
                waiting=incoming.waiting(joined_at)
                | {"has_place": self._has_position, "on_queue": self._join_queue},
                limit_s=incoming.route.max_wait_s,
                outside_first=self._outside_first(),
            ),
            callback=self._callback,
            observer=self,
        )
        return self._wait

    def _outside_first(self) -> str | None:
        """The number or URI that a rule names as its agent: it is rung before the queue."""
        agent = self._incoming.agent
        return None if agent is None or self._services.dialplan.is_agent(agent) else agent

    def _position(self) -> QueuePosition | None:
        return None if self._wait is None else self._wait.position

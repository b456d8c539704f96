"""A customer is transferred to a queue: they wait in it until one of its agents answers.

Blind, the party who leaves is hung up at once. Attended, they stay, hear the ringing tone, and talk
with the agent first; where the queue sends the customer away, the two talk again. One who hangs up
meanwhile leaves the customer in the queue. Whoever was hung up at once is rung again where the
queue sends the customer away.
"""

import structlog

from ...errors import EngineError
from ..agent_wait import AgentWait, WaitPlan
from ..announcing.due_announcements import QueuePosition
from ..announcing.waiting_room import WaitingParty
from ..call_result import CALLED_BACK, TurnedAway
from ..cancel_scope import while_up
from ..hangup_cause import TRANSFERRED, HangupCause
from ..leg import Leg, LegEnded
from ..services import CallServices
from .bridged import BridgedTransfer
from .queue_wait import QueueWait
from .report import TransferReport
from .request import OVER, Consult, TransferRequest, TransferringFlow

log = structlog.get_logger()


class QueueTransfer:
    """Carries one request out whose `to` is a queue. Its `stays` is the customer."""

    def __init__(
        self, request: TransferRequest, flow: TransferringFlow, services: CallServices
    ) -> None:
        self._request = request
        self._flow = flow
        self._services = services
        self._report = TransferReport(request, flow, services)
        self._queued: QueueWait | None = None
        self._wait: AgentWait | None = None
        self._party: WaitingParty | None = None
        self._has_left = False

    async def connect(self, until: Consult) -> Leg | None:
        """See TransferWay."""
        request = self._request
        self._report.started()
        queued = self._queued = self._flow.wait_in(request.to)
        wait = self._wait = AgentWait(
            self._services,
            self._flow,
            request.stays,
            room=queued.room,
            plan=WaitPlan(waiting=queued.waiting, limit_s=request.ring_s),
            callback=self,
            observer=self,
        )
        try:
            if request.mode == "blind":
                await self._leave(None)
            else:
                request.leaves.hear(self._services.ringing)
            with self._services.clock.shifting(wait.shift):
                async with queued.room.attend(request.stays, self._position) as party:
                    self._party = party
                    return await self._until_taken(queued, wait, party, until)
        except LegEnded:
            raise
        except BaseException:
            if not self._has_left:
                self._report.broken_off()
            raise
        finally:
            self._services.announcer.discard(queued.whisper)

    # -- the key of the customer --------------------------------------------------------------

    def can_call_back(self) -> bool:
        """See CallbackOnRequest. The customer hears where they cannot be called back."""
        assert self._queued is not None
        return self._queued.callback.can_call_back() or self._refuse_callback()

    @property
    def waits_as(self) -> str | None:
        """See CallbackOnRequest."""
        return None if self._queued is None else self._queued.callback.waits_as

    async def request_callback(self) -> bool:
        """See CallbackOnRequest."""
        assert self._queued is not None
        return await self._queued.callback.request_callback() or self._refuse_callback()

    def _refuse_callback(self) -> bool:
        """Let the customer hear that they are not called back. Always False."""
        assert self._party is not None and self._queued is not None
        self._party.interrupt_with(self._queued.room.settings.texts.callback_refused)
        return False

    # -- the wait -----------------------------------------------------------------------------

    def on_ringing(self, agent: str | None) -> None:
        """See WaitObserver. The call stays what it is: agent and customer were joined before."""

    def on_waiting(self) -> None:
        """See WaitObserver."""

    def leaving_reason(self) -> str:
        """See WaitObserver."""
        cause = self._request.stays.hangup_cause
        return "abandoned" if cause is not None and cause.result == "hung_up" else "withdrawn"

    def _position(self) -> QueuePosition | None:
        return None if self._wait is None else self._wait.position

    async def _until_taken(
        self, queued: QueueWait, wait: AgentWait, party: WaitingParty, until: Consult
    ) -> Leg | None:
        """From the wait to the agent who has answered, and heard the whisper."""
        request = self._request
        while True:
            try:
                agent = await wait.answering_agent()
            except TurnedAway as turned_away:
                party.leave()
                return await self._turned_away(queued, turned_away, until)
            self._flow.third_answered(agent, wait)
            try:
                async with while_up(agent):
                    await self._flow.whisper(agent, queued.whisper)
                break
            except LegEnded as ended:
                wait.miss_agents(ended.hangup_cause)
                self._drop(agent, wait)
        party.leave()
        if request.mode != "blind" and not await until(agent):
            cause = agent.hangup_cause or OVER
            self._drop(agent, wait)
            self._report.failed(cause)
            return None
        if not self._has_left:
            await self._leave(agent)
        return agent

    def _drop(self, agent: Leg, wait: AgentWait) -> None:
        wait.release_agents()
        self._flow.legs.drop(agent)

    async def _leave(self, third: Leg | None) -> None:
        """The party who leaves has no part in the call any more."""
        self._has_left = True
        self._report.completed(third)
        await self._flow.party_left(self._request)
        self._request.leaves.hang_up(TRANSFERRED)

    async def _turned_away(
        self, queued: QueueWait, turned_away: TurnedAway, until: Consult
    ) -> Leg | None:
        """No agent of the queue is going to talk to the customer: the two talk again.

        Who has left is rung for that; returned is their new leg. Raises LegEnded where the customer
        stays alone. They have heard why.
        """
        request, result = self._request, turned_away.result
        why = f"queue {request.to}: {result.cause}"
        is_late = result.word == "timeout"
        cause = HangupCause("no_answer" if is_late else "unavailable", why)
        has_partner = not self._has_left and request.leaves.hangup_cause is None
        if has_partner and result is not CALLED_BACK:
            self._report.failed(cause)
            return None
        if self._has_left and result is not CALLED_BACK:
            again = await self._recall(until)
            if again is not None:
                return again
        await queued.room.say(request.stays, turned_away.text)
        over = HangupCause("completed", why)
        request.stays.hang_up(over)
        if not self._has_left:
            self._report.failed(cause)
        raise LegEnded(request.stays, over)

    async def _recall(self, until: Consult) -> Leg | None:
        """Ring who has left, as the third party of a transfer. None where they do not answer."""
        request, services = self._request, self._services
        left = request.leaves
        to = left.destination.agent or left.record.uri
        try:
            again = TransferRequest(
                request.stays,
                left,
                to,
                services.dialplan.destination(to, field="to"),
                services.dial.ring_s,
                by="engine",
            )
            third = self._flow.admit_third(again)
            return await BridgedTransfer(again, third, self._flow, services).connect(until)
        except EngineError as error:
            log.info("not_recalled", call=self._flow.call.id, to=to, reason=error.message)
        except LegEnded:  # nobody answered, and who has left cannot go on talking
            pass
        return None

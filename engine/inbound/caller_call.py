"""The caller's side of a call that came in: what is known and published of it, and how it ends.

`inbound_call.py` has its story.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from sip.dialog.uas import UasSession
from sip.errors import SipError

from ..calls.agent_wait import AgentWait
from ..calls.announcing.waiting_room import WaitingParty
from ..calls.announcing.whisper import Whisper
from ..calls.call import Call
from ..calls.call_result import CALLED_BACK, Result
from ..calls.hangup_cause import BY_COMMAND
from ..calls.leg import Leg, LegEnded
from ..calls.services import CallServices
from ..calls.templates import display_name
from ..calls.transfers.queue_wait import QueueWait
from ..calls.two_party_call import TwoPartyCall
from ..job import OFFERS_KEPT, Job, OfferRecord
from .call_info import InboundCallInfo
from .callback_on_key import CallbackOnKey
from .caller_script import CallerScript
from .ended_call import ended_facts
from .services import InboundServices

log = structlog.get_logger()

STOPPED_BY_COMMAND = Result("cancelled", BY_COMMAND.phrase)


class CallerCall(TwoPartyCall):
    """One call of `session`; `incoming` is what is known of it."""

    def __init__(
        self,
        services: CallServices,
        inbound: InboundServices,
        session: UasSession,
        incoming: InboundCallInfo,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._about: dict[str, Any] = {**incoming.shown(), **incoming.brought}
        self._about["context"] = incoming.context
        super().__init__(
            services,
            Call(
                incoming.call,
                None,
                direction="inbound",
                owner=self,
                about=self._about,
                started=clock(),
            ),
            inbound.admission,
        )
        self.call.state = "incoming"
        self._inbound = inbound
        self._session = session
        self._incoming = incoming
        self._clock = clock
        plan, trunk = services.dialplan, incoming.trunk
        media = plan.media_policy_of(trunk) if trunk else plan.browser_policy()
        address = incoming.party.address(incoming.trunk or None, media)
        self._caller = self.legs.make("customer", address)
        self._callback = CallbackOnKey(
            services,
            inbound,
            incoming,
            on_accepted=self._callback_accepted,
            on_refused=self._callback_refused,
            clock=clock,
        )
        self._scripts = CallerScript(services, inbound, incoming, self, self._callback)
        self._offers: list[OfferRecord] = []
        self._party: WaitingParty | None = None
        self._refusal = ""
        self._wait: AgentWait | None = None
        self._has_position = False
        self._recorded: str | None = None
        self._answered_by: Leg | None = None
        self._scripts_instead, self._waits_in = 0, ""
        self._turned_away: Result | None = None
        self._ended_by: Result | None = None
        self.is_over = False
        """Whether it is being cleared: nothing can change its end."""

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the caller has waited, and talked, as long as before."""
        super().shift(by_s)
        for offer in self._offers:
            offer.shift(by_s)
        for leg in self.call.legs:
            leg.record.shift(by_s)
        if "joined_at" in self._about:
            self._about["joined_at"] += by_s
        self._callback.shift(by_s)
        if self._wait is not None:
            self._wait.shift(by_s)

    # -- what happens on the way ----------------------------------------------------------------

    def on_bridged(self) -> None:
        """Agent and caller have just been joined."""
        self._enter("bridged")
        self._inbound.takeover.end_callbacks(self._incoming.party.number, self._incoming.queue)
        self.publish("call.bridged", agent=self._about["agent"])

    def wait_in(self, queue: str) -> QueueWait:
        """How the caller waits in a queue that they are transferred to."""
        incoming, now = self._incoming, self._clock()
        self._inbound.positions.give_up(self.call.id, incoming.queue, incoming.party.number)
        incoming.moves_to(queue)
        self._callback.joined_at = now
        return QueueWait(
            room=self._services.rooms.of_route(queue, incoming.route),
            waiting=incoming.waiting(now) | {"on_queue": self._join_queue},
            callback=self._callback,
            whisper=asyncio.ensure_future(self._spoken_whisper()),
        )

    def on_recording(self, path: str | None) -> None:
        """Their talk is recorded to `path`; None where that has failed."""
        self._recorded = path

    async def _spoken_whisper(self) -> Whisper:
        text = self._incoming.whisper
        if not text:
            return None
        return await self._services.announcer.speak(text, is_personal=True)

    def _callback_accepted(self, job: Job) -> None:
        self.publish("call.callback", callback=job.id)

    def _callback_refused(self, reason: str) -> None:
        self.publish("call.callback_refused", reason=reason)
        if self._party is not None:
            self._party.interrupt_with(self._refusal)

    @property
    def _has_answered(self) -> bool:
        """Whether the call was answered: it can only be hung up then."""
        return self._caller.record.answered is not None

    def waits_by(self, wait: AgentWait) -> None:
        """See CallerFlow."""
        self._agent_holder = wait

    # -- what agents see of it, and how they are rung -----------------------------------------

    @property
    def ring_s(self) -> float:
        """How long an outside number is rung."""
        return self._incoming.ruling.ring_s or self._services.dial.ring_s

    @property
    def _talk_limit_s(self) -> float:
        return self._incoming.ruling.max_duration_s or self._services.dial.max_duration_s

    @property
    def _agent(self) -> str | None:
        """The agent who answered last, else the one to whom it was offered last."""
        for offer in reversed(self._offers):
            if offer.answered is not None:
                return offer.agent
        return self._offers[-1].agent if self._offers else self._incoming.agent

    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the caller before their phone rings."""
        number = self._incoming.party.number
        return {
            "number": number,
            "history": self._inbound.history.of(number),
            "script": self._incoming.ruling.script,
        }

    def _join_queue(self, queue: str) -> None:
        self._about["queue"] = queue

    def on_offer(self, record: OfferRecord) -> None:
        """The call is offered to an agent."""
        self._offers = [*self._offers[-(OFFERS_KEPT - 1) :], record]

    def on_ringing(self, agent: str | None) -> None:
        """Agents begin to be rung."""
        self._enter("ringing")

    def on_waiting(self) -> None:
        """No agent is being rung any more."""
        self._enter("waiting")

    def leaving_reason(self) -> str:
        """Why the queue is left by a caller whose wait is cancelled."""
        if self._callback.is_requested:
            return "callback"
        cause = self._caller.hangup_cause
        hung_up = cause is not None and cause.result == "hung_up" and self._ended_by is None
        return "abandoned" if hung_up else "withdrawn"

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent on `leg`. Raises LegEnded."""
        incoming = self._incoming
        await self._dial(
            leg,
            incoming.ruling.caller_id or incoming.party.user,
            name=display_name(incoming.subject),
            ring_s=ring_s,
            partner=self._caller,
            headers=self._services.headers_of(incoming.subject),
        )

    # -- the end ----------------------------------------------------------------------------

    def hang_up(self, leg_id: str | None = None) -> None:
        """End one leg, or all, by command."""
        if leg_id in (None, self._caller.id) or self.call.bridged_at is not None:
            self._ended_by = STOPPED_BY_COMMAND
        for leg in self.call.legs:
            if leg_id is None or leg.id == leg_id:
                leg.hang_up(BY_COMMAND)

    def stopped_by(self, cause: str) -> None:
        """Say why the task is about to be cancelled."""
        self._ended_by = Result("cancelled", cause)

    def _result_of(self, ended: LegEnded) -> Result:
        """The result of a call that ends because a leg has ended."""
        self._failed_leg = ended.leg
        is_joined = self.call.bridged_at is not None
        if self._ended_by is not None:
            return Result("completed", self._ended_by.cause) if is_joined else self._ended_by
        if self._turned_away is not None:
            return self._turned_away
        if self._callback.is_requested:
            return CALLED_BACK
        if not is_joined and (decided := self._scripts.decided) is not None:
            return decided
        who = "caller" if ended.leg is self._caller else "operator"
        hangup = ended.hangup_cause
        if hangup.result not in ("hung_up", "completed"):
            return Result(hangup.result, f"{who}: {hangup}, while {self.call.state}")
        if is_joined:
            return Result("completed", hangup.after_talk(who))
        if self._caller.record.answered is None:
            return Result("hung_up", "caller hung up before the answer")
        return Result("abandoned", f"caller hung up, while {self.call.state}")

    def _reject(self, status: int, retry_after_s: float | None = None) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if retry_after_s is not None:
            headers = (("Retry-After", str(int(retry_after_s))),)
        try:
            self._services.sip.reject(self._session, status, headers)
        except SipError as error:  # the caller hung up meanwhile
            log.debug("not_rejected", call=self.call.id, reason=error.reason)

    async def _clear(self, result: Result) -> None:
        if self._caller.record.state != "dialing":
            self.legs.hang_up()
        elif self._session.state in ("incoming", "early"):
            self._reject(480)
        await self._give_back()
        self._services.registry.free_line(self.call)
        callback = self._scripts.job
        if result is CALLED_BACK:
            callback = await self._callback.make_due()
        if result is CALLED_BACK and callback is None:
            result = Result("abandoned", "caller hung up, and could not be called back")
        self._keep_or_give_up_position(result)
        self._services.registry.remove_call(self.call)
        self._publish_ended(result, callback)

    def _keep_or_give_up_position(self, result: Result) -> None:
        if self._wait is not None:
            positions = self._inbound.positions
            leave = positions.keep if result.word == "abandoned" else positions.give_up
            leave(self.call.id, self._incoming.queue, self._incoming.party.number)

    def _publish_ended(self, result: Result, callback: Job | None) -> None:
        agent, incoming = self._answered_by, self._incoming
        if self.call.bridged_at is None and result.word not in ("callback", "cancelled"):
            self._log_failed(result.word, result.cause)
        self.publish(
            "call.ended",
            **incoming.shown(),
            **ended_facts(self.call, self._caller, self._clock()),
            agent=self._agent,
            result=result.word,
            cause=result.cause,
            answered_at=None if agent is None else agent.record.answered,
            cost=self._inbound.admission.rates.cost_of_legs(
                leg.record for leg in self.call.legs if leg is not self._caller
            ),
            recording=self._recorded,
            callback=None if callback is None else callback.id,
            offers=self._offers,
            scripts=self._scripts.records or None,
        )

    # -- what is published --------------------------------------------------------------------

    def _enter(self, state: str) -> None:
        self.call.state = state

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""
        incoming = self._incoming
        about: dict[str, Any] = {
            "call": self.call.id,
            "site": incoming.site,
            "number": incoming.party.number,
            "queue": self._about.get("queue", incoming.queue) or None,
            "agent": self._agent,
            "context": incoming.context,
        }
        self._services.events.publish(kind, **about | fields)

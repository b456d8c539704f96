"""What an attempt and a call that came in do alike: dial, whisper, join two legs, record, clear."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from ..errors import EngineError
from ..job import OfferRecord
from ..recordings.entry import Side
from ..routing.admission import Admission
from ..routing.targets.destination import Destination
from .agent_wait import AgentWait
from .announcing.whisper import Whisper
from .call import Call, TransferOrder
from .call_legs import CallLegs, codecs_before, codecs_like, within_report_limit
from .dialling import DEFAULT_CALLER, Caller
from .hangup_cause import HangupCause
from .leg import Leg, LegEnded
from .recording.recording import CallRecording
from .services import CallServices
from .streams.stream_leg import StreamLeg
from .supervision.supervisor_desk import SupervisorDesk
from .supervision.supervisors import SuperviseOrder
from .talk import Talk
from .third_parties import ThirdParties, check_not_busy
from .transfers.queue_wait import QueueWait
from .transfers.request import TransferRequest

log = structlog.get_logger()


class AgentHolder(Protocol):
    """Has the agent who answered: an AgentRinger, an AgentWait, a CustomerHold."""

    def release_agents(self) -> None:
        """The call of the agent is over: free them. Idempotent."""

    def miss_agents(self, cause: HangupCause) -> None:
        """The agent hung up in the whisper: as if they had not answered."""


class TwoPartyCall(ABC):
    """A call flow that joins an agent with a customer. Its subclasses say in which order."""

    def __init__(self, services: CallServices, call: Call, admission: Admission) -> None:
        self.call = call
        self._admission = admission
        self.legs = CallLegs(call, services, self.publish, admission)
        self.thirds = ThirdParties(services, call, self.legs, admission)
        self._desk: SupervisorDesk | None = None  # until somebody supervises the call
        self._services = services
        self._agent_holder: AgentHolder | None = None
        self._whispered_to: Leg | None = None
        self._recording: CallRecording | None = None  # until it is recorded, or asked for
        self._talking: Talk | None = None
        # The agents who have replaced others, by their legs.
        self._third_agents: dict[str, str] = {}
        self._third_holders: dict[str, AgentWait] = {}
        self._failed_leg: Leg | None = None

    @abstractmethod
    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    @abstractmethod
    def on_bridged(self) -> None:
        """Agent and customer have just been joined."""

    @abstractmethod
    def on_recording(self, path: str | None) -> None:
        """Their talk is recorded to `path`; None where that has failed."""

    @abstractmethod
    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent on `leg`. Raises LegEnded."""

    @property
    @abstractmethod
    def ring_s(self) -> float:
        """How long an outside number is rung."""

    @abstractmethod
    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the customer before their phone rings."""

    @abstractmethod
    def on_offer(self, record: OfferRecord) -> None:
        """The call is offered to an agent."""

    @abstractmethod
    def wait_in(self, queue: str) -> QueueWait:
        """How the customer waits in a queue that they are transferred to."""

    def show(self, leg: Leg) -> None:
        """The leg is about to be called: it is part of the call from now on."""
        self.legs.show(leg)

    async def _dial(
        self,
        leg: Leg,
        user: str | None,
        *,
        ring_s: float,
        name: str = "",
        partner: Leg | None = None,
        later: Destination | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Call the party of `leg`, who is shown `user` and `name` as caller. Raises LegEnded.

        They will talk with `partner`, or with who is called `later`.
        """
        self.show(leg)
        await leg.dial(
            caller=Caller(user, self._services.dial.caller_id or DEFAULT_CALLER, name),
            ring_s=ring_s,
            codecs=codecs_before(leg, later) if partner is None else codecs_like(partner),
            headers=headers,
        )

    async def whisper(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        """Let the agent hear the whisper, as soon as it is spoken."""
        # Shielded: when this agent leaves meanwhile, another may have to hear it.
        await self.legs.whisper(agent, await asyncio.shield(whisper))
        self._whispered_to = agent

    async def _talk(self, agent: Leg, customer: Leg, *, is_recorded: bool, limit_s: float) -> None:
        """Join the two, and return when they have talked for `limit_s`."""
        services = self._services
        # Nothing that is said before the announcement was heard is recorded.
        is_recorded = is_recorded and await self.recorded.announce((agent, customer))
        talk = self._talking = Talk(services, self, agent, customer)
        talk.join()
        self.call.bridged_at = self._services.clock.now()
        self.on_bridged()
        try:
            if is_recorded:
                await self.recorded.start()
            await talk.run(limit_s)
        finally:
            self._talking = None
            if self._recording is not None:
                self._recording.cut()
            talk.leave()

    @property
    def recorded(self) -> CallRecording:
        """How the talk is recorded: a call that is not has no such part, and is freed at once."""
        if self._recording is None:
            self._recording = CallRecording(self.call, self._services, self)
        return self._recording

    async def _stop_recording(self) -> None:
        if self._recording is not None:
            await within_report_limit(self.call, self._recording.stop())

    def supervise(self, order: SuperviseOrder) -> None:
        """Ring a supervisor, or change the mode of one. Raises EngineError."""
        if self._talking is None:
            raise EngineError("state", "agent and customer do not talk now")
        self._desk = self._desk or SupervisorDesk(
            self._services, self.call, self.legs, self.thirds,
            publish=self.publish, show=self.show,
        )  # fmt: skip
        self._desk.supervise(order, self._talking.parties)

    def add_context(self, more: Mapping[str, Any]) -> None:
        """Know this of the call besides: whoever it is handed to is shown it."""
        context = self.call.about.get("context")
        if isinstance(context, dict):
            context.update(more)

    # -- recording --------------------------------------------------------------------------

    def recorded_legs(self, side: Side) -> tuple[Leg, Leg | None]:
        """The agent left and the customer right, or one of them. Raises EngineError `state`.

        Of two customers whom a phone has connected, the one of this call is right.
        """
        talk = self._talking
        if talk is None or not talk.is_joined:
            raise EngineError("state", "agent and customer do not talk now", field="call")
        left, right = sorted(talk.parties, key=lambda leg: leg.role == "customer")
        if side == "both":
            return left, right
        wanted = next((leg for leg in (right, left) if leg.role == side), None)
        if wanted is None:
            raise EngineError("state", f"no {side} talks now", field="side")
        return wanted, None

    def listeners(self) -> tuple[Leg, Leg]:
        """The two who talk."""
        assert self._talking is not None
        return self._talking.parties

    def hear_again(self) -> None:
        """Let the two hear each other after an announcement."""
        if self._talking is not None:
            self._talking.hear_again()

    # -- transfers --------------------------------------------------------------------------

    def transfer(self, order: TransferOrder) -> Leg | None:
        """Transfer one of the two who talk, by command. Raises EngineError."""
        if self._talking is None:
            raise EngineError("state", "agent and customer do not talk now")
        return self._talking.transfer(order)

    def admit_third(self, request: TransferRequest) -> Leg:
        """The leg to the third party of a transfer. Policies and limits are asked first.

        They are counted as whoever a client calls. Agents are not, as in every call to them.
        Raises EngineError.
        """
        assert request.destination is not None
        leg = self.thirds.admit(request.to, request.destination, request.leaves.role)
        if isinstance(leg, StreamLeg):
            leg.of_leg = request.stays.id
        return leg

    async def dial_third(self, leg: Leg, request: TransferRequest) -> None:
        """Call the third party of a transfer; an agent is told what the call is about."""
        name = None if request.destination is None else self._reserve(request.destination.agent)
        try:
            if leg.role == "agent" and request.replaces is None:
                await self.dial_agent(leg, request.ring_s)
            else:
                await self._dial(
                    leg,
                    None,
                    ring_s=request.ring_s,
                    partner=request.stays,
                    headers=_replacing(request.replaces),
                )
        except BaseException:
            if name is not None:
                self._services.agents.release(name, self._work)
            raise
        if name is not None:
            self._services.agents.talking(name, self._work)
            self._third_agents[leg.id] = name
        self.thirds.answered(leg)

    def _reserve(self, name: str | None) -> str | None:
        """Reserve the agent who is called, where they take calls now. Raises EngineError."""
        agents = self._services.agents
        agent = None if name is None else agents.get(name)
        if name is None or agent is None:
            return None
        check_not_busy(agent.state, name)
        if not agents.reserve(name, self._work):
            return None
        agents.ringing(name, self._work)
        return name

    @property
    def _work(self) -> str:
        """What agents of this call work on."""
        return self.call.job_id or self.call.id

    async def party_left(self, request: TransferRequest) -> None:
        """The party who was replaced has no part in the call any more, and is free."""
        await self._stop_recording()
        if request.leaves.role == "agent" and not self._finish_third(request.leaves.id):
            self._release_agents()

    def third_answered(self, leg: Leg, wait: AgentWait) -> None:
        """An agent of a queue is on this leg, whom `wait` frees in the end."""
        self._third_holders[leg.id] = wait
        self._whispered_to = leg

    def party_replaced(self, leg: Leg) -> None:
        """Another party is on this leg now: an agent who was there is free."""
        if leg.role == "agent" and not self._finish_third(leg.id):
            self._release_agents()

    def _finish_third(self, leg_id: str) -> bool:
        holder = self._third_holders.pop(leg_id, None)
        if holder is not None:
            holder.release_agents()
            return True
        name = self._third_agents.pop(leg_id, None)
        if name is not None:
            agents = self._services.agents
            agents.finished(name, self._work, needs_outcome=agents.outcome_required)
        return name is not None

    def shift(self, by_s: float) -> None:
        """The clock was stepped: everything in this call began as long ago as before."""
        self.call.shift(by_s)

    def _release_agents(self) -> None:
        """The agent who answered is not needed any more. Idempotent."""
        if self._agent_holder is not None:
            self._agent_holder.release_agents()

    def _agent_left(self, ended: LegEnded) -> None:
        """An agent who hung up before the whisper was over has missed the offer."""
        is_theirs = ended.leg.role == "agent" and ended.leg is not self._whispered_to
        if is_theirs and self._agent_holder is not None:
            self._agent_holder.miss_agents(ended.hangup_cause)

    def _lose_agent(self, ended: LegEnded) -> None:
        """The agent hung up before the two were joined: the call goes on without them."""
        self._agent_left(ended)
        self._release_agents()
        self.legs.drop(ended.leg)

    def _log_failed(self, result: str, cause: str) -> None:
        """Log why the call has failed, with what finds the leg in a PBX or a capture."""
        facts: dict[str, Any] = {"job": self.call.job_id, "result": result, "cause": cause}
        leg = self._failed_leg or (self.call.legs[-1] if self.call.legs else None)
        if leg is not None:
            facts |= {"leg": leg.id, "sip_status": leg.record.sip_status, **leg.record.way()}
        known = {name: value for name, value in facts.items() if value is not None}
        log.info("call_failed", call=self.call.id, **known)

    async def _give_back(self) -> None:
        """Free the agent, end the recording, and give every port back."""
        self._release_agents()
        self._agent_holder = None
        for leg_id in (*self._third_agents, *self._third_holders):
            self._finish_third(leg_id)
        # On its own, so that a recording that is slow to end keeps no port.
        await self._stop_recording()
        if self._desk is not None:
            await self._desk.close()
            self._desk = None
        await self.legs.give_back()
        self.thirds.settle()


def _replacing(replaces: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of an INVITE that takes the place of another dialog (RFC 3891)."""
    return () if replaces is None else (("Replaces", replaces), ("Require", "replaces"))

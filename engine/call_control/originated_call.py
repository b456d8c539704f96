"""A call that a client originates."""

from ..calls.call_result import Result
from ..calls.dialling import DEFAULT_CALLER, Caller
from ..calls.services import CallServices
from ..routing.admission import Admission
from .controlled_call import CallFacts, ControlledCall


class OriginatedCall(ControlledCall):
    """It is dialled, and up once the party has answered.

    Where that is an agent who takes calls now, no queue offers them another one meanwhile.
    """

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        facts: CallFacts,
        *,
        caller_id: str | None,
        ring_s: float,
        headers: tuple[tuple[str, str], ...],
    ) -> None:
        super().__init__(services, admission, facts)
        self._caller_id = caller_id
        self._ring_s = ring_s
        self._headers = headers
        self._reserved = False
        self.legs.show(self.leg)

    def register(self) -> None:
        """See ControlledCall."""
        super().register()
        agent = self._facts.destination.agent
        self._reserved = agent is not None and self._services.agents.reserve(agent, self.call.id)

    def free_agent(self) -> None:
        """Let queues offer calls to the agent again. Idempotent."""
        agent = self._facts.destination.agent
        if agent is not None and self._reserved:
            self._reserved = False
            self._services.agents.release(agent, self.call.id)

    async def _clear(self, result: Result) -> None:
        await super()._clear(result)
        self.free_agent()

    def announce(self) -> None:
        """See ControlledCall."""
        self.publish("call.originated", **self._facts.shown)

    async def until_answered(self) -> None:
        """See ControlledCall."""
        usual = self._services.dial.caller_id or DEFAULT_CALLER
        await self.leg.dial(
            caller=Caller(self._caller_id, usual), ring_s=self._ring_s, headers=self._headers
        )
        answers, detect = self._services.answers, self._facts.detect
        if answers.listens_to(self.leg.record.trunk) if detect is None else detect:
            self._services.detection.begin(self.call, self.leg, answers.limits)

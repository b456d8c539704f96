"""Rings supervisors into one call, and lets them go with it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from media.worker_pool import WorkerPool

from ...errors import EngineError
from ..call import Call
from ..call_legs import CallLegs, codecs_like, subject_of
from ..cancel_scope import while_up
from ..dialling import DEFAULT_CALLER, Caller
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded
from ..services import CallServices
from ..third_parties import ThirdParties, check_not_busy
from ..transfers.request import check_third_party
from .supervisors import SuperviseOrder, Supervisor

MOST_SUPERVISORS = 5

OVER = HangupCause("cancelled", "the call is over")


class SupervisorDesk:
    """The supervisors of one call flow.

    `publish` publishes an event of the call; `show` is told of each leg that is about to be called.
    """

    def __init__(
        self,
        services: CallServices,
        call: Call,
        legs: CallLegs,
        thirds: ThirdParties,
        *,
        publish: Callable[..., None],
        show: Callable[[Leg], None],
    ) -> None:
        self._services = services
        self._call = call
        self._legs = legs
        self._thirds = thirds
        self._publish = publish
        self._show = show
        self._tasks: set[asyncio.Task[None]] = set()

    def supervise(self, order: SuperviseOrder, parties: Sequence[Leg]) -> None:
        """Ring a supervisor, or change the mode of one. `parties` talk. Raises EngineError."""
        if order.mode == "whisper":
            self._check_coached(order, parties)
        known = self._call.supervisors.named(order.to)
        if known is not None:
            if (known.mode, known.coached) != (order.mode, order.coached):
                self._call.supervisors.change(known, order.mode, order.coached)
                self._say("supervision.changed", known)
            return
        if len(self._call.supervisors) >= MOST_SUPERVISORS:
            raise EngineError("refused", f"a call has {MOST_SUPERVISORS} supervisors at most")
        services = self._services
        check_third_party(order.destination, (*parties, *self._supervising), services.dialplan)
        agent = order.destination.agent
        known_agent = None if agent is None else services.agents.get(agent)
        if agent is not None and known_agent is not None:
            check_not_busy(known_agent.state, agent)
        leg = None if agent is None else self._legs.borrow_line(agent, "supervisor")
        if leg is None:
            leg = self._thirds.admit(order.to, order.destination, "supervisor")
        elif not are_together(services.media, leg, parties):
            self._legs.drop(leg)
            reason = f"the permanent line of {agent} has no media any more"
            raise EngineError("unavailable", reason, field="agent")
        supervisor = Supervisor(leg, order.to, order.mode, order.coached)
        self._call.supervisors.add_supervisor(supervisor)
        task = asyncio.get_running_loop().create_task(self._attend(supervisor, order, parties[0]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def _supervising(self) -> tuple[Leg, ...]:
        return tuple(one.leg for one in self._call.supervisors)

    @staticmethod
    def _check_coached(order: SuperviseOrder, parties: Sequence[Leg]) -> None:
        if order.coached is None:
            if not any(party.role == "agent" for party in parties):
                reason = "neither party is an agent: name the leg that is to hear the whisper"
                raise EngineError("state", reason, field="leg")
        elif not any(party.id == order.coached for party in parties):
            raise EngineError("state", f"leg {order.coached} does not talk", field="leg")

    async def close(self) -> None:
        """The call is over: let every supervisor go, and wait until they are gone."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one supervisor -----------------------------------------------------------------------

    async def _attend(self, supervisor: Supervisor, order: SuperviseOrder, party: Leg) -> None:
        cause: HangupCause | None = None
        try:
            with self._reserved(order.destination.agent, supervisor.leg.id):
                await self._ring(supervisor, order, party)
                async with while_up(supervisor.leg):
                    self._call.supervisors.join(supervisor)
                    self._say("supervision.started", supervisor)
                    await asyncio.Event().wait()  # until they hang up, or the call is over
        except LegEnded as ended:
            cause = ended.hangup_cause
        except EngineError as error:
            cause = HangupCause("unavailable", error.message)
        finally:
            has_joined = supervisor.has_joined
            cause = cause or supervisor.leg.hangup_cause or OVER
            self._call.supervisors.remove(supervisor)
            self._legs.drop(supervisor.leg)
            self._say(
                "supervision.ended" if has_joined else "supervision.failed",
                supervisor,
                result=cause.result,
                cause=str(cause),
                sip_status=cause.sip_status,
            )

    async def _ring(self, supervisor: Supervisor, order: SuperviseOrder, party: Leg) -> None:
        """Call the supervisor, who sees what an agent sees of the call. Raises LegEnded."""
        services, leg = self._services, supervisor.leg
        await leg.open(beside=party)
        self._show(leg)
        await leg.dial(
            caller=Caller(None, services.dial.caller_id or DEFAULT_CALLER),
            ring_s=order.ring_s or services.dial.ring_s,
            codecs=codecs_like(party),
            headers=services.headers_of(subject_of(self._call)),
        )
        self._thirds.answered(leg)

    @contextmanager
    def _reserved(self, agent: str | None, work: str) -> Iterator[None]:
        """Offer the agent no calls in the body, where they take calls now."""
        agents = self._services.agents
        is_reserved = agent is not None and agents.reserve(agent, work)
        try:
            yield
        finally:
            if agent is not None and is_reserved:
                agents.release(agent, work)

    def _say(self, kind: str, supervisor: Supervisor, **fields: object) -> None:
        about = {"leg": supervisor.leg.id, "supervisor": supervisor.name, "mode": supervisor.mode}
        self._publish(kind, **about, **fields)


def are_together(media: WorkerPool, leg: Leg, parties: Sequence[Leg]) -> bool:
    """Whether the leg has the media worker of the parties, so that it can hear them."""
    return all(media.are_together(leg.id, party.id) for party in parties)

"""Permanent legs: the lines of agents who stay on the phone between calls.

An agent whose configuration says `permanent = true` is called once when they log in, and again, at
growing intervals, whenever their line is down while they are logged in. They are available only
while it is up. A call flow borrows the line from `AgentLines` instead of dialling.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from ...acd.agent import Agent, AgentState
from ...acd.agents import AgentRegistry
from ...errors import EngineError
from ...routing.admission import Admission
from ...routing.targets.destination import Destination, DialTarget
from ...trace.traced_call import Line
from ..call import Call
from ..dialling import DEFAULT_CALLER, Caller
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded
from ..redirected_calls import RedirectedCalls
from ..services import CallServices
from ..templates import Subject
from .leg_listener import LegListener, ObservedLeg
from .trunk_use import TrunkUse

log = structlog.get_logger()

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
# A line that was up for this long is dialled again as soon as it is down.
STABLE_S: Final = 30.0
RELEASE_LIMIT_S: Final = 1.0


class PermanentLegs:
    """Keeps the lines of the permanent agents up."""

    def __init__(self, services: CallServices, admission: Admission) -> None:
        self._admission = admission
        self._agents = services.agents
        self._lines = services.lines
        self._services = services
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._off_work: dict[str, asyncio.Event] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Call every permanent agent who is logged in, and from now on each who logs in."""
        self._unsubscribe = self._agents.subscribe(on_change=self._changed)
        self.review()

    def review(self) -> None:
        """Call the agents who are permanent now, and hang up those who no longer are."""
        for agent in tuple(self._agents):
            self._review(agent)

    async def stop(self) -> None:
        """Hang up every line, and call no agent again."""
        self._unsubscribe()
        for name in tuple(self._tasks):
            self._hang_up(name)
        if self._ending:
            await asyncio.wait(self._ending)

    # -- which lines are wanted -------------------------------------------------------------

    def _changed(self, agent: Agent, _previous: AgentState) -> None:
        self._review(agent)

    def _review(self, agent: Agent) -> None:
        wanted = agent.permanent and agent.is_logged_in
        if wanted and agent.name not in self._tasks:
            keep = self._keep(agent.name)
            self._tasks[agent.name] = asyncio.get_running_loop().create_task(keep)
        elif not wanted and agent.name in self._tasks and not agent.is_on_work:
            self._hang_up(agent.name)
        waits = self._off_work.get(agent.name)
        if waits is not None and not agent.is_on_work:
            waits.set()

    def _hang_up(self, name: str) -> None:
        task = self._tasks.pop(name)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.cancel()

    # -- keeping one up ---------------------------------------------------------------------

    async def _keep(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        retry_s = FIRST_RETRY_S
        while True:
            # The phone may be busy with a call that was dialled because the line was down.
            await self._until_off_work(name)
            try:
                line = await self._call(name)
            except (LegEnded, EngineError) as error:
                self._services.events.publish(
                    "line.failed", agent=name, reason=str(error), retry_s=retry_s
                )
            else:
                began = loop.time()
                await self._while_line_is_up(name, line)
                if loop.time() - began >= STABLE_S:
                    retry_s = FIRST_RETRY_S
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    async def _until_off_work(self, name: str) -> None:
        agent = self._agents.get(name)
        if agent is None or not agent.is_on_work:
            return
        waits = self._off_work[name] = asyncio.Event()
        try:
            await waits.wait()
        finally:
            del self._off_work[name]

    async def _while_line_is_up(self, name: str, line: Leg) -> None:
        down = asyncio.Event()

        line.listen(_LineDown(name, self._agents, down))
        self._lines.add_line(name, line)
        try:
            if line.hangup_cause is None:
                self._agents.line(name, True)
                await down.wait()
        finally:
            self._lines.remove_line(name)
            await self._release(line)

    async def _call(self, name: str) -> Leg:
        """The agent's line, from the first address that answers. Raises LegEnded, EngineError."""
        missed: LegEnded | None = None
        for destination in self._services.dialplan.agent_destinations(name):
            line = self._leg(name, destination)
            try:
                await self._dial(line)
                return line
            except LegEnded as ended:
                missed = ended
                await self._release(line)
            except BaseException:
                await self._release(line)
                raise
        assert missed is not None
        raise missed

    async def _dial(self, line: Leg) -> None:
        dial = self._services.dial
        await line.open()
        await line.dial(
            caller=Caller(None, default=dial.caller_id or DEFAULT_CALLER),
            ring_s=line.destination.ring_s or dial.ring_s,
        )

    def _leg(self, name: str, destination: Destination) -> Leg:
        services = self._services
        line = Leg(
            leg_id=f"line-{services.new_id()}",
            role="agent",
            destination=destination,
            sip=services.sip,
            media=services.media,
            owner=_LineOwner(name, services, self._admission),
            rtp_host=services.rtp_host,
        )
        services.registry.legs[line.id] = line
        return line

    async def _release(self, line: Leg) -> None:
        line.hang_up(HangupCause("completed", "logged out"))
        try:
            async with asyncio.timeout(RELEASE_LIMIT_S):
                await line.release()
        except TimeoutError:
            log.warning("media_report_late", leg=line.id)
        self._services.registry.legs.pop(line.id, None)
        self._services.trace.over(line.id)


class _LineOwner(TrunkUse):
    """Publishes what happens to the line of `agent`."""

    def __init__(self, agent: str, services: CallServices, admission: Admission) -> None:
        super().__init__(services)
        line = Call(f"line-{services.new_id()}", None, started=services.clock.now())
        self._redirected = RedirectedCalls(line, services, admission)
        self._agent = agent

    def now(self) -> float:
        """The time in Unix seconds."""
        return self._services.clock.now()

    def publish(self, kind: str, line: ObservedLeg, /, **fields: Any) -> None:
        """Publish the event as the line's, where no call has borrowed it and publishes it."""
        if kind == "leg.ended":
            self.trunk_left(line)
        if self._services.lines.is_borrowed(self._agent) and kind != "leg.ended":
            return
        record = line.record
        self._services.events.publish(
            kind.replace("leg.", "line.", 1),
            agent=self._agent,
            leg=line.id,
            uri=record.uri,
            sip_status=record.sip_status,
            reason=record.reason,
            **record.way(),
            **fields,
        )

    def signalled(self, line: ObservedLeg) -> None:
        """The SIP of the line has begun: its messages are traced as the line's own."""
        self._services.trace.belongs(Line(line.id, self._agent, line.record.started), line.record)

    def headers_for(self, target: DialTarget) -> tuple[tuple[str, str], ...]:
        """The headers that the target's trunk wants in the INVITE: the line is about no call."""
        return self._services.headers_of(Subject("", "", {}), dict(target.headers))

    def redirected(self, uri: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
        """Where a redirection to `uri` leads to. Raises EngineError."""
        return self._redirected.targets(uri, by_proxy)


class _LineDown(LegListener):
    """Notes that the line of `agent` has ended."""

    def __init__(self, agent: str, agents: AgentRegistry, down: asyncio.Event) -> None:
        self._agent = agent
        self._agents = agents
        self._down = down

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """The agent cannot take calls before the line is up again."""
        self._agents.line(self._agent, False)
        self._down.set()

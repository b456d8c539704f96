"""Permanent legs: the lines of operators who stay on the phone between calls.

An operator whose configuration says `permanent = true` is called once when he logs in, and again,
at growing intervals, whenever his line is down while he is logged in. He is available only while
it is up. A call flow borrows the line by `take` instead of dialling.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog

from media.sources import Silence, Source

from ..acd.agent import Agent, AgentState
from ..acd.agents import AgentRegistry
from ..errors import EngineError
from ..routing.dialplan import Destination
from .borrowed_leg import BorrowedLeg
from .hangup_cause import HangupCause
from .leg import DEFAULT_CALLER, Caller, Leg, LegEnded, PublishLegEvent, Role
from .services import CallServices

log = structlog.get_logger()

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
# A line that was up for so long is dialled again as soon as it is down.
STABLE_S: Final = 30.0
RELEASE_LIMIT_S: Final = 1.0


class PermanentLegs:
    """Keeps the lines of the permanent agents up, and lends them to calls."""

    def __init__(self, agents: AgentRegistry, services: CallServices) -> None:
        self._agents = agents
        self._services = services
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._lines: dict[str, Leg] = {}
        self._lent: dict[str, BorrowedLeg] = {}
        self._off_work: dict[str, asyncio.Event] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Call every permanent agent who is logged in, and from now on whoever logs in."""
        self._unsubscribe = self._agents.subscribe(on_change=self._changed)
        self.review()

    def review(self) -> None:
        """Call and hang up whom the configuration has on the line, or no longer has."""
        for agent in tuple(self._agents):
            self._review(agent)

    async def stop(self) -> None:
        """Hang up every line, and call nobody again."""
        self._unsubscribe()
        for name in tuple(self._tasks):
            self._hang_up(name)
        if self._ending:
            await asyncio.wait(self._ending)

    # -- lending ----------------------------------------------------------------------------

    def line_of(self, agent: str) -> Leg | None:
        """The agent's line, where it is up."""
        return self._lines.get(agent)

    def take(self, agent: str, publish: PublishLegEvent, role: Role = "agent") -> Leg | None:
        """The agent's line as a leg of a call; None where there is none, or a call has it.

        The leg goes the way of any other: `open`, `dial` (which announces the call), `hang_up`,
        `release`; the last two give the line back.
        """
        line = self._lines.get(agent)
        if line is None or line.ending is not None or agent in self._lent:
            return None
        lent = BorrowedLeg(
            line,
            role=role,
            sip=self._services.sip,
            media=self._services.media,
            publish=publish,
            give_back=partial(self._back, agent),
        )
        self._lent[agent] = lent
        return lent

    def give_back(self, leg: Leg) -> None:
        """End a call's use of a line, if it has not ended. No effect on any other leg."""
        if isinstance(leg, BorrowedLeg):
            leg.hang_up(HangupCause("completed", "call over"))

    def _back(self, agent: str, lent: BorrowedLeg) -> None:
        if self._lent.get(agent) is lent:
            del self._lent[agent]
        line = self._lines.get(agent)
        if line is not None and line.id == lent.id and line.ending is None:
            self._services.register.legs[line.id] = line
            line.hear(self._comfort(agent))

    def _comfort(self, name: str) -> Source:
        agent = self._agents.get(name)
        music = agent is not None and agent.policy.comfort == "music"
        return self._services.hold if music else Silence()

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
            # His phone may be busy with a call that was dialled because the line was down.
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

        def end(_line: Leg) -> None:
            self._agents.line(name, False)
            down.set()

        line.on_end.append(end)
        self._lines[name] = line
        try:
            line.hear(self._comfort(name))
            if line.ending is None:
                self._agents.line(name, True)
                await down.wait()
        finally:
            del self._lines[name]
            await self._release(line)

    async def _call(self, name: str) -> Leg:
        """His line, from the first address that answers. Raises LegEnded, EngineError."""
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
            publish=partial(self._publish, name),
            rtp_host=services.rtp_host,
        )
        services.register.legs[line.id] = line
        return line

    async def _release(self, line: Leg) -> None:
        line.hang_up(HangupCause("completed", "logged out"))
        try:
            async with asyncio.timeout(RELEASE_LIMIT_S):
                await line.release()
        except TimeoutError:
            log.warning("media_report_late", leg=line.id)
        self._services.register.legs.pop(line.id, None)

    def _publish(self, name: str, kind: str, line: Leg, **fields: Any) -> None:
        if name in self._lent and kind != "leg.ended":
            return  # the call that has it tells of it
        record = line.record
        self._services.events.publish(
            kind.replace("leg.", "line.", 1),
            agent=name,
            leg=line.id,
            uri=record.uri,
            sip_status=record.sip_status,
            reason=record.reason,
            **fields,
        )

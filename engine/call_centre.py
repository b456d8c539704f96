"""The call centre, tied to the daemon: agents, queues, and the rooms in which people wait."""

from typing import TYPE_CHECKING

from config.settings import Settings

from .agent_clock import AgentClock
from .agent_methods import AgentMethods
from .agents import Agents
from .control import Method
from .opening import opening_hours
from .permanent_leg import PermanentLegs
from .queue_methods import QueueMethods
from .queues import Queues
from .roster import Roster
from .waiting_room import WaitingRooms

if TYPE_CHECKING:
    from .daemon import Daemon


class CallCentre:
    """Whoever takes calls, and whoever waits for one of them."""

    def __init__(self, daemon: "Daemon") -> None:
        settings, board = daemon.settings, daemon.board
        self._settings = settings
        self.agents = Agents(
            settings.agents,
            defaults=settings.agent_defaults,
            events=daemon.events,
            store=daemon.store,
        )
        self.roster = Roster(
            settings.agents,
            agents=self.agents,
            dialplan=board.dialplan,
            store=daemon.store,
            events=daemon.events,
            takes_permanent=settings.media.workers == 1,
        )
        self.clock = AgentClock(self.agents)
        self.queues = Queues(self.agents, daemon.events, ring_s=settings.dial.ring_s)
        self.permanent = PermanentLegs(self.agents, board)
        self.rooms = WaitingRooms(
            settings.rooms,
            whisperer=board.whisperer,
            hold=board.hold,
            alone_s=settings.reports.alone_s,
        )
        board.agents, board.queues = self.agents, self.queues
        board.permanent, board.rooms = self.permanent, self.rooms
        daemon.events.snapshot_sources["agent"] = self.agents.views
        daemon.events.snapshot_sources["queue"] = self.queues.views

    def table(self) -> dict[str, Method]:
        """The methods: agent.*, queue.*."""
        return AgentMethods(self.agents, self.roster).table() | QueueMethods(self.queues).table()

    async def open(self) -> None:
        """Take up what an earlier engine left, and begin to match. Raises StoreError."""
        await self.roster.start()
        self.clock.start()
        self._configure_queues(start=True)

    def start(self) -> None:
        """Calls can be made: call those who stay on the line."""
        self.permanent.start()

    async def stop(self) -> None:
        """Nobody is offered any more, and every line is hung up."""
        self.queues.stop()
        self.clock.stop()
        await self.permanent.stop()

    def reload(self, settings: Settings) -> None:
        """Take agents, queues and rooms as they are configured now; calls go on."""
        self._settings = settings
        self.roster.reconfigure(settings.agents, settings.agent_defaults)
        self.rooms.furnish(settings.rooms, settings.reports.alone_s)
        self._configure_queues(start=False)

    def _configure_queues(self, *, start: bool) -> None:
        settings = self._settings
        configure = self.queues.start if start else self.queues.configure
        configure(settings.queues, settings.centres, opening_hours(settings.calendars))

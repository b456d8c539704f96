"""The call centre, tied to the daemon: agents, queues, and the rooms in which people wait."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from config.queues import Centre, Queue
from config.settings import Settings

from .acd.agents import AgentClock
from .acd.queues import PAUSED_AS
from .acd.roster import Roster
from .calls.permanent_leg import PermanentLegs
from .control.methods.agents import AgentMethods
from .control.methods.queues import QueueMethods
from .control.server import Method
from .reports.intervals import zone_of
from .routing.opening_hours import OpeningHours, opening_hours

if TYPE_CHECKING:
    from .daemon import Daemon


class CallCentre:
    """Whoever takes calls, and whoever waits for one of them."""

    def __init__(self, daemon: "Daemon") -> None:
        settings, services = daemon.settings, daemon.services
        self._settings = settings
        self.agents, self.queues = services.agents, services.queues
        self.roster = Roster(
            settings.agents,
            agents=self.agents,
            dialplan=services.dialplan,
            store=daemon.store,
            events=daemon.events,
            takes_permanent=settings.media.workers == 1,
        )
        self.clock = AgentClock(self.agents)
        self._store = daemon.store
        self.permanent = PermanentLegs(services)
        self.rooms = services.rooms
        daemon.events.snapshot_sources["agent"] = self.agents.views
        daemon.events.snapshot_sources["queue"] = self.queues.views

    def table(self) -> dict[str, Method]:
        """The methods: agent.*, queue.*."""
        return (
            AgentMethods(self.agents, self.roster, self.queues).table()
            | QueueMethods(self.queues).table()
        )

    async def open(self) -> None:
        """Take up what an earlier engine left, and begin to match. Raises StoreError."""
        await self.roster.start()
        self.clock.start()
        paused = await self._store.load(PAUSED_AS, dict)
        self.queues.start(*self._queue_settings(), paused=paused)

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
        self.agents.zone = zone_of(settings.reports.time_zone)
        self.roster.reconfigure(settings.agents, settings.agent_defaults)
        self.permanent.review()
        self.rooms.configure(settings.rooms, settings.reports.alone_s)
        self.queues.matcher.ring_s = settings.dial.ring_s
        self.queues.configure(*self._queue_settings())

    def _queue_settings(
        self,
    ) -> tuple[Sequence[Queue], Sequence[Centre], Mapping[str, OpeningHours]]:
        settings = self._settings
        return settings.queues, settings.centres, opening_hours(settings.calendars)

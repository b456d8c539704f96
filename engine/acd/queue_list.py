"""The list of queues: those that are configured, and those that are still served until empty."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from config.queues import Centre, Queue

from ..errors import EngineError
from ..routing.opening_hours import OpeningHours
from .agent_pool import PooledAgent
from .queue import CallQueue
from .staffing import Staffing


class QueueList:
    """Every queue by name. The one named None is for those who wait for one agent alone."""

    def __init__(self, staffing: Staffing, rng: random.Random) -> None:
        self.staffing = staffing
        self.centres: Mapping[str, Centre] = {}
        self._rng = rng
        self.by_name: dict[str | None, CallQueue] = {None: CallQueue(None, rng)}

    def configure(
        self,
        queues: Iterable[Queue],
        centres: Mapping[str, Centre],
        calendars: Mapping[str, OpeningHours],
        agents: Sequence[PooledAgent],
    ) -> None:
        """Use these queues from now on.

        A queue that is no longer configured accepts nobody. It is served until it is empty, by the
        agents who served it before.
        """
        self.centres = centres
        configured = {queue.name: queue for queue in queues}
        for name, config in configured.items():
            queue = self.by_name.setdefault(name, CallQueue(name, self._rng))
            queue.configure(config, centres, calendars)
            queue.is_removed = False
        for queue in self.by_name.values():
            if queue.name is not None and queue.name not in configured and not queue.is_removed:
                queue.remove_from_configuration()
        self.staffing.configure(queue.config for queue in self.by_name.values() if queue.name)
        # An agent names only queues that are configured: remember who served those that go.
        for queue in self.by_name.values():
            queue.staff = []
        for agent in agents:
            for name in self.staffing.own_queues(agent):
                self.by_name[name].staff.append(agent.name)

    def __iter__(self) -> Iterator[CallQueue]:
        return iter(self.by_name.values())

    def named(self, name: str | None) -> CallQueue:
        """The queue of this name. Raises EngineError `not_found`."""
        queue = self.by_name.get(name)
        if queue is None or (queue.is_removed and not queue.order):
            raise EngineError("not_found", f"there is no queue named {name!r}", field="queue")
        return queue

    def check(self, name: str, now: float, *, has_place: bool = False) -> None:
        """Check that the queue accepts one more, or one who `has_place` in it.

        Raises EngineError `refused`, `unavailable`.
        """
        self.require(name).check(now, has_place=has_place)

    def require(self, name: str) -> CallQueue:
        """The queue of this name, where it accepts anybody at all. Raises EngineError `refused`."""
        queue = self.by_name.get(name)
        if queue is None or queue.is_removed:
            raise EngineError("refused", f"there is no queue named {name!r}", field="queue")
        return queue

    def accepts(self, name: str, now: float) -> bool:
        """Whether the queue accepts one more."""
        try:
            self.check(name, now)
        except EngineError:
            return False
        return True

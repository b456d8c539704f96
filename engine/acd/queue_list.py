"""The list of queues: those that are configured, and those that are still served until empty."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from config.queues import Centre, EntryKind, Overflow, Queue

from ..errors import EngineError
from ..routing.hours.opening_hours import OpeningHours
from .agent_pool import PooledAgent
from .queue import CallQueue
from .queue_entry import Turned
from .staffing import Staffing
from .waiting import Waiting


def outside_of(step: Overflow, centres: Mapping[str, Centre]) -> str:
    """The outside number to which a step of overflow leads; "" for none."""
    if not step.centre:
        return step.number
    centre = centres.get(step.centre)  # gone, where the queue is configured no more
    return centre.number if centre is not None else ""


class QueueList:
    """Every queue by name. The one named None has the entries that wait for one agent alone."""

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

    def shown(self) -> dict[str, CallQueue]:
        """Every configured queue; those that are configured no more while they are used."""
        return {
            name: queue
            for name, queue in self.by_name.items()
            if name is not None and (queue.order or not queue.is_removed)
        }

    def named(self, name: str | None) -> CallQueue:
        """The queue of this name. Raises EngineError `not_found`."""
        queue = self.by_name.get(name)
        if queue is None or (queue.is_removed and not queue.order):
            raise EngineError("not_found", f"there is no queue named {name!r}", field="queue")
        return queue

    def check(
        self,
        name: str,
        now: float,
        kind: EntryKind = "callback",
        *,
        has_place: bool = False,
        taken: int = 0,
    ) -> None:
        """Check that the queue accepts one more entry, or one that `has_place` in it.

        `taken` are places in it of which the engine does not know. One that is full or closed
        accepts them where it sends them on to another that does. Raises EngineError `refused`,
        `unavailable`.
        """
        queue = self.require(name)
        try:
            queue.check(now, kind, has_place=has_place, taken=taken)
        except EngineError as error:
            if not any(self._goes_on(queue, error.data["reason"], kind, now)):
                raise

    def turned(self, waiting: Waiting, now: float) -> Turned | None:
        """Why their queue does not keep them, and only sends them on; None where it keeps them.

        An entry that is back is kept, unless the queue sent it to an outside number instead.
        """
        queue = self.by_name[waiting.queue]
        reason = self._refuses(queue, now, waiting.kind, has_place=waiting.has_place)
        if reason is None or not waiting.is_back:
            return reason
        sent_to = {
            outside_of(step, self.centres)
            for step in queue.config.overflow_of(waiting.kind)
            if step.when == reason
        }
        return reason if sent_to & waiting.outside_tried.keys() else None

    @staticmethod
    def _refuses(
        queue: CallQueue, now: float, kind: EntryKind, *, has_place: bool = False, taken: int = 0
    ) -> Turned | None:
        try:
            queue.check(now, kind, has_place=has_place, taken=taken)
        except EngineError as error:
            reason: Turned = error.data["reason"]
            return reason
        return None

    def _goes_on(
        self, queue: CallQueue, reason: str, kind: EntryKind, now: float
    ) -> Iterator[bool]:
        for step in queue.config.overflow_of(kind):
            if step.when == reason:
                takes = bool(step.queue) and self.accepts(step.queue, now, kind)
                yield takes or bool(outside_of(step, self.centres))

    def opens_at(self, name: str, at: float, kind: EntryKind) -> float | None:
        """The first time from `at` on at which the queue accepts somebody; None: never.

        A closed queue accepts an entry that its overflow sends to an open one.
        """
        queue = self.by_name.get(name)
        if queue is None or queue.hours is None:
            return at
        times = [queue.hours.opens_at(at)]
        for step in queue.config.overflow_of(kind):
            if step.when == "closed":
                target = self.by_name.get(step.queue)
                hours = None if target is None else target.hours
                times.append(at if hours is None else hours.opens_at(at))
        return min((one for one in times if one is not None), default=None)

    def require(self, name: str) -> CallQueue:
        """The queue of this name, where it accepts anybody at all. Raises EngineError `refused`."""
        queue = self.by_name.get(name)
        if queue is None or queue.is_removed:
            raise EngineError("refused", f"there is no queue named {name!r}", field="queue")
        return queue

    def accepts(
        self, name: str, now: float, kind: EntryKind = "callback", *, taken: int = 0
    ) -> bool:
        """Whether the queue itself accepts one more, with so many places `taken` besides."""
        queue = self.by_name.get(name)
        known = queue is not None and not queue.is_removed
        return known and queue is not None and self._refuses(queue, now, kind, taken=taken) is None

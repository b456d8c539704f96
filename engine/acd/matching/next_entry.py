"""The next job or caller for an agent who is free, chosen among all queues that they serve."""

from collections.abc import Callable, Iterable

from ..queue import CallQueue
from ..queue_entry import Entry
from .waiting_index import Profile


def next_for(
    profile: Profile, queues: Iterable[CallQueue], now: float, on_held: Callable[[CallQueue], None]
) -> tuple[Entry, CallQueue] | None:
    """The first entry that a free agent may take: by its priority, then by the agent's own
    priority in its queue, then by the weighted wait.

    `on_held` is called with each queue that may release nobody now.
    """
    best: tuple[int, int, float, float, int] | None = None
    found: tuple[Entry, CallQueue] | None = None
    for queue in queues:
        service = profile.serves.get(queue.name or "")
        if not queue.waiting_index or (
            service is None and not queue.waiting_index.keeps_for(profile.name)
        ):
            continue
        if not queue.may_release(now):
            on_held(queue)
            continue
        entry = queue.waiting_index.best(profile, service, now)
        if entry is None:
            continue
        aged_s = queue.config.weight * entry.waited_s(now)
        own = profile.agent.queue_priority.get(queue.name or "", 0)
        rank = (-entry.priority, -own, -aged_s, entry.waiting.joined_at, entry.seq)
        if best is None or rank < best:
            best, found = rank, (entry, queue)
    return found

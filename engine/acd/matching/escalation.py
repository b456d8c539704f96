"""Escalation: an entry that waits leaves, moves to another queue, or rises in priority.

`escalate` says what is due, `next_look` when it is to be asked again; what is due is done by the
matcher. The queue says who may take it meanwhile (`CallQueue.scope`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.queues import Centre, Overflow

from ..queue import CallQueue
from ..queue_entry import Entry
from ..waiting import Leave

# How soon an overflow whose target could take nobody is tried again.
OVERFLOW_RETRY_S = 5.0
# An outside number that did not answer is tried again after the time of its step, at least
# after this.
OUTSIDE_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Escalation:
    """What is due for an entry: its priority rises by `raise_by`, then it leaves, or goes on.

    `leave` sends it away, `to_queue` to another queue; at most one of them is given.
    """

    raise_by: int = 0
    leave: Leave | None = None
    to_queue: str | None = None


NOTHING = Escalation()


def escalate(
    entry: Entry,
    queue: CallQueue,
    centres: Mapping[str, Centre],
    takes: Callable[[str], bool],
    now: float,
) -> Escalation:
    """What is due for `entry` in `queue`. `takes` says whether a queue admits one more."""
    limit_s = queue.config.max_wait_s
    if limit_s and now >= entry.arrived_at + limit_s:
        return Escalation(leave=Leave(reason="timeout"))
    if queue.is_closing(now):
        return Escalation(leave=Leave(reason="closed"))
    steps = queue.config.overflow
    return _overflow(entry, steps, centres, takes, now) if steps else NOTHING


def next_look(entry: Entry, queue: CallQueue, scope_changes_at: float) -> float:
    """When to ask `escalate` again, or when other agents may take the entry."""
    times = [scope_changes_at, entry.retry_overflow_at, *entry.missed.values()]
    if queue.config.max_wait_s:
        times.append(entry.arrived_at + queue.config.max_wait_s)
    if entry.steps_done < len(queue.config.overflow):
        times.append(entry.entered_at + queue.config.overflow[entry.steps_done].after_s)
    return min(times)


def _overflow(
    entry: Entry,
    steps: list[Overflow],
    centres: Mapping[str, Centre],
    takes: Callable[[str], bool],
    now: float,
) -> Escalation:
    """Take the steps that are due, until one leads away."""
    first = entry.steps_done
    if now >= entry.retry_overflow_at:
        first, entry.retry_overflow_at = 0, math.inf
    raise_by = 0
    for number in range(first, len(steps)):
        step = steps[number]
        if now < entry.entered_at + step.after_s:
            break
        if number >= entry.steps_done:
            entry.steps_done = number + 1
            raise_by += step.raise_priority
        outside = step.number
        if step.centre:
            centre = centres.get(step.centre)  # gone, where the queue is configured no more
            outside = centre.number if centre is not None else ""
            if not outside:
                entry.also |= {step.centre}
        if outside:
            again_at = _outside_again_at(entry, step, outside)
            if now >= again_at:
                return Escalation(raise_by, leave=Leave(reason="overflow", target=outside))
            entry.retry_overflow_at = min(entry.retry_overflow_at, again_at)
        elif step.queue and step.queue not in entry.visited:
            if takes(step.queue):
                return Escalation(raise_by, to_queue=step.queue)
            entry.retry_overflow_at = min(entry.retry_overflow_at, now + OVERFLOW_RETRY_S)
    return Escalation(raise_by) if raise_by else NOTHING


def _outside_again_at(entry: Entry, step: Overflow, outside: str) -> float:
    tried_at = entry.waiting.outside_tried.get(outside, -math.inf)
    return tried_at + max(step.after_s, OUTSIDE_AGAIN_S)

"""Escalation: an entry that waits leaves, moves to another queue, or rises in priority.

`escalate` returns what is due, `next_look` when to ask it again; what is due is done by the
matcher. The queue says who may take it meanwhile (`CallQueue.scope`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from config.queues import Centre, EntryKind, Overflow

from ..queue import CallQueue
from ..queue_entry import Entry, Turned
from ..queue_list import outside_of
from ..waiting import Leave

# How soon an overflow whose target could take nobody is tried again.
OVERFLOW_RETRY_S = 5.0
# How often the expected wait of an entry is looked at, where it may overflow for that.
EXPECTED_WAIT_S = 5.0
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


class Targets(Protocol):
    """Where entries may go."""

    @property
    def centres(self) -> Mapping[str, Centre]:
        """The centres by name."""

    def accepts(self, name: str, now: float, kind: EntryKind, /) -> bool:
        """Whether a queue accepts one more of this kind."""


IsStaffed = Callable[[str], bool]
"""Whether an agent who serves a queue is logged in."""


def escalate(
    entry: Entry, queue: CallQueue, targets: Targets, is_staffed: IsStaffed, now: float
) -> Escalation:
    """What is due for `entry` in `queue`."""
    steps = queue.config.overflow_of(entry.waiting.kind)
    if entry.turned is not None:
        return _instead(entry, entry.turned, steps, targets, now)
    limit_s = queue.config.max_wait_of(entry.waiting.kind)
    if limit_s and now >= entry.arrived_at + limit_s:
        return Escalation(leave=Leave(reason="timeout"))
    if queue.is_closing(now):
        return _instead(entry, "closed", steps, targets, now)
    if not steps:
        return NOTHING
    is_due = partial(_is_due, entry=entry, queue=queue, is_staffed=is_staffed, now=now)
    return _overflow(entry, steps, is_due, targets, now)


def next_look(entry: Entry, queue: CallQueue, scope_changes_at: float, now: float) -> float:
    """When to ask `escalate` again, or when other agents may take the entry."""
    kind = entry.waiting.kind
    times = [scope_changes_at, entry.retry_overflow_at, *entry.missed.values()]
    if limit_s := queue.config.max_wait_of(kind):
        times.append(entry.arrived_at + limit_s)
    for number, step in enumerate(queue.config.overflow_of(kind)):
        if number in entry.steps_done or step.is_instead:
            continue
        due_at = entry.entered_at + (step.after_s or 0.0)
        if step.when == "expected_wait":
            times.append(max(due_at, now + EXPECTED_WAIT_S))
        elif due_at > now:
            times.append(due_at)
    return min(times)


def _instead(
    entry: Entry, reason: Turned, steps: list[Overflow], targets: Targets, now: float
) -> Escalation:
    """Where an entry goes that the queue does not keep; away where nobody else takes it."""
    for step in steps:
        if step.when != reason:
            continue
        outside = outside_of(step, targets.centres)
        if outside and outside not in entry.waiting.outside_tried:
            return Escalation(leave=Leave(reason="overflow", target=outside))
        is_new = bool(step.queue) and step.queue not in entry.visited
        if is_new and targets.accepts(step.queue, now, entry.waiting.kind):
            return Escalation(to_queue=step.queue)
    return Escalation(leave=Leave(reason=reason))


def _is_due(
    step: Overflow, *, entry: Entry, queue: CallQueue, is_staffed: IsStaffed, now: float
) -> bool:
    if step.is_instead or now < entry.entered_at + (step.after_s or 0.0):
        return False
    match step.when:
        case "length":
            return queue.place(entry) > (step.above or 0.0)
        case "expected_wait":
            expected_s = queue.expected.wait_s(queue.place(entry), now)
            return expected_s is not None and expected_s > (step.above or 0.0)
        case "nobody":
            return not is_staffed(queue.name or "")
    return True


def _overflow(
    entry: Entry,
    steps: list[Overflow],
    is_due: Callable[[Overflow], bool],
    targets: Targets,
    now: float,
) -> Escalation:
    """Take the steps that are due, until one leads away."""
    again = now >= entry.retry_overflow_at
    if again:
        entry.retry_overflow_at = math.inf
    raise_by = 0
    for number, step in enumerate(steps):
        is_new = number not in entry.steps_done
        if not (is_new or again) or not is_due(step):
            continue
        if is_new:
            entry.steps_done.add(number)
            raise_by += step.raise_priority
        outside = outside_of(step, targets.centres)
        if step.centre and not outside:
            entry.also |= {step.centre}
        if outside:
            again_at = _outside_again_at(entry, step, outside)
            if now >= again_at:
                return Escalation(raise_by, leave=Leave(reason="overflow", target=outside))
            entry.retry_overflow_at = min(entry.retry_overflow_at, again_at)
        elif step.queue and step.queue not in entry.visited:
            if targets.accepts(step.queue, now, entry.waiting.kind):
                return Escalation(raise_by, to_queue=step.queue)
            entry.retry_overflow_at = min(entry.retry_overflow_at, now + OVERFLOW_RETRY_S)
    return Escalation(raise_by) if raise_by else NOTHING


def _outside_again_at(entry: Entry, step: Overflow, outside: str) -> float:
    tried_at = entry.waiting.outside_tried.get(outside, -math.inf)
    return tried_at + max(step.after_s or 0.0, OUTSIDE_AGAIN_S)

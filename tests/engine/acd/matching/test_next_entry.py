"""The next entry for a free agent: by priority, by the agent's own, then by the weighted wait."""

import random
from typing import Any

from config.queues import Queue
from engine.acd.matching.next_entry import next_for
from engine.acd.matching.waiting_index import Profile
from engine.acd.queue import CallQueue
from engine.acd.staffing import NEVER
from tests.engine.acd.test_queue_entry import entry


class Ann:
    """What is looked at of the agent."""

    state = "available"

    def __init__(self, **queue_priority: int) -> None:
        self.queue_priority = queue_priority


def profile(**queue_priority: int) -> Profile:
    """One who serves sales and support as their own queues."""
    agent: Any = Ann(**queue_priority)
    serves = dict.fromkeys(("sales", "support"), (True, NEVER))
    return Profile(agent, "ann", None, {}, frozenset(), serves)


def queue(name: str, *waiting: tuple[int, int, float], **settings: Any) -> CallQueue:
    """A queue in which entries wait: each its number, its priority and when it came."""
    made = CallQueue(name, random.Random(1))
    made.configure(Queue(name=name, **settings), {}, {})
    for seq, priority, joined_at in waiting:
        one = entry()
        one.seq, one.priority = seq, priority
        one.waiting.joined_at = one.entered_at = joined_at
        one.set_key()
        made.add_entry(one, joined_at)
        made.waiting_index.index_entry(one)
    return made


def chosen(agent: Profile, *queues: CallQueue) -> tuple[int, str | None] | None:
    """The number of the next entry, and its queue."""
    held: list[CallQueue] = []
    found = next_for(agent, queues, 200.0, held.append)
    assert not held
    return None if found is None else (found[0].seq, found[1].name)


def test_who_has_waited_longest_is_next_among_all_queues() -> None:
    queues = queue("sales", (1, 0, 100.0), (2, 0, 90.0)), queue("support", (3, 0, 80.0))
    assert chosen(profile(), *queues) == (3, "support")
    assert chosen(profile()) is None


def test_the_priority_of_an_entry_comes_before_that_of_a_queue_and_both_before_the_wait() -> None:
    queues = queue("sales", (1, 0, 10.0)), queue("support", (2, 0, 100.0))
    assert chosen(profile(support=1), *queues) == (2, "support")
    queues = queue("sales", (1, 5, 100.0)), queue("support", (2, 0, 10.0))
    assert chosen(profile(support=1), *queues) == (1, "sales")


def test_the_wait_counts_by_the_weight_of_its_queue() -> None:
    queues = queue("sales", (1, 0, 150.0), weight=4), queue("support", (2, 0, 100.0))
    assert chosen(profile(), *queues) == (1, "sales")


def test_a_queue_that_may_release_nobody_now_is_told_and_passed_over() -> None:
    paced, other = queue("sales", (1, 0, 10.0), release_per_min=1), queue("support", (2, 0, 100.0))
    paced.released(entry(), ("bob",), 199.0)
    held: list[CallQueue] = []
    found = next_for(profile(), (paced, other), 200.0, held.append)
    assert found is not None and found[0].seq == 2
    assert held == [paced]

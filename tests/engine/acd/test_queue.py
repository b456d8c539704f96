"""A line: the order in it, pages of it, and when it lets somebody go."""

import random

from config.queues import Queue
from engine.acd.queue import TALLIED, CallQueue
from tests.engine.acd.test_queue_entry import entry


def a_line(**settings: float) -> CallQueue:
    line = CallQueue("sales", random.Random(1))
    line.configure(Queue(name="sales", **settings), {}, {})  # type: ignore[arg-type]
    return line


def test_pages_follow_the_order_even_where_entries_leave_meanwhile() -> None:
    line = a_line()
    entries = []
    for seq in range(6):
        one = entry()
        one.seq, one.priority = seq, seq % 2
        one.set_key()
        line.add_entry(one, 100.0)
        entries.append(one)
    assert [one.seq for one in line.after(None, 3)] == [1, 3, 5]
    last = entries[5].key
    line.remove_entry(entries[5], 100.0)
    assert [one.seq for one in line.after(last, 10)] == [0, 2, 4]
    assert line.place(entries[0]) == 3
    assert len(line) == 5


def test_a_paced_line_says_when_it_is_to_be_looked_at_again() -> None:
    line = a_line(release_per_min=6)
    one = entry()
    one.set_key()
    line.add_entry(one, 100.0)
    line.waiting_index.index_entry(one)
    assert line.may_release(100.0)
    line.released(one, ("ann",), 100.0)
    assert not line.may_release(109.9) and line.is_held
    assert line.next_change(101.0) == 110.0
    assert line.may_release(110.0)


def test_its_view_counts_who_waits_rings_and_talks() -> None:
    line = a_line()
    first, second = entry(), entry()
    second.seq = 2
    for one in (first, second):
        one.set_key()
        line.add_entry(one, 100.0)
    line.waiting_index.index_entry(second)
    line.active = {"first": ("ann",), "other": ("bob",)}
    view = line.view(160.0)
    assert (view["waiting"], view["offered"], view["talking"]) == (1, 1, 1)
    assert view["longest_wait_s"] == 60.0
    assert view["tally"] == dict.fromkeys(TALLIED, 0)

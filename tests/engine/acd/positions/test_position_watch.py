"""Which changes of position are published, and how often. See also test_queues.py."""

import random
from typing import Any

from engine.acd.positions.position_watch import MOST_TOLD, PositionWatch
from engine.acd.queue import CallQueue
from engine.acd.queue_entry import Entry, QueueEvent
from engine.acd.waiting import Waiting


class Watched:
    """A queue in which callers wait, and what is published of their positions."""

    def __init__(self, count: int) -> None:
        self.queue = CallQueue("sales", random.Random(1))
        self.published: list[tuple[str, int, int]] = []
        self.watch = PositionWatch(self._tell)
        self.entries = [self._join(number) for number in range(count)]

    def _tell(self, event: QueueEvent) -> None:
        self.watch.note(event)
        assert (event.kind, event.queue) == ("moved", "sales")
        assert event.fields["waited_s"] >= 0
        self.published.append((event.entry.id, event.fields["from_place"], event.fields["place"]))

    def _join(self, number: int) -> Entry:
        waiting = Waiting(
            id=f"c{number}",
            kind="call",
            on_offer=lambda _offer: None,
            on_leave=lambda _leave: None,
            queue="sales",
            joined_at=float(number),
        )
        entry = Entry(
            waiting=waiting,
            seq=number,
            arrived_at=0.0,
            entered_at=0.0,
            priority=0,
            queue="sales",
            skills={},
        )
        entry.set_key()
        self.queue.add_entry(entry, 0.0)
        self.say("joined", entry, place=self.queue.place(entry))
        return entry

    def say(self, kind: str, entry: Entry, **fields: Any) -> None:
        self.watch.note(QueueEvent(kind, entry, "sales", fields))

    def leaves(self, number: int) -> None:
        entry = self.entries[number]
        self.say("answered", entry, place=self.queue.place(entry))
        self.queue.remove_entry(entry, 0.0)

    def look(self) -> list[tuple[str, int, int]]:
        self.published.clear()
        self.watch.look([self.queue], 100.0)
        return self.published


def test_those_behind_one_who_left_are_told_once() -> None:
    watched = Watched(4)
    assert watched.look() == []
    watched.leaves(1)
    assert watched.look() == [("c2", 3, 2), ("c3", 4, 3)]
    assert watched.look() == []


def test_several_changes_at_once_are_one_event() -> None:
    watched = Watched(5)
    for number in (0, 1, 2):
        watched.leaves(number)
    assert watched.look() == [("c3", 4, 1), ("c4", 5, 2)]


def test_who_was_told_by_another_event_is_not_told_again() -> None:
    watched = Watched(3)
    watched.leaves(0)
    watched.say("unanswered", watched.entries[1], place=1)
    assert watched.look() == [("c2", 3, 2)]


def test_only_the_first_of_a_long_queue_are_told() -> None:
    watched = Watched(10 * MOST_TOLD)
    watched.leaves(0)
    assert len(watched.look()) == MOST_TOLD


def test_nothing_is_needed_once_nobody_waits() -> None:
    watched = Watched(2)
    assert watched.watch.is_needed
    watched.say("moved", watched.entries[0], place=1, to_queue="service")
    for number in (0, 1):
        watched.leaves(number)
    assert not watched.watch.is_needed

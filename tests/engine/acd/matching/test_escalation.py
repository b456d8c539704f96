"""What waiting does to an entry: what is due, and when it is to be asked again."""

import math
import random
from typing import Any

from config.queues import Centre, EntryKind, Overflow, Queue, QueueLimits
from engine.acd.matching.escalation import (
    EXPECTED_WAIT_S,
    OUTSIDE_AGAIN_S,
    OVERFLOW_RETRY_S,
    Escalation,
    escalate,
    next_look,
)
from engine.acd.queue import CallQueue
from engine.acd.queue_entry import Entry
from engine.acd.waiting import Leave, Waiting

CENTRES = {
    "leeds": Centre(name="leeds"),
    "partner": Centre(name="partner", number="+442079460999"),
}
OUTSIDE = Leave(reason="overflow", target="+442079460999")


def line_of(*steps: Overflow, **settings: Any) -> CallQueue:
    line = CallQueue("sales", random.Random(1))
    line.configure(Queue(name="sales", overflow=list(steps), **settings), CENTRES, {})
    return line


def entry(kind: EntryKind = "callback", **who: Any) -> Entry:
    waiting = Waiting(
        id="one", kind=kind, queue="sales", joined_at=0.0, on_offer=lambda _offer: None,
        on_leave=lambda _leave: None, **who,
    )  # fmt: skip
    return Entry(
        waiting=waiting, seq=1, arrived_at=0.0, entered_at=0.0, priority=0, queue="sales", skills={}
    )


class Around:
    """Where entries may go: other queues take one more, or not."""

    centres = CENTRES

    def __init__(self, takes: bool) -> None:
        self._takes = takes

    def accepts(self, _name: str, _now: float, _kind: EntryKind, /) -> bool:
        return self._takes


def due(
    one: Entry, line: CallQueue, now: float, *, takes: bool = True, is_staffed: bool = True
) -> Escalation:
    return escalate(one, line, Around(takes), lambda _queue: is_staffed, now)


def test_steps_are_taken_once_and_in_their_order() -> None:
    line = line_of(
        Overflow(after_s=10, raise_priority=5),
        Overflow(after_s=20, centre="leeds", raise_priority=1),
        Overflow(after_s=30, queue="service"),
    )
    one = entry()
    assert due(one, line, 9.9) == Escalation()
    assert next_look(one, line, math.inf, 9.9) == 10
    assert due(one, line, 10) == Escalation(raise_by=5)
    assert due(one, line, 11) == Escalation()
    assert due(one, line, 29) == Escalation(raise_by=1)
    assert one.also == {"leeds"}
    assert due(one, line, 30) == Escalation(to_queue="service")


def test_a_queue_that_admits_nobody_is_asked_again_and_does_not_hold_up_later_steps() -> None:
    line = line_of(Overflow(after_s=10, queue="service"), Overflow(after_s=20, centre="partner"))
    one = entry()
    assert due(one, line, 10, takes=False) == Escalation()
    assert next_look(one, line, math.inf, 10) == 10 + OVERFLOW_RETRY_S
    assert due(one, line, 12) == Escalation(), "not yet"
    assert due(one, line, 15, takes=False) == Escalation()
    assert due(one, line, 20, takes=False) == Escalation(leave=OUTSIDE)
    other = entry()
    assert due(other, line, 10, takes=False) == Escalation()
    assert due(other, line, 15) == Escalation(to_queue="service")


def test_an_outside_number_that_did_not_answer_has_a_pause() -> None:
    for after_s, pause_s in ((5.0, OUTSIDE_AGAIN_S), (300.0, 300.0)):
        line = line_of(Overflow(after_s=after_s, centre="partner"))
        one = entry(outside_tried={"+442079460999": 1000.0})
        assert due(one, line, 1000.0) == Escalation()
        assert next_look(one, line, math.inf, 1000.0) == 1000.0 + pause_s
        assert due(one, line, 1000.0 + pause_s) == Escalation(leave=OUTSIDE)


def test_the_limit_of_the_queue_comes_before_any_step() -> None:
    line = line_of(Overflow(after_s=10, centre="partner"), max_wait_s=10.0)
    assert due(entry(), line, 10) == Escalation(leave=Leave(reason="timeout"))


def test_callers_and_callbacks_have_limits_and_steps_of_their_own() -> None:
    line = line_of(
        Overflow(after_s=30, queue="service"),
        max_wait_s=100.0,
        callers=QueueLimits(max_wait_s=20.0, overflow=[Overflow(after_s=10, queue="help")]),
        callbacks=QueueLimits(max_wait_s=0.0),
    )
    caller, callback = entry("call"), entry("callback")
    assert due(caller, line, 10) == Escalation(to_queue="help")
    assert due(caller, line, 20) == Escalation(leave=Leave(reason="timeout"))
    assert next_look(caller, line, math.inf, 11.0) == 20.0
    assert due(callback, line, 29) == Escalation()
    assert due(callback, line, 30) == Escalation(to_queue="service")
    assert due(callback, line, 10_000, takes=False) == Escalation()


def test_by_length_those_who_stand_too_far_behind_go_on() -> None:
    line = line_of(Overflow(when="length", above=2, queue="service"))
    for number, expected in enumerate([None, None, "service"], start=1):
        one = entry()
        one.seq = number
        one.set_key()
        line.add_entry(one, 0.0)
        assert due(one, line, 0.0) == Escalation(to_queue=expected)


def test_by_expected_wait_it_is_looked_at_again_and_again() -> None:
    line = line_of(Overflow(when="expected_wait", above=60, after_s=5, queue="service"))
    one = entry()
    line.add_entry(one, 0.0)
    assert due(one, line, 10) == Escalation(), "not known"
    line.expected.answered(50.0)
    assert due(one, line, 50) == Escalation()
    assert next_look(one, line, math.inf, 50.0) == 50.0 + EXPECTED_WAIT_S
    assert next_look(one, line, math.inf, -20.0) == 5.0
    assert due(one, line, 200) == Escalation(to_queue="service")


def test_when_nobody_is_logged_in() -> None:
    step = Overflow(when="nobody", after_s=10, centre="partner", raise_priority=3)
    line = line_of(step)
    one = entry()
    assert due(one, line, 9, is_staffed=False) == Escalation()
    assert due(one, line, 20) == Escalation()
    assert due(one, line, 20, is_staffed=False) == Escalation(raise_by=3, leave=OUTSIDE)


def test_one_whom_the_queue_does_not_keep_goes_on_at_once_or_away() -> None:
    line = line_of(
        Overflow(when="full", queue="service"),
        Overflow(when="full", centre="partner"),
        Overflow(when="closed", number="+442079460888"),
    )
    one = entry()
    assert due(one, line, 10) == Escalation()
    one.turned = "full"
    assert due(one, line, 10) == Escalation(to_queue="service")
    assert due(one, line, 10, takes=False) == Escalation(leave=OUTSIDE)
    one.waiting.outside_tried = {"+442079460999": 5.0}
    assert due(one, line, 10, takes=False) == Escalation(leave=Leave(reason="full"))
    one.turned = "closed"
    assert due(one, line, 10) == Escalation(leave=Leave(reason="overflow", target="+442079460888"))
    one.waiting.outside_tried = {"+442079460888": 5.0}
    assert due(one, line, 10) == Escalation(leave=Leave(reason="closed"))

"""What waiting does to an entry: what is due, and when it is to be asked again."""

import math
import random
from typing import Any

from config.queues import Centre, Overflow, Queue
from engine.acd.matching.escalation import (
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


def entry(**who: Any) -> Entry:
    waiting = Waiting(
        id="one", kind="callback", queue="sales", joined_at=0.0, on_offer=lambda _offer: None,
        on_leave=lambda _leave: None, **who,
    )  # fmt: skip
    return Entry(
        waiting=waiting, seq=1, arrived_at=0.0, entered_at=0.0, priority=0, queue="sales", skills={}
    )


def due(one: Entry, line: CallQueue, now: float, *, takes: bool = True) -> Escalation:
    return escalate(one, line, CENTRES, lambda _queue: takes, now)


def test_steps_are_taken_once_and_in_their_order() -> None:
    line = line_of(
        Overflow(after_s=10, raise_priority=5),
        Overflow(after_s=20, centre="leeds", raise_priority=1),
        Overflow(after_s=30, queue="service"),
    )
    one = entry()
    assert due(one, line, 9.9) == Escalation()
    assert next_look(one, line, math.inf) == 10
    assert due(one, line, 10) == Escalation(raise_by=5)
    assert due(one, line, 11) == Escalation()
    assert due(one, line, 29) == Escalation(raise_by=1)
    assert one.also == {"leeds"}
    assert due(one, line, 30) == Escalation(to_queue="service")


def test_a_queue_that_admits_nobody_is_asked_again_and_does_not_hold_up_later_steps() -> None:
    line = line_of(Overflow(after_s=10, queue="service"), Overflow(after_s=20, centre="partner"))
    one = entry()
    assert due(one, line, 10, takes=False) == Escalation()
    assert next_look(one, line, math.inf) == 10 + OVERFLOW_RETRY_S
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
        assert next_look(one, line, math.inf) == 1000.0 + pause_s
        assert due(one, line, 1000.0 + pause_s) == Escalation(leave=OUTSIDE)


def test_the_limit_of_the_queue_comes_before_any_step() -> None:
    line = line_of(Overflow(after_s=10, centre="partner"), max_wait_s=10.0)
    assert due(entry(), line, 10) == Escalation(leave=Leave(reason="timeout"))

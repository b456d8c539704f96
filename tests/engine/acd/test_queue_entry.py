"""The states of one who waits."""

import pytest

from engine.acd.queue_entry import ENDED, ENTRY_TRANSITIONS, Entry, IllegalEntryTransition
from engine.acd.waiting import Waiting


def entry(kind: str = "call", **more: float) -> Entry:
    waiting = Waiting(
        id="x", kind=kind, queue="sales", joined_at=100.0,  # type: ignore[arg-type]
        on_offer=lambda _offer: None, on_leave=lambda _leave: None,
    )  # fmt: skip
    return Entry(
        waiting=waiting, seq=1, arrived_at=100.0, entered_at=100.0, priority=2, queue="sales",
        skills={},
    )  # fmt: skip


def test_every_history_ends_and_what_has_ended_stays_so() -> None:
    for table in ENTRY_TRANSITIONS.values():
        assert not ENDED & table.keys()
        assert set().union(*table.values()) <= ENDED | table.keys()
        assert table["waiting"] & ENDED and table["offered"] & ENDED


def test_nobody_hangs_up_on_a_queue_in_a_callback() -> None:
    one = entry("callback")
    with pytest.raises(IllegalEntryTransition):
        one.enter("abandoned")
    one.enter("withdrawn")
    assert one.is_over
    with pytest.raises(IllegalEntryTransition):
        one.enter("waiting")


def test_the_key_is_priority_then_time_then_who_came_first() -> None:
    one = entry()
    one.set_key()
    assert one.key == (-2, 100.0, 1)
    assert one.waited_s(90.0) == 0.0

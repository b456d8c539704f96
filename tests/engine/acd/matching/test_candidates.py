"""Candidates: the agents who are free, by queue and by name."""

from typing import Any

from config.queues import Queue
from engine.acd.matching.candidates import FreeAgents
from engine.acd.staffing import Staffing

from .test_waiting_index import Anyone


def test_who_is_free_for_a_queue_or_by_name() -> None:
    staffing = Staffing()
    staffing.configure([Queue(name="sales", agents=["ann", "bob"])])
    free = FreeAgents(staffing)
    for name in ("ann", "bob", "cat"):
        one: Any = Anyone(name, None, {})
        one.queues, one.queue_priority = (), {}
        free.mark_free(one)
    assert [one.name for one in free.of("sales", None)] == ["ann", "bob"]
    assert [one.name for one in free.of(None, ("cat", "dan"))] == ["cat"]
    free.mark_busy("ann")
    free.mark_busy("ann")
    assert [one.name for one in free.of("sales", None)] == ["bob"]
    assert "ann" not in free.by_name

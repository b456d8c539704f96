"""Requests that make no callback are found as if they had made one."""

from typing import Any

from web.uncalled.uncalled_requests import UncalledRequests, party_of


def params(**more: Any) -> dict[str, Any]:
    given = {"to": "020 7946 0123", "region": "GB", "deadline": 100.0, "context": {"name": "Ann"}}
    return given | more


def test_one_waits_until_its_deadline_or_is_cancelled_once() -> None:
    now = [5.0]
    uncalled = UncalledRequests(clock=lambda: now[0])
    for one in ("a", "b"):
        uncalled.add(one, params(not_before=50.0))
    found = uncalled.find("a")
    assert found is not None
    assert (found["to"], found["created"], found["state"]) == ("+442079460123", 5.0, "queued")
    assert (uncalled.cancel("a") or {})["ended_at"] == 5.0
    assert uncalled.cancel("a") is None
    now[0] = 100.0
    assert (uncalled.find("b") or {})["state"] == "expired"
    assert uncalled.cancel("b") is None


def test_what_is_erased_or_not_known_has_nothing_of_anybody() -> None:
    uncalled = UncalledRequests(clock=lambda: 5.0)
    uncalled.add("a", params())
    uncalled.erase("a")
    uncalled.erase("b")
    found = uncalled.find("a") or {}
    assert (found["to"], found["context"]) == ("erased", {})
    assert uncalled.find("b") is uncalled.cancel("b") is None


def test_the_oldest_are_forgotten() -> None:
    uncalled = UncalledRequests(most=1, clock=lambda: 5.0)
    uncalled.add("a", params())
    uncalled.add("b", params())
    assert uncalled.find("a") is None
    assert uncalled.find("b") is not None


def test_those_for_a_slot_have_a_place_in_it_until_they_are_over() -> None:
    now = [5.0]
    uncalled = UncalledRequests(most=3, clock=lambda: now[0])
    slot = {"start": 30.0, "end": 60.0}
    sales = {"queue": "sales", "slot": slot}
    for one, at in (("a", 50.0), ("b", 30.0)):
        uncalled.add(one, params(not_before=at, **sales))
    uncalled.add("c", params(not_before=40.0, agent="sales", slot=slot))
    party = party_of(sales)
    assert uncalled.due_times(party) == [30.0, 50.0]
    assert uncalled.taken(party, 30.0, 60.0) == {"taken": 2}
    assert uncalled.taken(party, 60.0, 90.0) == {}
    assert uncalled.due_times(party_of({"agent": "sales"})) == [40.0]
    uncalled.cancel("a")
    assert uncalled.due_times(party) == [30.0]
    uncalled.add("d", params())  # and the oldest is forgotten
    now[0] = 100.0
    assert uncalled.due_times(party) == []


def test_what_is_kept_of_one_that_is_over_reads_like_that_of_a_callback() -> None:
    now = [5.0]
    uncalled = UncalledRequests(clock=lambda: now[0])
    uncalled.add("a", params(queue="sales", not_before=50.0))
    uncalled.add("b", params(queue="sales"))
    now[0] = 9.0
    uncalled.cancel("a")
    now[0] = 100.0
    for one, last, ended_at, waited in (
        ("a", "callback.cancelled", 9.0, []),  # it was not due yet
        ("b", "callback.expired", 100.0, ["queue.joined", "queue.left"]),
    ):
        assert uncalled.find(one)
        kept = uncalled.export(one)
        assert [event["type"] for event in kept["events"]] == ["callback.queued", *waited, last]
        assert 5.0 < kept["events"][0]["time"] < 5.1
        assert kept["events"][-1]["time"] == ended_at
        assert kept["recorded_bytes"] == 0
    uncalled.erase("a")
    assert uncalled.export("a") == {"events": [], "recorded_bytes": 0}

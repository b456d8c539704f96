"""Requests that make no callback are found as if they had made one."""

from typing import Any

from web.uncalled_requests import UncalledRequests


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

"""Requests that make no callback are found as if they had made one, and go on beside those that
are made."""

import random
from typing import Any

import pytest

from web.uncalled.courses import Habits, Plan
from web.uncalled.uncalled_requests import Line, UncalledRequests, party_of

PLAN: Plan = {
    "would_be_due": None, "order": "agent_first", "whispers": False, "ring_s": 20.0, "attempts": 1,
    "spacing_s": [],
}  # fmt: skip
SALES = party_of({"queue": "sales"})
BUSY, FREE = Line(0, None), Line(1, None)


class Stage:
    """Requests for the queue `sales` from `now` on, which the test sets."""

    def __init__(self, most: int = 9) -> None:
        self.now = 5.0
        self.requests = UncalledRequests(most, lambda: self.now, random.Random(1))

    def add(self, *names: str, at: float | None = None, **more: Any) -> None:
        for name in names:
            params = {"to": "020 7946 0123", "region": "GB", "deadline": 1000.0, "queue": "sales"}
            params |= {"context": {"name": "Ann"}} | more
            plan = PLAN | {"would_be_due": at, "order": more.get("order", "agent_first")}
            self.requests.add(name, params, Plan(**plan))  # type: ignore[typeddict-item]

    def states(self, *names: str) -> list[str]:
        return [(self.requests.find(name) or {})["state"] for name in names]

    def look(self, line: Line, now: float) -> None:
        self.now = now
        self.requests.look(SALES, line, Habits())


def test_one_waits_until_its_deadline_or_is_cancelled_once() -> None:
    stage = Stage()
    stage.add("a", "b", at=50.0)
    found = stage.requests.find("a")
    assert found is not None
    assert (found["to"], found["created"], found["state"]) == ("+442079460123", 5.0, "queued")
    over = stage.requests.cancel("a")
    assert over == pytest.approx(5.0, abs=0.01)
    stage.now = 1000.0
    assert set(stage.requests.changed()) == {"a", "b"}
    assert stage.requests.next_change == pytest.approx(1000.0, abs=0.01)  # it is a little late
    stage.now = 1001.0
    assert stage.requests.changed() == ["b"]
    assert stage.states("a", "b") == ["cancelled", "expired"]
    assert stage.requests.cancel("b") is None


def test_what_is_erased_or_not_known_has_nothing_of_anybody() -> None:
    stage = Stage()
    stage.add("a")
    for one in ("a", "b"):
        stage.requests.erase(one)
    found = stage.requests.find("a") or {}
    assert (found["to"], found["context"]) == ("erased", {})
    assert stage.requests.export("a") == {"events": [], "recorded_bytes": 0}
    assert (stage.requests.find("b"), stage.requests.cancel("b")) == (None, None)


def test_the_oldest_are_forgotten_and_so_are_their_changes() -> None:
    stage = Stage(most=2)
    stage.add(*map(str, range(30)))
    assert stage.requests.find("27") is None
    assert stage.states("28", "29") == ["queued", "queued"]
    assert len(stage.requests._changes) < 30
    stage.look(FREE, 6.0)
    stage.now = 6.1
    assert stage.requests.active(SALES) == 1


def test_those_for_a_slot_have_a_place_in_it_until_they_are_over() -> None:
    stage, slot = Stage(), {"start": 30.0, "end": 60.0}
    stage.add("a", at=50.0, slot=slot)
    stage.add("b", at=30.0, slot=slot)
    stage.add("c", at=40.0, slot=slot, queue=None, agent="sales")
    stage.add("d")
    assert stage.requests.due_times(SALES) == pytest.approx([30.0, 50.0], abs=0.01)
    assert stage.requests.taken(SALES, 30.0, 60.0) == {"taken": 2}
    assert stage.requests.taken(SALES, 60.0, 90.0) == {}
    assert stage.requests.due_times(party_of({"agent": "sales"})) == pytest.approx([40.0], abs=0.01)
    stage.requests.cancel("a")
    stage.now += 0.01
    assert stage.requests.due_times(SALES) == pytest.approx([30.0], abs=0.01)
    stage.now = 1001.0
    assert stage.requests.due_times(SALES) == []


def test_as_many_begin_as_agents_are_free_and_the_others_wait_in_order() -> None:
    stage = Stage()
    stage.add("a", "b")
    stage.look(BUSY, 5.1)
    assert (stage.requests.places(SALES), stage.requests.active(SALES)) == (2, 0)
    stage.look(FREE, 6.0)
    stage.look(FREE, 7.0)  # that agent is occupied by the first, as far as anybody can see
    assert stage.states("a", "b") == ["dialing_agent", "queued"]
    assert (stage.requests.places(SALES), stage.requests.active(SALES)) == (2, 1)
    stage.look(FREE, 14.0)
    assert stage.states("a", "b") == ["dialing_customer", "queued"]
    assert (stage.requests.places(SALES), stage.requests.active(SALES)) == (1, 1)
    stage.look(FREE, 60.0)
    stage.now = 60.5
    assert stage.states("a", "b") == ["failed", "dialing_agent"]


def test_one_begins_before_those_who_came_later_and_after_those_who_came_before() -> None:
    stage = Stage()
    stage.add("a")
    stage.look(Line(1, 4.0), 6.0)  # an agent is free, and somebody who came before waits
    stage.look(Line(0, 7.0), 8.0)  # whoever came before was served; the next came later
    stage.look(Line(0, 7.0), 9.0)
    assert stage.states("a") == ["queued"]
    stage.look(Line(0, 8.5), 10.0)  # that one was served: it would have been this one
    stage.now = 10.1
    assert stage.states("a") == ["dialing_agent"]


@pytest.mark.parametrize("given", [{"order": "customer_first"}, {"queue": None, "agent": "sip:x"}])
def test_some_need_no_agent_of_the_engine(given: dict[str, Any]) -> None:
    stage = Stage()
    stage.add("a", **given)
    stage.now = 5.1
    party = party_of({"queue": "sales"} | given)
    line = Line(0 if "order" in given else None, None)
    stage.requests.look(party, line, Habits())
    stage.now = 5.2
    assert stage.states("a") != ["queued"]
    assert stage.requests.waiting() == []


def test_it_is_known_when_the_next_one_changes() -> None:
    stage = Stage()
    assert (stage.requests.next_change, stage.requests.changed()) == (None, [])
    stage.add("a", at=20.0)
    stage.add("b", at=10.0)
    assert stage.requests.waiting() == []
    stage.now = 10.1
    assert (stage.requests.waiting(), set(stage.requests.changed())) == ([SALES], {"a", "b"})
    assert stage.requests.next_change == pytest.approx(20.0, abs=0.01)
    stage.look(FREE, 10.1)
    seen = []
    while (at := stage.requests.next_change) is not None and at < 19.0:
        stage.now = at
        seen += [stage.states(one)[0] for one in stage.requests.changed()]
    assert list(dict.fromkeys(seen)) == ["queued", "dialing_agent", "dialing_customer"]

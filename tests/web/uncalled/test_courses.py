"""The course of a callback that is not made: its steps, their times, and what would be kept."""

import random
from typing import Any

import pytest

from web.uncalled.courses import AgentTimes, Course, Habits, Plan

PLAN: Plan = {
    "would_be_due": None, "order": "agent_first", "whispers": True, "ring_s": 20.0, "attempts": 2,
    "spacing_s": [60.0],
}  # fmt: skip
HABITS = Habits([AgentTimes(0.1, 3.0, 2.0)], [1.0], [25.0])


def course(party: str = "queue", deadline: float = 1000.0, **plan: Any) -> Course:
    return Course(Plan(**(PLAN | plan)), party, 0.0, deadline, random.Random(1))  # type: ignore[typeddict-item]


def states(of: Course, *times: float) -> list[str]:
    return [of.state_at(at) for at in times]


def test_each_attempt_goes_as_the_latest_callbacks_went() -> None:
    under_test = course()
    assert states(under_test, 0.0, 1.0) == ["queued", "queued"]
    under_test.begin(1.0, HABITS)
    assert states(under_test, 1.5, 4.5, 7.0, 30.0, 32.0) == [
        "dialing_agent", "whispering", "dialing_customer", "dialing_customer", "queued",
    ]  # fmt: skip
    assert not under_test.waits_at(90.0)
    assert under_test.waits_at(92.0)
    under_test.begin(92.0, HABITS)
    assert states(under_test, 92.5, 125.0) == ["dialing_agent", "failed"]
    assert under_test.ended_at(92.5) is None
    assert under_test.ended_at(125.0) == pytest.approx(122.0, abs=1.0)


def test_without_anything_known_the_phone_rings_as_long_as_configured() -> None:
    under_test = course(attempts=1)
    under_test.begin(0.1, Habits())
    events = {one.event: one.at for one in under_test.moments}
    rang_s = events["callback.failed"] - events["callback.dialing_customer"]
    assert rang_s == pytest.approx(20.0, abs=0.1)
    assert 2.0 <= events["callback.dialing_customer"] - events["callback.whispering"] <= 3.5


def test_no_attempt_begins_after_the_deadline() -> None:
    under_test = course(deadline=80.0)
    under_test.begin(1.0, HABITS)
    assert states(under_test, 40.0, 90.0) == ["failed", "failed"]
    waits = course(deadline=80.0)
    assert states(waits, 79.0, 81.0) == ["queued", "expired"]
    assert waits.ended_at(100.0) == pytest.approx(80.0, abs=0.01)


def test_no_two_events_have_one_time_and_each_comes_after_the_one_before() -> None:
    under_test = course(attempts=1)
    under_test.begin(1.0, HABITS)
    cancelled = course()
    cancelled.cancel(3.0)
    waits = course(deadline=80.0)
    assert waits.state_at(90.0) == "expired"
    for one in (under_test, cancelled, waits):
        times = [moment.at for moment in one.moments]
        assert times == sorted(set(times))
        ended_at = one.ended_at(1000.0)
        assert ended_at is not None and times[-2] < ended_at < times[-1]


@pytest.mark.parametrize(
    ("at", "last"),
    [
        (0.5, ["queue.joined", "queue.left", "callback.cancelled"]),
        (2.0, ["leg.ended", "agent.offer_ended", "queue.left", "callback.cancelled"]),
        (9.0, ["leg.ringing", "leg.ended", "leg.ended", "callback.cancelled"]),
        (40.0, ["leg.ended", "leg.ended", "callback.queued", "callback.cancelled"]),
    ],
)
def test_a_cancelled_one_ends_as_its_callback_would(at: float, last: list[str]) -> None:
    under_test = course()
    if at >= 1.0:
        under_test.begin(1.0, HABITS)
    over = under_test.cancel(at)
    assert over is not None and at <= over < at + 1.0
    assert [one.event for one in under_test.events_until(at + 1.0)][-len(last) :] == last
    assert under_test.state_at(at + 1.0) == "cancelled"
    assert under_test.cancel(at + 1.0) is None


def test_an_agent_by_name_has_a_line_only_where_they_are_waited_for() -> None:
    at_once, later, phone = course("agent"), course("agent"), course("phone")
    later.join()
    later.join()
    for one in (at_once, later, phone):
        one.begin(1.0, HABITS)
    named = [[one.event for one in each.moments] for each in (at_once, later, phone)]
    assert [names.count("queue.joined") for names in named] == [0, 1, 0]
    assert [names.count("queue.answered") for names in named] == [0, 1, 0]
    assert [names.count("agent.offered") for names in named] == [1, 1, 0]


def job(customer: dict[str, Any], agent: dict[str, Any] | None = None, **more: Any) -> Any:
    none = {"started": None, "ringing": None, "answered": None, "ended": None}
    legs = [{"role": "customer", **none, **customer}]
    if agent is not None:
        legs.insert(0, {"role": "agent", **none, **agent})
    attempts = [{"legs": legs, "result": "no_answer"} | more]
    return {"attempts": attempts}


def test_habits_are_those_of_the_latest_callbacks() -> None:
    agent = {"started": 1.0, "ringing": 1.5, "answered": 4.0}
    unanswered = {"started": 6.0, "ringing": 7.0, "ended": 26.0}
    found = Habits.of([job(unanswered, agent)])
    assert found == Habits([AgentTimes(0.5, 3.0, 2.0)], [1.0], [20.0])
    for odd in (
        job({}),  # nobody was called
        job(unanswered | {"answered": 8.0}, result="completed"),
        job({"started": 0.5, "answered": 0.7, "ended": 9.0}, agent),  # the customer came first
    ):
        assert not Habits.of([odd]).unanswered_s
        assert not Habits.of([odd]).agents


def test_without_a_whisper_nobody_sees_the_agent_found() -> None:
    """A callback only passes through that state, and no request comes in between."""
    for habits in (Habits(), Habits([AgentTimes(0.1, 3.0, 0.0004)])):
        under_test = course(whispers=False)
        under_test.begin(1.0, habits)
        moments = [one for one in under_test.moments if one.event == "callback.whispering"]
        assert moments and all(one.state is None for one in moments)
        assert under_test.state_at(moments[0].at) == "dialing_agent"

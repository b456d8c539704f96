"""The figures of an agent's day."""

from engine.acd.agent_day import AgentDay


def test_time_counts_for_the_state_it_was_spent_in() -> None:
    day = AgentDay(counted_from=100.0)
    day.count("available", 130.0)
    day.count("talking", 150.0)
    assert day.times == {"available": 30.0, "talking": 20.0}
    assert day.talk_s == 20.0
    assert day.time_in("talking", "talking", 155.0) == 25.0
    assert day.time_in("available", "talking", 155.0) == 30.0


def test_another_day_begins_from_nothing() -> None:
    day = AgentDay(counted_from=100.0, day="2026-11-23", calls=4, talk_s=60.0)
    assert not day.begin("2026-11-23", 200.0)
    assert day.begin("2026-11-24", 200.0)
    assert (day.calls, day.talk_s, day.times, day.counted_from) == (0, 0.0, {}, 200.0)


def test_a_clock_that_is_set_back_removes_no_time() -> None:
    day = AgentDay(counted_from=100.0)
    day.count("available", 50.0)
    assert day.times == {"available": 0.0}


def test_a_step_of_the_clock_is_no_time_spent() -> None:
    day = AgentDay(counted_from=100.0)
    day.shift(3600.0)
    day.count("available", 3710.0)
    assert day.times == {"available": 10.0}

"""How many things begin a second."""

from engine.routing.capacity.pace import Pace


def test_a_whole_number_begins_at_once_and_the_next_a_second_later() -> None:
    pace = Pace(2)
    assert (pace.free_in_s(10.0), pace.free(10.0)) == (0.0, 2)
    pace.note(10.0)
    assert pace.free_in_s(10.0) == 0.0
    pace.note(10.4)
    assert (pace.free_in_s(10.5), pace.free(10.5)) == (0.5, 0)
    assert (pace.free_in_s(11.0), pace.free(11.0)) == (0.0, 1)
    assert pace.free(11.5) == 2


def test_less_than_one_a_second() -> None:
    pace = Pace(0.25)
    pace.note(0.0)
    assert pace.free_in_s(1.0) == 3.0
    assert pace.free_in_s(4.0) == 0.0


def test_turns_are_booked_one_after_the_other() -> None:
    pace = Pace(2)
    assert [pace.book(0.0) for _ in range(5)] == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert pace.book(10.0) == 0.0

"""The memory that lines without an end may take."""

from engine.control.capacity.half_lines import (
    BURST_BYTES,
    BYTES_PER_S,
    SMALL_BYTES,
    HalfLines,
)


class Connection:
    """Holds part of a line, until it gives it up."""

    def __init__(self) -> None:
        self.given_up = 0

    def give_up_line(self) -> None:
        self.given_up += 1


def test_the_line_that_was_begun_first_is_given_up() -> None:
    lines = HalfLines(most_bytes=100_000)
    first, second, third = Connection(), Connection(), Connection()
    lines.note(first, 40_000)
    lines.note(second, 40_000)
    lines.note(first, 45_000)
    lines.note(third, 40_000)
    assert [one.given_up for one in (first, second, third)] == [1, 0, 0]
    assert lines.total_bytes == 80_000


def test_a_line_that_ends_takes_nothing_any_more() -> None:
    lines = HalfLines(most_bytes=100_000)
    one, other = Connection(), Connection()
    for _ in range(10):
        lines.note(one, 60_000)
        lines.note(one, 0)
        lines.note(other, 60_000)
        lines.note(other, SMALL_BYTES)
    assert one.given_up == other.given_up == 0
    assert lines.total_bytes == 0


def test_small_ones_are_not_counted() -> None:
    lines = HalfLines(most_bytes=100_000)
    many = [Connection() for _ in range(100)]
    for one in many:
        lines.note(one, SMALL_BYTES)
    assert lines.total_bytes == 0
    assert not any(one.given_up for one in many)


def test_one_line_may_not_take_more_than_there_is() -> None:
    lines = HalfLines(most_bytes=100_000)
    one = Connection()
    lines.note(one, 200_000)
    assert one.given_up == 1
    assert lines.total_bytes == 0


def test_who_sends_more_bytes_that_end_no_line_than_a_second_has_is_not_read() -> None:
    now = 1.0
    lines = HalfLines(clock=lambda: now)
    assert lines.charge("flood", BURST_BYTES) == 0
    assert lines.charge("flood", BYTES_PER_S) == 1.0
    assert lines.charge("flood", 0) == 0
    assert lines.charge("other", BURST_BYTES) == 0
    now += 1.5
    assert lines.charge("flood", BYTES_PER_S // 2) == 0

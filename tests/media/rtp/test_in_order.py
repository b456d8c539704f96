"""Packets by their sequence numbers, without a clock."""

import pytest

from media.rtp.in_order import MOST_LOST, InOrder


def put(order: InOrder[int], *numbers: int) -> list[list[tuple[int, int]]]:
    return [order.put(number & 0xFFFF, number) for number in numbers]


@pytest.mark.parametrize("first", [0, 0xFFFE])
def test_what_comes_in_order_goes_on_at_once(first: int) -> None:
    numbers = range(first, first + 5)
    assert put(InOrder(), *numbers) == [[(0, number)] for number in numbers]


@pytest.mark.parametrize("first", [0, 0xFFFE])
def test_two_that_change_places_are_put_right(first: int) -> None:
    found = put(InOrder(), first, first + 2, first + 1, first + 3)
    assert found == [[(0, first)], [], [(0, first + 1), (0, first + 2)], [(0, first + 3)]]


def test_what_is_missing_is_given_up_when_more_than_two_wait() -> None:
    found = put(InOrder(), 0, 3, 4, 5, 6)
    assert found == [[(0, 0)], [], [], [(2, 3), (0, 4), (0, 5)], [(0, 6)]]


def test_what_was_given_up_or_comes_twice_is_not_told_of() -> None:
    order = InOrder[int]()
    assert put(order, 0, 2, 3, 4)[-1] == [(1, 2), (0, 3), (0, 4)]
    assert put(order, 1, 4, 5) == [[], [], [(0, 5)]]


def test_more_than_is_ever_lost_is_no_loss() -> None:
    far = MOST_LOST + 2
    assert put(InOrder(), 0, far) == [[(0, 0)], [(0, far)]]


def test_another_stream_begins_anywhere() -> None:
    order = InOrder[int]()
    put(order, 500, 502)
    order.restart()
    assert put(order, 7, 8) == [[(0, 7)], [(0, 8)]]


def test_it_is_complete_while_nothing_waits() -> None:
    order = InOrder[str]()
    order.put(1, "a")
    assert order.is_complete
    order.put(3, "c")
    assert not order.is_complete
    order.put(2, "b")
    assert order.is_complete

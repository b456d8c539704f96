"""The expected wait: by how fast the queue moved while somebody waited."""

import pytest

from engine.acd.matching.expected_wait import ANSWERS, WINDOW_S, ExpectedWait


def served(interval_s: float, count: int) -> ExpectedWait:
    """A queue in which somebody always waits, and one is answered each `interval_s`."""
    expected = ExpectedWait()
    expected.waits(True, 0.0)
    for number in range(1, count + 1):
        expected.answered(number * interval_s)
    return expected


def test_it_is_not_known_before_the_first_answer() -> None:
    expected = ExpectedWait()
    expected.waits(True, 0.0)
    assert expected.wait_s(1, 100.0) is None


def test_the_nth_waits_n_intervals() -> None:
    expected = served(20.0, 10)
    assert expected.wait_s(1, 200.0) == pytest.approx(20.0)
    assert expected.wait_s(5, 200.0) == pytest.approx(100.0)


def test_only_the_last_answers_count() -> None:
    expected = served(100.0, 10)
    for number in range(1, ANSWERS + 1):
        expected.answered(1000.0 + number * 10.0)
    assert expected.wait_s(1, 1000.0 + ANSWERS * 10.0) == pytest.approx(10.0)


def test_a_time_in_which_nobody_waits_is_no_slowness() -> None:
    expected = ExpectedWait()
    for call in range(10):
        joined = call * 600.0
        expected.waits(True, joined)
        expected.answered(joined + 5.0)
        expected.waits(False, joined + 5.0)
    assert expected.wait_s(1, 9 * 600.0 + 5.0) == pytest.approx(5.0)


def test_a_queue_that_stands_still_grows_slower() -> None:
    expected = served(10.0, 5)
    waits = [expected.wait_s(1, 50.0 + later) or 0.0 for later in (0.0, 60.0, 600.0)]
    assert waits == sorted(waits) and waits[2] > 100.0


def test_what_was_an_hour_ago_says_nothing() -> None:
    expected = served(10.0, 5)
    assert expected.wait_s(1, 50.0 + WINDOW_S + 1.0) is None

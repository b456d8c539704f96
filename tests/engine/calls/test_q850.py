"""Causes of Q.850 and SIP statuses stand for each other by one table (RFC 3398)."""

import pytest

from engine.calls.q850 import CAUSES, cause_of, name_of, reason_header, status_of


@pytest.mark.parametrize(
    ("cause", "status"),
    [(1, 404), (17, 486), (19, 480), (21, 603), (28, 484), (34, 503), (99, None)],
)
def test_the_status_of_a_cause(cause: int, status: int | None) -> None:
    assert status_of(cause) == status


@pytest.mark.parametrize(
    ("status", "cause"),
    [(404, 1), (486, 17), (480, 18), (603, 21), (484, 28), (503, 41), (699, 127)],
)
def test_the_cause_of_a_status(status: int, cause: int) -> None:
    assert cause_of(status) == cause


@pytest.mark.parametrize("status", range(400, 700))
def test_every_status_has_a_cause_with_a_name(status: int) -> None:
    assert cause_of(status) in CAUSES


def test_the_header() -> None:
    assert reason_header(17) == 'Q.850;cause=17;text="User busy"'
    assert name_of(99) == "Q.850 cause 99"

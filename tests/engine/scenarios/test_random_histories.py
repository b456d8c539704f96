"""Random histories of a call centre: nothing lost, nothing double, nobody stuck, figures add up.

The whole engine runs in virtual time among phones that do as they please; what must hold is in
tests/support/invariants.py. RINGBACK_HISTORIES=5000 runs that many, others each time.
"""

import os
from collections.abc import Iterator

import pytest
import structlog.testing
from hypothesis import HealthCheck, given, settings

from tests.support.random_day import live_through
from tests.support.random_plans import DayPlan, day_plans, days_with_kills

ASKED_FOR = os.environ.get("RINGBACK_HISTORIES", "")
HISTORIES = int(ASKED_FOR or min(50, max(12, settings().max_examples // 4)))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A thousand engines have nothing to say."""
    with structlog.testing.capture_logs():
        yield


every_day = settings(
    max_examples=HISTORIES,
    deadline=None,
    database=None,
    derandomize=not ASKED_FOR,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@every_day
@pytest.mark.timeout(900)
@given(day_plans)
def test_whatever_happens(plan: DayPlan) -> None:
    live_through(plan)


@every_day
@pytest.mark.timeout(900)
@given(days_with_kills)
def test_whenever_the_engine_is_killed(plan: DayPlan) -> None:
    live_through(plan)

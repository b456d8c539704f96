"""The loop's time that one principal may take."""

from engine.control.capacity.budgets import BURST_S, MOST_REMEMBERED, SHARE, Budgets


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_costs_no_pause_and_what_is_beyond_does() -> None:
    budgets = Budgets(Clock())
    budgets.spend("wallboard", BURST_S)
    assert budgets.pause_s("wallboard") == 0
    budgets.spend("wallboard", 0.1)
    assert round(budgets.pause_s("wallboard"), 9) == round(0.1 / SHARE, 9)
    assert budgets.pause_s("another") == 0


def test_it_recovers_at_the_share_of_the_time_and_no_further_than_the_burst() -> None:
    clock = Clock()
    budgets = Budgets(clock)
    budgets.spend("wallboard", BURST_S + 0.1)
    clock.now += 0.1 / SHARE
    assert budgets.pause_s("wallboard") < 1e-9
    clock.now += 1e6
    budgets.spend("wallboard", BURST_S + 0.1)
    assert round(budgets.pause_s("wallboard"), 9) == round(0.1 / SHARE, 9)


def test_those_who_have_recovered_are_forgotten() -> None:
    clock = Clock()
    budgets = Budgets(clock)
    for number in range(MOST_REMEMBERED):
        budgets.spend(f"client {number}", 0.01)
    clock.now += 1000
    budgets.spend("late", BURST_S + 0.1)
    assert len(budgets._left) == 1
    assert budgets.pause_s("late") > 0

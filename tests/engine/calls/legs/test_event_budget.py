"""How many events one phone may cause."""

from engine.calls.legs.event_budget import BURST, MOST, RATE_PER_S, EventBudget


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_person_at_a_keypad_is_never_stopped() -> None:
    clock = Clock()
    budget = EventBudget(clock)
    for _ in range(30):
        assert budget.spend()
        clock.now += 0.15


def test_a_flood_gets_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    budget = EventBudget(clock)
    passed = 0
    for _ in range(20_000):
        passed += budget.spend()
        clock.now += 6.0 / 20_000
    assert passed <= BURST + 6.0 * RATE_PER_S
    assert budget.dropped == 20_000 - passed


def test_it_has_an_end() -> None:
    clock = Clock()
    budget = EventBudget(clock)
    passed = 0
    for _ in range(10 * MOST):
        passed += budget.spend()
        clock.now += 1.0
    assert passed == MOST

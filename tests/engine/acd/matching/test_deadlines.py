"""Deadlines: each target has one at most, and comes when it is due and not otherwise."""

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.acd.matching.deadlines import Deadlines


@dataclass(eq=False)
class Target:
    name: str
    next_at: float = math.inf


def test_they_come_in_order_and_no_more_than_asked_for() -> None:
    deadlines: Deadlines[Target] = Deadlines()
    a, b, c = Target("a"), Target("b"), Target("c")
    for target, at in ((b, 2.0), (c, 2.0), (a, 1.0)):
        deadlines.set(target, at)
    assert deadlines.next_at == 1.0
    assert deadlines.due(0.9, 10) == []
    assert deadlines.due(2.0, 2) == [a, b]
    assert deadlines.due(2.0, 2) == [c]
    assert deadlines.next_at is None and c.next_at == math.inf


def test_a_deadline_may_be_postponed_or_cancelled() -> None:
    deadlines: Deadlines[Target] = Deadlines()
    a = Target("a")
    deadlines.set(a, 1.0)
    deadlines.set(a, 5.0)
    assert deadlines.due(4.0, 10) == []
    deadlines.set(a, math.inf)
    assert deadlines.next_at is None
    deadlines.set(a, 5.0)
    assert deadlines.due(5.0, 10) == [a]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.one_of(st.integers(1, 30), st.just(math.inf))), max_size=60
    ),
    st.integers(0, 31),
)
def test_whatever_was_set_last_holds(sets: list[tuple[int, float]], now: int) -> None:
    deadlines: Deadlines[Target] = Deadlines()
    targets = [Target(str(number)) for number in range(6)]
    last = dict.fromkeys(range(6), math.inf)
    for number, at in sets:
        deadlines.set(targets[number], at)
        last[number] = at
    given_now = deadlines.due(now, 100)
    assert sorted(int(target.name) for target in given_now) == [
        number for number in range(6) if last[number] <= now
    ]
    later = [at for at in last.values() if now < at < math.inf]
    assert deadlines.next_at == min(later, default=None)

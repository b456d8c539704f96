"""The engine's own measure of its decisions."""

import time

from engine.acd.decision_times import KEPT, DecisionTimes


def test_nothing_is_known_before_the_first_decision() -> None:
    times = DecisionTimes()
    times.begin()
    times.end(0)
    view = times.view()
    assert view["decisions"] == 0
    assert {value for name, value in view.items() if name.endswith("_ms")} == {None}


def test_a_step_is_shared_by_the_offers_made_in_it() -> None:
    times = DecisionTimes()
    times.begin()
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        pass
    times.end(4)
    view = times.view()
    assert view["decisions"] == 4
    p50_ms, most_ms = view["p50_ms"] or 0.0, view["most_ms"] or 0.0
    cpu_p99_ms, p99_ms = view["cpu_p99_ms"] or 0.0, view["p99_ms"] or 0.0
    assert 5.0 <= p50_ms == most_ms
    # The two clocks do not run at quite the same rate where one of them is being adjusted.
    assert 0.0 < cpu_p99_ms <= 1.01 * p99_ms


def test_only_the_last_ones_are_kept() -> None:
    times = DecisionTimes()
    for _ in range(3):
        times.begin()
        times.end(KEPT // 2)
    assert times.count == 3 * (KEPT // 2)
    assert len(times._wall_s) == KEPT

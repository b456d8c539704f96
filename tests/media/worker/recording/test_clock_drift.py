"""Sound follows the clock of a phone by a tick a frame, and jitter moves nothing."""

from media.worker.recording.clock_drift import ClockDrift


def steps(drift: ClockDrift, *late: int) -> int:
    return sum(drift.step(one) for one in late)


def test_what_arrives_about_in_time_is_not_moved() -> None:
    drift = ClockDrift()
    assert steps(drift, *[0, 800, 40, -150] * 1000) == 0


def test_a_clock_that_is_apart_is_followed_tick_by_tick() -> None:
    for apart in (200, -200):
        drift, moved = ClockDrift(), [0]
        for _ in range(3000):
            moved.append(moved[-1] + drift.step(apart - moved[-1]))
        assert moved[500] == 0 and moved[700] == moved[-1] == apart


def test_jitter_alone_is_no_drift() -> None:
    drift = ClockDrift()
    assert steps(drift, *([1600] * 499 + [10]) * 4) == 0


def test_another_stream_is_moved_by_nothing_of_the_one_before() -> None:
    drift = ClockDrift()
    steps(drift, *[200] * 510)
    drift.begin_anew()
    assert steps(drift, *[0] * 499) == 0

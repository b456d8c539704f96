import numpy as np
import pytest

from media.worker.coding.playout_delay import PlayoutDelay


def test_a_stream_without_jitter_waits_for_the_least() -> None:
    delay = PlayoutDelay()
    assert delay.wanted_s == 0.01
    for _ in range(100):
        delay.note(5.0)
    assert delay.wanted_s == 0.01
    assert delay.quickest_s == 5.0


def test_the_wait_grows_with_the_jitter_and_falls_again() -> None:
    delay = PlayoutDelay()
    rng = np.random.default_rng(1)
    for _ in range(500):
        delay.note(5.0 + rng.uniform(0, 0.1))
    assert delay.wanted_s == pytest.approx(0.097, abs=0.005)
    for _ in range(500):
        delay.note(5.0)
    assert delay.wanted_s == 0.01


def test_one_packet_in_a_hundred_is_not_waited_for() -> None:
    delay = PlayoutDelay()
    for number in range(500):
        delay.note(5.2 if number % 100 == 0 else 5.0)
    assert delay.wanted_s == 0.01


def test_the_wait_has_a_bound() -> None:
    delay = PlayoutDelay()
    for number in range(500):
        delay.note(5.0 + number % 2 * 3)
    assert delay.wanted_s == 0.4


def test_clocks_that_drift_are_followed() -> None:
    delay = PlayoutDelay()
    for number in range(5000):
        delay.note(5.0 + number * 0.02 * 200e-6)
    assert delay.quickest_s == pytest.approx(5.0 + 100 * 200e-6, abs=0.003)
    assert delay.wanted_s == 0.01


def test_a_packet_that_is_quicker_than_any_could_be_begins_anew() -> None:
    delay = PlayoutDelay()
    for _ in range(100):
        delay.note(5.0)
    for _ in range(20):
        delay.note(4.5)
    assert delay.quickest_s == 4.5
    assert delay.wanted_s == 0.01

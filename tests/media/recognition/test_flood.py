"""How much a recogniser may say."""

import pytest

from media.recognition.flood import MOST_FAULTS, FloodGuard
from media.recognition.result import RecogniserFailed


def test_who_says_fifty_things_a_second_may_go_on() -> None:
    guard = FloodGuard(0.0)
    for number in range(3000):
        guard.said(number / 50)


def test_who_says_more_for_long_is_ended() -> None:
    guard = FloodGuard(0.0)
    with pytest.raises(RecogniserFailed, match="too much"):
        for number in range(3000):
            guard.said(number / 500)


def test_a_few_faults_are_passed_over() -> None:
    guard = FloodGuard(0.0)
    for _ in range(MOST_FAULTS):
        guard.not_understood("it is no JSON")
    with pytest.raises(RecogniserFailed, match="it is no JSON"):
        guard.not_understood("it is no JSON")

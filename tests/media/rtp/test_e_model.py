"""Scores of the E-model against values of ITU-T G.107."""

import pytest

from media.rtp.e_model import BEST_R, mos, r_factor


@pytest.mark.parametrize(
    # Annex B of G.107: R and the opinion score that it stands for.
    ("r", "score"),
    [(100.0, 4.5), (93.2, 4.41), (90.0, 4.34), (80.0, 4.02), (70.0, 3.6), (60.0, 3.1), (50.0, 2.58),
     (0.0, 1.0), (-10.0, 1.0)],
)  # fmt: skip
def test_scores_of_annex_b(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.011)


def test_a_score_is_never_below_one() -> None:
    assert all(1.0 <= mos(r / 10) <= 4.5 for r in range(1010))


def test_loss_and_delay_by_hand() -> None:
    assert r_factor(0.0) == pytest.approx(BEST_R - 0.024 * 60)
    # 2 %: 95 * 2 / (2 + 25.1) = 7.01
    assert r_factor(0.02) == pytest.approx(BEST_R - 1.44 - 7.011, abs=0.001)
    # A round trip of 400 ms: 260 ms each way, 82.7 of them beyond what nobody minds.
    expected = BEST_R - 0.024 * 260 - 0.11 * 82.7
    assert r_factor(0.0, round_trip_ms=400.0) == pytest.approx(expected)


def test_bursts_are_worse_than_losses_by_chance() -> None:
    assert r_factor(0.1, burst_ratio=3.0) < r_factor(0.1)
    assert r_factor(0.1, burst_ratio=0.5) == r_factor(0.1)
    assert r_factor(5.0) == r_factor(1.0) > 0
    assert r_factor(1.0, round_trip_ms=5000.0) == 0.0

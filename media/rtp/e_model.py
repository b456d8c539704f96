"""How good speech sounds, as a number: the E-model of ITU-T G.107, for a call by packets.

Simplified: everything that is not known of the phones (loudness, echo, noise, expectation) has the
default of G.107, so that R = 93.2 - Id - Ie,eff. Only delay and loss are left of it.
"""

from typing import Final

BEST_R: Final = 93.2
# G.113 appendix I: G.711 with concealment of lost packets, as every phone of today has it.
EQUIPMENT_IMPAIRMENT: Final = 0.0
LOSS_ROBUSTNESS: Final = 25.1
# One packet is filled with speech, and a phone keeps two for those that come late.
FIXED_DELAY_MS: Final = 60.0
_HEARD_DELAY_MS: Final = 177.3


def r_factor(loss: float, *, burst_ratio: float = 1.0, round_trip_ms: float = 0.0) -> float:
    """R of one direction: 0 to 93.2.

    `loss` is the share of packets that was lost or came too late, 0 to 1. `burst_ratio` is how much
    longer losses last than those that come by chance (1), section 7.2 of G.107.
    """
    delay_ms = round_trip_ms / 2 + FIXED_DELAY_MS
    delay_impairment = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - _HEARD_DELAY_MS)
    percent = 100 * min(1.0, max(0.0, loss))
    robust = percent / max(1.0, burst_ratio) + LOSS_ROBUSTNESS
    loss_impairment = EQUIPMENT_IMPAIRMENT + (95 - EQUIPMENT_IMPAIRMENT) * percent / robust
    return max(0.0, min(BEST_R, BEST_R - delay_impairment - loss_impairment))


def mos(r: float) -> float:
    """The mean opinion score that R stands for, 1 to 4.5 (annex B of G.107)."""
    if r <= 0:
        return 1.0
    score = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)
    return round(min(4.5, max(1.0, score)), 2)

"""Legs of both kinds are relayed, and their packets cost something."""

import numpy as np

from scripts.bench.tone_legs import packet_costs_us


def test_both_kinds_are_measured() -> None:
    of_tones, of_events = packet_costs_us(np.zeros(1600, np.int16))
    assert of_tones > 0 and of_events > 0

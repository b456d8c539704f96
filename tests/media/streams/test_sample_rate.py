"""From one sample rate to another: nothing is lost between pieces, and tones stay what they are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.streams.sample_rate import RateConverter

PAIRS = [(one, other) for one in (8000, 16000, 24000) for other in (8000, 16000, 24000)]


def tone(hz: float, rate_hz: int, seconds: float = 0.5) -> NDArray[np.int16]:
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    return (10_000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def level(samples: NDArray[np.int16]) -> float:
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(float)
    return float(np.sqrt(np.mean(middle**2)))


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_tone_of_the_telephone_keeps_its_level_and_length(from_hz: int, to_hz: int) -> None:
    converted = RateConverter(from_hz, to_hz).convert(tone(1000, from_hz))
    assert len(converted) == to_hz // 2
    assert level(converted) == pytest.approx(10_000 / 2**0.5, rel=0.03)


@pytest.mark.parametrize("rate_hz", [16000, 24000])
def test_what_a_telephone_cannot_carry_is_no_other_tone(rate_hz: int) -> None:
    assert level(RateConverter(rate_hz, 8000).convert(tone(5500, rate_hz))) < 30
    raised = RateConverter(8000, rate_hz).convert(tone(1000, 8000))
    spectrum = np.abs(np.fft.rfft(raised.astype(float) * np.hanning(len(raised))))
    peaks = np.fft.rfftfreq(len(raised), 1 / rate_hz)[spectrum > spectrum.max() / 1000]
    assert peaks.min() > 950 and peaks.max() < 1050


@pytest.mark.parametrize(
    "rates", [(8000, 16000), (24000, 8000), (16000, 8000), (16000, 24000), (24000, 16000)]
)
def test_pieces_of_any_length_give_what_the_whole_gives(rates: tuple[int, int]) -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, 4801).astype(np.int16)
    whole = RateConverter(*rates).convert(sound)
    converter, at, pieces = RateConverter(*rates), 0, []
    for length in (1, 2, 3, 0, 160, 333, 7, 4295):
        pieces.append(converter.convert(sound[at : at + length]))
        at += length
    assert at == len(sound)
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16000, 24000), (24000, 16000)])
def test_a_wide_tone_stays_what_it_is_between_wide_rates(from_hz: int, to_hz: int) -> None:
    converted = RateConverter(from_hz, to_hz).convert(tone(5000, from_hz))
    assert level(converted) == pytest.approx(10_000 / 2**0.5, rel=0.03)
    spectrum = np.abs(np.fft.rfft(converted.astype(float) * np.hanning(len(converted))))
    peaks = np.fft.rfftfreq(len(converted), 1 / to_hz)[spectrum > spectrum.max() / 1000]
    assert peaks.min() > 4950 and peaks.max() < 5050


def test_rates_without_a_small_factor_between_them_are_refused() -> None:
    with pytest.raises(ValueError, match="no small factor"):
        RateConverter(44100, 8000)

import numpy as np
import pytest

from media.sound.resampler import Resampler
from tests.support.voices import level_of, tone, voice

RATES = [(8000, 16000), (16000, 8000), (8000, 48000), (48000, 8000), (16000, 48000), (48000, 16000)]


def streamed(resampler: Resampler, samples: np.ndarray, size: int) -> np.ndarray:
    parts = [resampler.resample(samples[at : at + size]) for at in range(0, len(samples), size)]
    return np.concatenate(parts)


def power(samples: np.ndarray, hz: float, rate_hz: int) -> float:
    """Of one tone, after what the filter needs to begin."""
    return level_of(hz, samples[rate_hz // 50 :], rate_hz)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_a_tone_stays_as_loud_as_it_is(from_hz: int, to_hz: int) -> None:
    made = streamed(Resampler(from_hz, to_hz), tone(1000, 0.5, from_hz), from_hz // 50)
    assert len(made) == to_hz // 2
    assert power(made, 1000, to_hz) == pytest.approx(10000, rel=0.01)
    rest = made[to_hz // 50 :].astype(float)
    wave = power(made, 1000, to_hz)
    assert np.sqrt(max(np.mean(rest**2) - wave**2 / 2, 0)) < 100


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16000, 8000), (48000, 8000), (48000, 16000)])
def test_what_the_lower_rate_cannot_carry_is_removed(from_hz: int, to_hz: int) -> None:
    made = streamed(Resampler(from_hz, to_hz), tone(to_hz * 0.62, 0.5, from_hz), from_hz // 50)
    assert power(made, to_hz * 0.38, to_hz) < 100


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_it_does_not_matter_how_the_stream_is_cut(from_hz: int, to_hz: int) -> None:
    said = voice(0.12, from_hz)
    whole = Resampler(from_hz, to_hz).resample(said)
    cut = streamed(Resampler(from_hz, to_hz), said, from_hz // 100)
    assert len(cut) == len(whole)
    # Sums of another length may be added up in another order.
    assert np.abs(whole.astype(int) - cut).max() <= 1


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (16000, 8000)])
def test_what_is_too_loud_is_cut_off(from_hz: int, to_hz: int) -> None:
    loud = np.repeat(np.array([-32768, 32767] * 4, np.int16), from_hz // 200)
    made = Resampler(from_hz, to_hz).resample(loud)
    # What is beyond does not come out at the other end of the range.
    assert (made.min(), made.max()) == (-32768, 32767)
    settled = made.reshape(8, -1)[:, -to_hz // 800 :]
    assert (np.sign(settled[1::2]) == 1).all()


def test_nothing_becomes_nothing() -> None:
    assert len(Resampler(8000, 16000).resample(np.zeros(0, np.int16))) == 0


def test_rates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="neither is a multiple"):
        Resampler(8000, 44100)

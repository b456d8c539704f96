import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.comfort_noise import ComfortNoise, describe_noise


def dbov(samples: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) / 32768**2))


def tilt_db(samples: NDArray[np.int16]) -> float:
    """How much louder the lower half of the band is than the upper."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    half = len(power) // 2
    return float(10 * np.log10(power[:half].sum() / power[half:].sum()))


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("level", [30, 50, 70])
def test_noise_has_the_level_that_was_described(level: int, rate_hz: int) -> None:
    noise = ComfortNoise(rate_hz, seed=1)
    noise.describe(bytes([level]))
    made = np.concatenate([noise.make(rate_hz // 50) for _ in range(100)])
    assert dbov(made) == pytest.approx(-level, abs=1.0)
    assert abs(tilt_db(made)) < 1.5


def test_a_background_is_described_and_made_again() -> None:
    rng = np.random.default_rng(2)
    white = rng.standard_normal(8001) * 200
    background = (white[1:] + 0.9 * white[:-1]).astype(np.int16)
    payload = describe_noise(background)
    assert len(payload) == 5
    noise = ComfortNoise(8000, seed=3)
    noise.describe(payload)
    made = noise.make(4000)
    assert dbov(made) == pytest.approx(dbov(background), abs=1.0)
    assert tilt_db(made) == pytest.approx(tilt_db(background), abs=2.0)


def test_silence_is_described_by_the_lowest_level() -> None:
    assert describe_noise(np.zeros(160, np.int16)) == bytes([127])
    assert describe_noise(np.zeros(0, np.int16)) == bytes([127])
    noise = ComfortNoise(8000, seed=1)
    noise.describe(bytes([127]))
    assert not noise.make(160).any()


def test_an_empty_payload_is_silence() -> None:
    noise = ComfortNoise(8000, seed=1)
    noise.describe(b"")
    assert not noise.make(160).any()


def test_the_same_description_again_does_not_begin_anew() -> None:
    noise = ComfortNoise(8000, seed=1)
    noise.describe(bytes([40]))
    first = noise.make(160)
    noise.describe(bytes([40]))
    assert not np.array_equal(first, noise.make(160))


@pytest.mark.parametrize("payload", [bytes([255]) * 40, bytes(40), bytes([40, *[254, 0] * 10])])
def test_no_payload_breaks_it(payload: bytes) -> None:
    noise = ComfortNoise(8000, seed=1)
    noise.describe(payload)
    assert len(noise.make(9000)) == 9000

import numpy as np
import pytest

from media.codec.concealment import Concealer
from tests.support.voices import loudest_step, voice


def heard(concealer: Concealer, samples: np.ndarray, frame: int) -> None:
    for start in range(0, len(samples), frame):
        concealer.heard(samples[start : start + frame])


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_the_last_period_of_a_voice_goes_on(rate_hz: int, frame_ms: int) -> None:
    said = voice(0.34, rate_hz)
    until = int(0.3 * rate_hz)
    concealer = Concealer(rate_hz)
    heard(concealer, said[:until], rate_hz * frame_ms // 1000)
    lost = concealer.conceal(rate_hz // 50).astype(np.float64)
    real = said[until : until + rate_hz // 50].astype(np.float64)
    error = np.sum((real[: rate_hz // 100] - lost[: rate_hz // 100]) ** 2)
    assert error < 0.1 * np.sum(real[: rate_hz // 100] ** 2)
    joined = np.concatenate((said[:until], lost.astype(np.int16)))
    assert loudest_step(joined) <= 1.5 * loudest_step(said)


def test_it_falls_to_silence_within_60_ms() -> None:
    concealer = Concealer(8000)
    heard(concealer, voice(0.3), 160)
    frames = [np.abs(concealer.conceal(160).astype(int)).max() for _ in range(4)]
    assert frames[0] > frames[1] > frames[2] > frames[3] == 0


def test_what_comes_again_rises_out_of_it() -> None:
    said = voice(0.5)
    concealer = Concealer(8000)
    heard(concealer, said[:1600], 160)
    lost = concealer.conceal(160)
    again = concealer.heard(said[1760:1920])
    assert loudest_step(np.concatenate((said[:1600], lost, again))) <= 1.5 * loudest_step(said)
    assert np.array_equal(again[80:], said[1840:1920])
    assert concealer.heard(said[1920:2080]) is not None
    assert np.array_equal(concealer.heard(said[2080:2240]), said[2080:2240])


def test_nothing_was_heard_before() -> None:
    assert not Concealer(8000).conceal(160).any()


def test_an_empty_payload_changes_nothing() -> None:
    concealer = Concealer(8000)
    heard(concealer, voice(0.1), 160)
    concealer.conceal(160)
    assert len(concealer.heard(np.zeros(0, np.int16))) == 0
    assert concealer.conceal(10).any()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.sound.g711 import SILENCE, decode, encode
from media.sound.level import FLOOR_DBFS, SILENT_DBFS, level_dbfs, step_levels_dbfs


def tone(dbfs: float) -> NDArray[np.int16]:
    t = np.arange(160) / 8000
    return np.round(32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 500 * t)).astype(np.int16)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("dbfs", [0, -10, -20, -40, -55])
def test_level_of_a_tone(codec: str, dbfs: float) -> None:
    assert level_dbfs(encode(tone(dbfs), codec), codec) == pytest.approx(dbfs, abs=0.6)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_silence_is_silent_and_speech_is_not(codec: str) -> None:
    assert level_dbfs(SILENCE[codec], codec) == FLOOR_DBFS
    assert level_dbfs(b"", codec) == FLOOR_DBFS
    assert level_dbfs(encode(tone(-56), codec), codec) < SILENT_DBFS
    assert level_dbfs(encode(tone(-40), codec), codec) > SILENT_DBFS


@given(st.binary(max_size=300), st.sampled_from(["PCMU", "PCMA"]))
def test_it_is_what_the_definition_gives(payload: bytes, codec: str) -> None:
    samples = decode(payload, codec).astype(np.float64)
    samples[np.abs(samples) <= 8] = 0
    mean = 2 * float(np.mean(samples**2)) / 32768**2 if payload else 0.0
    expected = max(FLOOR_DBFS, 10 * np.log10(mean)) if mean else FLOOR_DBFS
    assert level_dbfs(payload, codec) == pytest.approx(expected, abs=0.01)


def test_another_codec_is_recognised() -> None:
    with pytest.raises(KeyError):
        level_dbfs(b"a", "G729")


def test_levels_of_steps_are_those_of_their_samples() -> None:
    payload = bytes(range(256)) + b"\x80" * 24
    levels = step_levels_dbfs(payload, "PCMU", 80)
    assert len(levels) == 3
    for step, level in enumerate(levels):
        part = payload[80 * step : 80 * step + 80]
        assert level == pytest.approx(level_dbfs(part, "PCMU"), abs=0.01)
    assert len(step_levels_dbfs(b"", "PCMA", 80)) == 0

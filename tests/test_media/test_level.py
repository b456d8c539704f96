import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.g711 import SILENCE, decode, encode
from media.level import FLOOR_DBFS, is_silent, level_dbfs, levels_dbfs, silent


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
    assert is_silent(SILENCE[codec], codec)
    assert is_silent(encode(tone(-56), codec), codec)
    assert not is_silent(encode(tone(-40), codec), codec)
    assert is_silent(encode(tone(-40), codec), codec, -30.0)


def test_a_batch_of_both_codecs_and_several_lengths() -> None:
    payloads = [
        encode(tone(-10), "PCMU"),
        b"",
        encode(tone(-10), "PCMA"),
        SILENCE["PCMA"] * 3,
        encode(tone(-30), "PCMA")[:80],
    ]
    codecs = ["PCMU", "PCMU", "PCMA", "PCMA", "PCMA"]
    assert levels_dbfs(payloads, codecs) == pytest.approx([-10, -96, -10, -96, -30], abs=0.3)
    assert silent(payloads, codecs).tolist() == [False, True, False, True, False]
    assert len(levels_dbfs([], [])) == 0


def test_a_quiet_payload_among_loud_ones_keeps_its_level() -> None:
    loud, quiet = encode(tone(0), "PCMU"), encode(tone(-60), "PCMU")
    levels = levels_dbfs([loud] * 500 + [quiet], ["PCMU"] * 501)
    assert levels[-1] == pytest.approx(level_dbfs(quiet, "PCMU"), abs=0.01)


@given(st.lists(st.tuples(st.binary(max_size=300), st.sampled_from(["PCMU", "PCMA"]))))
def test_a_batch_gives_what_the_definition_gives(batch: list[tuple[bytes, str]]) -> None:
    levels = levels_dbfs([payload for payload, _ in batch], [codec for _, codec in batch])
    for (payload, codec), level in zip(batch, levels, strict=True):
        samples = decode(payload, codec).astype(np.float64)
        samples[np.abs(samples) <= 8] = 0
        mean = 2 * float(np.mean(samples**2)) / 32768**2 if payload else 0.0
        expected = max(FLOOR_DBFS, 10 * np.log10(mean)) if mean else FLOOR_DBFS
        assert level == pytest.approx(expected, abs=0.01)


def test_misuse_is_told() -> None:
    with pytest.raises(ValueError, match="1 payloads but 2 codecs"):
        levels_dbfs([b"a"], ["PCMU", "PCMA"])
    with pytest.raises(KeyError):
        level_dbfs(b"a", "G729")

import asyncio
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.settings import LOUDNESS_LUFS
from media.sound import prompts
from media.sound.form import WIDE
from media.sound.g711 import decode, encode
from media.sound.loudness import levelled, loudness_lufs
from media.sound.prompt_files import MAX_DURATION_S, PromptError
from media.sound.prompts import PromptCache, load
from tests.support.tone_detection import dominant_hz, tone_level_dbfs


def sine(hz: float, rate: int, seconds: float = 1.0, dbfs: float = -12.0) -> NDArray[np.float64]:
    t = np.arange(round(seconds * rate)) / rate
    wave: NDArray[np.float64] = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)
    return wave


def write(path: Path, samples: Any, rate: int, subtype: str, format_: str = "WAV") -> str:
    soundfile.write(str(path), samples, rate, subtype=subtype, format=format_)
    return str(path)


def wav(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm16_wav(samples: NDArray[np.int16], rate: int = 8000) -> bytes:
    """A WAV put together by hand, so that reading does not rest on the library that wrote it."""
    data = samples.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    return wav(
        b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    )


@pytest.mark.parametrize(
    ("subtype", "tolerance_db"),
    [
        ("PCM_U8", 0.2),
        ("PCM_16", 0.05),
        ("PCM_24", 0.05),
        ("PCM_32", 0.05),
        ("FLOAT", 0.05),
        ("DOUBLE", 0.05),
        ("ULAW", 0.1),
        ("ALAW", 0.1),
    ],
)
@pytest.mark.parametrize("rate", [8000, 44100])
def test_every_width_keeps_frequency_and_level(
    tmp_path: Path, subtype: str, tolerance_db: float, rate: int
) -> None:
    samples = load(write(tmp_path / "a.wav", sine(1000, rate), rate, subtype))
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(8000, abs=1)
    assert dominant_hz(samples, 8000) == pytest.approx(1000, abs=0.5)
    assert tone_level_dbfs(samples[400:-400], 8000, 1000) == pytest.approx(-12, abs=tolerance_db)


@pytest.mark.parametrize("rate", [6000, 11025, 16000, 22050, 32000, 48000, 96000, 192000])
def test_every_rate_keeps_frequency_level_and_length(tmp_path: Path, rate: int) -> None:
    samples = load(write(tmp_path / "a.wav", sine(1234, rate, 2.5), rate, "PCM_16"))
    assert len(samples) == pytest.approx(20_000, abs=2)
    assert dominant_hz(samples, 8000) == pytest.approx(1234, abs=0.5)
    assert tone_level_dbfs(samples[400:-400], 8000, 1234) == pytest.approx(-12, abs=0.1)


def test_what_8_khz_cannot_carry_is_filtered_not_folded(tmp_path: Path) -> None:
    both = sine(1000, 48000) + sine(5000, 48000)
    samples = load(write(tmp_path / "a.wav", both, 48000, "PCM_16"))
    assert tone_level_dbfs(samples[400:-400], 8000, 3000) < -75  # where 5 kHz would fold to
    assert tone_level_dbfs(samples[400:-400], 8000, 1000) == pytest.approx(-12, abs=0.1)


def test_a_telephone_recording_is_used_bit_by_bit(tmp_path: Path) -> None:
    original = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    path = tmp_path / "a.wav"
    path.write_bytes(pcm16_wav(original))
    assert (load(str(path)) == original).all()


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([sine(500, 16000), sine(900, 16000)], axis=1)
    samples = load(write(tmp_path / "a.wav", stereo, 16000, "PCM_24", "WAVEX"))
    for hz in (500, 900):
        assert tone_level_dbfs(samples[400:-400], 8000, hz) == pytest.approx(-18, abs=0.1)


def test_a_long_file_is_read_in_blocks_without_seams(tmp_path: Path) -> None:
    samples = load(write(tmp_path / "a.wav", sine(440, 44100, 8), 44100, "PCM_16"))
    assert len(samples) == pytest.approx(64_000, abs=2)
    residue = samples[400:-400].astype(np.float64)
    t = np.arange(len(residue)) / 8000
    basis = np.stack([np.sin(2 * np.pi * 440 * t), np.cos(2 * np.pi * 440 * t)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, residue, rcond=None)
    assert np.abs(residue - basis @ fit).max() < 4


def test_floats_beyond_full_scale_and_nan_do_not_wrap(tmp_path: Path) -> None:
    wild = np.array([0.0, 2.0, -2.0, np.nan, np.inf, -np.inf] * 100, np.float32)
    samples = load(write(tmp_path / "a.wav", wild, 8000, "FLOAT"))
    assert samples[:6].tolist() == [0, 32767, -32768, 0, 32767, -32768]


def test_flac_will_do_too(tmp_path: Path) -> None:
    samples = load(write(tmp_path / "a.flac", sine(700, 16000), 16000, "PCM_16", "FLAC"))
    assert dominant_hz(samples, 8000) == pytest.approx(700, abs=0.5)


def test_a_file_cut_short_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(pcm16_wav((sine(440, 8000) * 32767).astype(np.int16))[: 44 + 8000])
    assert len(load(str(path))) == 4000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_a_prompt_error(tmp_path: Path, data: st.DataObject) -> None:
    sound = bytearray(pcm16_wav(np.arange(200, dtype=np.int16)))
    for _ in range(data.draw(st.integers(1, 6))):
        sound[data.draw(st.integers(0, 47))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.wav"
    path.write_bytes(sound[: data.draw(st.integers(1, len(sound)))])
    try:
        samples = load(str(path))
    except PromptError:
        return
    assert 0 < len(samples) <= MAX_DURATION_S * 8000


async def test_the_cache_reads_a_file_once_and_holds_both_codecs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", sine(600, 16000), 16000, "PCM_16")
    threads: list[str] = []
    read = prompts.load

    def counted(path: str) -> NDArray[np.int16]:
        threads.append(threading.current_thread().name)
        return read(path)

    monkeypatch.setattr(prompts, "load", counted)
    cache = PromptCache()
    assert cache.get(path) is None
    first, second = await asyncio.gather(cache.load(path), cache.load(path))
    assert first is second is await cache.load(path) is cache.get(path)
    assert len(threads) == 1 and threads[0] != threading.main_thread().name
    samples = levelled(read(path))
    assert first.pcmu == encode(samples, "PCMU")
    assert first.pcma == encode(samples, "PCMA")
    assert loudness_lufs(decode(first.pcma, "PCMA")) == pytest.approx(LOUDNESS_LUFS, abs=0.2)


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sine(600, 8000), 8000, "PCM_16")
    cache = PromptCache()
    before = await cache.load(path)
    write(tmp_path / "a.wav", sine(600, 8000, 2), 8000, "PCM_16")
    assert cache.get(path) is None
    after = await cache.load(path)
    assert (before.duration_s, after.duration_s) == (1, 2)
    assert len(cache) == 1 and cache.bytes == 32_000


async def test_the_cache_is_bounded_and_keeps_what_is_used(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.wav", sine(600, 8000), 8000, "PCM_16") for n in range(4)]
    cache = PromptCache(max_bytes=3 * 16_000)
    for path in paths[:3]:
        await cache.load(path)
    cache.get(paths[0])
    await cache.load(paths[3])
    assert [cache.get(path) is not None for path in paths] == [True, False, True, True]
    assert cache.bytes == 48_000


async def test_a_failed_load_fails_for_all_and_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("nothing that sounds")
    cache = PromptCache()
    results = await asyncio.gather(
        cache.load(str(path)), cache.load(str(path)), return_exceptions=True
    )
    assert all(isinstance(result, PromptError) for result in results)
    write(path, sine(600, 8000), 8000, "PCM_16")
    assert (await cache.load(str(path))).duration_s == 1
    with pytest.raises(PromptError, match="No such file"):
        await cache.load(str(tmp_path / "none.wav"))


async def test_a_waiter_who_gives_up_does_not_end_the_load_for_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sine(600, 8000), 8000, "PCM_16")
    cache = PromptCache()
    impatient = asyncio.create_task(cache.load(path))
    patient = asyncio.create_task(cache.load(path))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).duration_s == 1
    assert impatient.cancelled()


async def test_a_wide_prompt_has_every_form_and_takes_the_place_of_a_narrow_one(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.wav", sine(600, 22050, 1.001), 22050, "PCM_16")
    cache = PromptCache()
    narrow = await cache.load(path)
    assert cache.get(path, is_wide=True) is None and not narrow.wide
    wide = await cache.load(path, is_wide=True)
    assert len(wide.wide) == 4 * len(wide.pcmu) and wide.pcmu == narrow.pcmu
    assert cache.get(path) is wide is await cache.load(path)
    assert len(cache) == 1 and cache.bytes == wide.bytes == 6 * wide.samples


async def test_a_loop_is_as_long_in_every_form(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sine(601.3, 16000, 1.0), 16000, "PCM_16")
    clip = await PromptCache().load(path, is_loop=True, is_wide=True)
    assert clip.samples == 8000 - 80
    assert len(clip.payload(WIDE)) == 4 * clip.samples

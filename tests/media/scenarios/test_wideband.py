"""What is above 4 kHz is heard by the legs whose codec can carry it, and by no others."""

import asyncio
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media import messages as m
from media.messages import Codec
from media.sources import Playlist, Prompt, Silence, Source
from tests.support.media.codec_phones import CodecPhone, talk
from tests.support.media.switch import SwitchBench
from tests.support.recording import write_tone_wav
from tests.support.voices import level_of, tone

HIGH_HZ = 5000
QUIET = np.zeros(320, np.int16)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SwitchBench]:
    made = SwitchBench(pairs=8)
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: made.now)
    yield made
    made.close()


def high(phone: CodecPhone, begin_s: float = 0.1) -> float:
    """How loud what is above 4 kHz was to a phone."""
    heard = phone.sound_heard()[int(begin_s * phone.rate_hz) :]
    return float(level_of(HIGH_HZ, heard, phone.rate_hz)) if phone.rate_hz > 8000 else 0.0


async def until_loaded(desk: SwitchBench) -> None:
    async with asyncio.timeout(60):
        while desk.switch._clips:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("codec", ["G722", "L16/16000"])
async def test_a_prompt_a_playlist_and_an_announcement_are_wide(
    desk: SwitchBench, tmp_path: Path, codec: Codec
) -> None:
    file = str(write_tone_wav(tmp_path / "high.wav", HIGH_HZ, 1.0, rate=16000, peak=0.3))
    wide, narrow = CodecPhone(desk, "a", codec, QUIET), CodecPhone(desk, "b", "PCMA", QUIET[:160])
    sources: list[Source] = [Prompt(file), Playlist((file, file)), Prompt(file, True)]
    for number, source in enumerate(sources):
        for leg in ("a", "b"):
            if number == 2:
                desk.switch.execute(m.Hear(leg, 0, Silence()))
                desk.switch.execute(m.Announce(leg, 9, source, mix=True, rounds=0))
            else:
                desk.switch.execute(m.Hear(leg, 1 + number, source))
        await until_loaded(desk)
        for phone in (wide, narrow):
            phone.heard.clear()
        talk(desk, [wide, narrow], 25)
        assert high(wide) > 2500, number
        assert narrow.sound_heard().astype(float).std() < 100


async def test_a_recording_of_a_wide_leg_is_wide_and_its_sides_are_aligned(
    desk: SwitchBench, tmp_path: Path
) -> None:
    """Both press out one loud moment at once, which stands at one place of the file."""
    moment = np.zeros(16000, np.int16)
    moment[8000:8160] = 12000
    wide = CodecPhone(desk, "a", "G722", tone(HIGH_HZ, 1.0, 16000) // 4 + moment)
    narrow = CodecPhone(desk, "b", "PCMU", moment[::2].copy())
    desk.switch.execute(m.Bridge("a", "b"))
    paths = [str(tmp_path / name) for name in ("both.wav", "heard.wav")]
    desk.switch.execute(m.Record(7, "a", "b", paths[0]))
    talk(desk, [wide, narrow], 45)
    desk.switch.execute(m.StopRecording(8, "a"))
    desk.switch.execute(m.Record(9, "a", "a", paths[1]))
    talk(desk, [wide, narrow], 20)
    desk.switch.execute(m.StopRecording(10, "a"))
    async with asyncio.timeout(60):
        while len(desk.events(m.Recorded)) < 2:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.005)
    both, heard = (read_stereo(path, 16000) for path in paths)
    assert level_of(HIGH_HZ, both[:8000, 0], 16000) > 2000
    assert level_of(HIGH_HZ, both[:8000, 1], 16000) < 50
    at = [int(np.argmax(np.abs(side.astype(int)) > 9000)) for side in both.T]
    assert abs(at[0] - at[1]) < 40, "2.5 ms: what the filters of G.722 take"
    assert level_of(HIGH_HZ, heard[1600:4800, 0], 16000) > 2000
    assert level_of(HIGH_HZ, heard[:, 1], 16000) < 50


def read_stereo(path: str, rate_hz: int) -> NDArray[np.int16]:
    with wave.open(path) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, rate_hz)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)


async def test_a_recording_of_narrow_legs_has_8_khz(desk: SwitchBench, tmp_path: Path) -> None:
    a, b = CodecPhone(desk, "a", "PCMA", QUIET), CodecPhone(desk, "b", "PCMU", QUIET)
    desk.switch.execute(m.Record(7, "a", "b", str(tmp_path / "both.wav")))
    talk(desk, [a, b], 5)
    desk.switch.execute(m.StopRecording(8, "a"))
    async with asyncio.timeout(60):
        while not desk.events(m.Recorded):  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.005)
    assert len(read_stereo(str(tmp_path / "both.wav"), 8000)) >= 800

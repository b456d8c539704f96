"""What is above 4 kHz is heard by the legs whose codec can carry it, and by no others."""

import asyncio
import itertools
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.formats import unavailable
from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sources import Mix, Playlist, Prompt, Silence, Source
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


@pytest.mark.parametrize(
    ("codec", "file_hz"), [("G722", 16000), ("L16/16000", 16000), ("opus", 48000)]
)
async def test_a_prompt_a_playlist_and_an_announcement_are_wide(
    desk: SwitchBench, tmp_path: Path, codec: Codec, file_hz: int
) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    file = str(write_tone_wav(tmp_path / "high.wav", HIGH_HZ, 1.0, rate=file_hz, peak=0.3))
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


def steady(phone: CodecPhone, low_hz: float, high_hz: float) -> None:
    """Let a phone say two tones, the high one if its codec can carry it."""
    said = tone(low_hz, 1.0, phone.rate_hz) // 5
    if phone.rate_hz > 8000:
        said += tone(high_hz, 1.0, phone.rate_hz) // 5
    phone.sound = said


def test_in_a_sum_wide_legs_hear_each_other_wide_and_narrow_ones_do_not(desk: SwitchBench) -> None:
    codecs: dict[str, Codec] = {"a": "G722", "b": "L16/16000", "c": "PCMU", "d": "PCMA"}
    phones = {leg: CodecPhone(desk, leg, codec, QUIET) for leg, codec in codecs.items()}
    low = {"a": 400, "b": 700, "c": 1000, "d": 1400}
    for leg, high_hz in (("a", 5000), ("b", 6000), ("c", 0), ("d", 0)):
        steady(phones[leg], low[leg], high_hz)
    for leg in phones:
        desk.switch.execute(m.Hear(leg, 0, Mix(tuple(one for one in phones if one != leg))))
    talk(desk, [*phones.values()], 60)
    for leg, phone in phones.items():
        heard = phone.sound_heard()[phone.rate_hz // 5 :]
        for other, hz in low.items():
            level = level_of(hz, heard, phone.rate_hz)
            assert level < 40 if other == leg else level == pytest.approx(2000, rel=0.15)
        if phone.rate_hz > 8000:
            own, others = (5000, 6000) if leg == "a" else (6000, 5000)
            assert level_of(own, heard, phone.rate_hz) < 40
            assert level_of(others, heard, phone.rate_hz) == pytest.approx(2000, rel=0.2)


@pytest.mark.parametrize("codec", ["G722", "L16/16000"])
def test_as_a_wide_leg_joins_and_leaves_nobody_hears_a_click_or_a_gap(
    desk: SwitchBench, codec: Codec
) -> None:
    first = CodecPhone(desk, "a", codec, QUIET)
    narrow = [CodecPhone(desk, "b", "PCMU", QUIET), CodecPhone(desk, "c", "PCMA", QUIET)]
    late = CodecPhone(desk, "d", "G722", QUIET)
    for phone, hz in zip([first, *narrow, late], (300, 350, 420, 500), strict=True):
        phone.sound = tone(hz, 2.0, phone.rate_hz) // 5

    def meet(*legs: str) -> None:
        for leg in legs:
            desk.switch.execute(m.Hear(leg, 0, Mix(tuple(one for one in legs if one != leg))))

    everybody = [first, *narrow, late]
    meet("a", "b", "c")
    talk(desk, everybody, 20)
    meet("a", "b", "c", "d")
    talk(desk, everybody, 20)
    desk.switch.execute(m.Close(99, "d"))
    meet("a", "b", "c")
    talk(desk, everybody, 20)
    for phone in [first, *narrow]:
        heard = phone.sound_heard().astype(float)[phone.rate_hz // 10 :]
        steepest = 3 * 2000 * 2 * np.pi * 500 / phone.rate_hz
        assert np.abs(np.diff(heard)).max() < 1.2 * steepest, phone.leg
        blocks = np.abs(heard[: len(heard) // 160 * 160]).reshape(-1, 160).max(axis=1)
        assert (blocks > 300).sum() >= len(blocks) - 3, "a gap"


async def test_a_conference_of_wide_legs_is_recorded_wide(
    desk: SwitchBench, tmp_path: Path
) -> None:
    phones = [CodecPhone(desk, leg, "G722", QUIET) for leg in "abc"]
    for phone, hz in zip(phones, (5000, 5600, 6200), strict=True):
        steady(phone, 400, hz)
    for leg in "abc":
        desk.switch.execute(m.Hear(leg, 0, Mix(tuple("abc".replace(leg, "")))))
    talk(desk, phones, 5)
    desk.switch.execute(m.Record(7, "a", "a", str(tmp_path / "all.wav")))
    talk(desk, phones, 40)
    desk.switch.execute(m.StopRecording(8, "a"))
    async with asyncio.timeout(60):
        while not desk.events(m.Recorded):  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.005)
    said, heard = read_stereo(str(tmp_path / "all.wav"), 16000)[1600:9600].T
    assert level_of(5000, said, 16000) > 1200 > 60 > level_of(5600, said, 16000)
    assert min(level_of(hz, heard, 16000) for hz in (5600, 6200)) > 1200
    assert level_of(5000, heard, 16000) < 60


@pytest.mark.parametrize("codec", ["G722", "PCMU"])
def test_from_a_wide_sum_to_a_talk_of_two_there_is_no_gap_over_40_ms(
    desk: SwitchBench, codec: Codec
) -> None:
    phones = {"a": CodecPhone(desk, "a", "G722", QUIET), "b": CodecPhone(desk, "b", codec, QUIET)}
    phones["c"] = CodecPhone(desk, "c", "G722", QUIET)
    for (leg, phone), hz in zip(phones.items(), (300, 350, 420), strict=True):
        phone.sound = tone(hz, 2.0, phone.rate_hz) // 5
        desk.switch.execute(m.Hear(leg, 0, Mix(tuple("abc".replace(leg, "")))))
    talk(desk, [*phones.values()], 20)
    desk.switch.execute(m.Bridge("a", "b"))
    talk(desk, [*phones.values()], 25)
    for leg in ("a", "b"):
        heard = phones[leg].heard
        steps = [b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(heard)]
        assert max(steps) <= 480 and sum(steps) >= 160 * 43, leg
        assert {b.sequence - a.sequence & 0xFFFF for a, b in itertools.pairwise(heard)} == {1}

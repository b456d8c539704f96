"""What is recorded of a talk whose packets are lost or out of order, as phones send them."""

import asyncio
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.formats import unavailable
from media.protocol import messages as m
from media.protocol.messages import Codec
from tests.support.media.codec_phones import CodecPhone, talk
from tests.support.media.switch import SwitchBench
from tests.support.voices import level_of, tone

LOST = (20, 30, 40)


@pytest.fixture
def desk() -> Iterator[SwitchBench]:
    bench = SwitchBench()
    yield bench
    bench.close()


async def recorded(path: Path, desk: SwitchBench, count: int) -> NDArray[np.int16]:
    async with asyncio.timeout(60):
        while len(desk.events(m.Recorded)) < count:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.005)
    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        samples = samples.reshape(-1, sound.getnchannels())
        return samples[:: sound.getframerate() // 8000]


def quietest(side: NDArray[np.int16], first: int, last: int) -> float:
    """The level of the tone in the quietest 20 ms of these frames."""
    frames = side[160 * first : 160 * last].reshape(-1, 160)
    return min(level_of(400, frame) for frame in frames)


@pytest.mark.parametrize("codec", ["PCMU", "G722", "opus", "L16/16000"])
@pytest.mark.parametrize("recorded_leg", ["a", "b"])
async def test_packets_that_are_lost_leave_no_hole_in_a_recording(
    desk: SwitchBench, tmp_path: Path, codec: Codec, recorded_leg: str
) -> None:
    """Of the leg that says it, and of one that hears it untouched."""
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    rate_hz = 16000 if codec != "PCMU" else 8000
    a = CodecPhone(desk, "a", codec, tone(400, 1.0, rate_hz))
    b = CodecPhone(desk, "b", codec, np.zeros(rate_hz, np.int16))
    a.expect_loss(0.05)
    desk.switch.execute(m.Bridge("a", "b"))
    talk(desk, [a, b], 5)
    path = tmp_path / "call.wav"
    desk.switch.execute(m.Record(7, recorded_leg, recorded_leg, str(path)))
    for number in range(60):
        if number in LOST:
            a.lose()
        talk(desk, [b] if number in LOST else [a, b], 1)
    desk.switch.execute(m.StopRecording(8, "a"))
    desk.switch.execute(m.StopRecording(8, "b"))
    samples = await recorded(path, desk, 1)
    side = samples[:, 0 if recorded_leg == "a" else 1]
    # libopus by itself lets a lone tone fall by up to 17 dB, and does not always send a copy.
    assert quietest(side, 10, 55) > (1000 if codec == "opus" else 4000)


@pytest.mark.parametrize("codec", ["G722", "opus"])
async def test_what_a_bot_hears_and_says_is_recorded_whole(
    desk: SwitchBench, tmp_path: Path, codec: Codec
) -> None:
    """It is coded packet by packet."""
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    a = CodecPhone(desk, "a", codec, tone(400, 1.0, 16000))
    bot = CodecPhone(desk, "b", "L16/16000", tone(400, 1.0, 16000), is_even=True)
    desk.switch.execute(m.Bridge("a", "b"))
    talk(desk, [a, bot], 5)
    paths = [tmp_path / f"{leg}.wav" for leg in "ab"]
    for leg, path in zip("ab", paths, strict=True):
        desk.switch.execute(m.Record(7, leg, leg, str(path)))
    for number in range(60):
        if number in LOST:
            a.lose()
        talk(desk, [bot] if number in LOST else [a, bot], 1)
    for leg in "ab":
        desk.switch.execute(m.StopRecording(8, leg))
    for path in paths:
        for side in (await recorded(path, desk, 2)).T:
            assert quietest(side, 10, 55) > (1000 if codec == "opus" else 1500)  # as above


async def test_what_a_phone_sends_while_a_recording_is_paused_is_no_loss(
    desk: SwitchBench, tmp_path: Path
) -> None:
    a = CodecPhone(desk, "a", "PCMU", tone(400, 1.0))
    b = CodecPhone(desk, "b", "PCMU", np.zeros(8000, np.int16))
    desk.switch.execute(m.Bridge("a", "b"))
    path = tmp_path / "call.wav"
    desk.switch.execute(m.Record(7, "a", "b", str(path)))
    talk(desk, [a, b], 20)
    desk.switch.execute(m.PauseRecording(9, "a", True))
    talk(desk, [a, b], 5)
    desk.switch.execute(m.PauseRecording(10, "a", False))
    talk(desk, [a, b], 20)
    desk.switch.execute(m.StopRecording(8, "a"))
    side = (await recorded(path, desk, 1))[:, 0]
    begins, ends = np.flatnonzero(np.convolve(side == 0, np.ones(700), "valid") >= 700)[[0, -1]]
    assert ends + 700 - begins >= 780, "nothing is made up in the pause"
    assert quietest(side, 1, begins // 160) > 9000

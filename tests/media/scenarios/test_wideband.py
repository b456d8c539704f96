"""What is above 4 kHz is heard by the legs whose codec can carry it, and by no others."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from media import messages as m
from media.messages import Codec
from media.sources import Playlist, Prompt, Silence, Source
from tests.support.media.codec_phones import CodecPhone, talk
from tests.support.media.switch import SwitchBench
from tests.support.recording import write_tone_wav
from tests.support.voices import level_of

HIGH_HZ = 5000
QUIET = np.zeros(320, np.int16)


@pytest.fixture
def desk() -> Iterator[SwitchBench]:
    made = SwitchBench(pairs=8)
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

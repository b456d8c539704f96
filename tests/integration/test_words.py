"""Words that a real phone says in place of keys: heard by pocketsphinx, in telephone quality."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from media.speech.speech_pool import pool
from tests.support.control_line import ControlLine
from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone

LIMIT_S = 60.0
RATE_HZ = 8000
TRIES = 5


def spoken(text: str, path: Path) -> Path:
    """A sound file that says `text` after 2.5 s: the first recogniser takes a while to start."""
    sound = pool.speak(text, voice="en-us", rate_wpm=140, max_duration_s=20.0)
    samples = np.frombuffer(sound.samples, np.int16).astype(np.float32) / 2
    narrow = soxr.resample(samples, sound.rate_hz, RATE_HZ)
    pauses = np.zeros(5 * RATE_HZ // 2), np.zeros(2 * RATE_HZ)
    said = np.concatenate((pauses[0], narrow, pauses[1]))
    soundfile.write(path, said.astype(np.int16), RATE_HZ)
    return path


async def test_a_caller_says_yes(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    pytest.importorskip("pocketsphinx", reason="pip install 'ringback[recognition]'")
    phone = await softphone(user="caller")
    engine = await own_engine(agents=[], recognition={"engine": "pocketsphinx"})
    line, yes = engine.line, spoken("yes", tmp_path / "yes.wav")
    call = await line.call("call.originate", to=phone.uri)
    await line.events.wait_for(lambda one: one["type"] == "call.answered", timeout_s=LIMIT_S)
    asked = {"call": call["call"], "max_digits": 0, "first_digit_s": 10.0, "secret": False}
    speech = {"words": ["yes", "no"], "min_confidence": 0.0}
    newest = 0
    for _ in range(TRIES):  # on a busy machine the recogniser may be late, and is asked again
        gathering = asyncio.ensure_future(line.call("call.gather", speech=speech, **asked))
        begun = await _next(line, "gather.started", newest)
        phone.command(f"play {yes}")
        finished = await _next(line, "gather.finished", begun["seq"])
        newest = finished["seq"]
        await asyncio.gather(gathering, return_exceptions=True)
        if finished["ended"] == "speech" and finished["word"] == "yes":
            assert 0.0 <= finished["confidence"] <= 1.0
            return
    raise AssertionError("nobody has heard yes")


async def _next(line: ControlLine, kind: str, after: int) -> dict[str, Any]:
    event: dict[str, Any] = await line.events.wait_for(
        lambda one: one["type"] == kind and one["seq"] > after, timeout_s=LIMIT_S
    )
    return event

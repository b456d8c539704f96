"""Words that a real phone says in place of keys: heard by pocketsphinx, in telephone quality."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from media.speech.speech_pool import pool
from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone

LIMIT_S = 60.0
RATE_HZ = 8000


def spoken(text: str, path: Path) -> Path:
    """A sound file that says `text` after half a second."""
    sound = pool.speak(text, voice="en-us", rate_wpm=140, max_duration_s=20.0)
    samples = np.frombuffer(sound.samples, np.int16).astype(np.float32) / 2
    narrow = soxr.resample(samples, sound.rate_hz, RATE_HZ)
    pauses = np.zeros(RATE_HZ // 2), np.zeros(2 * RATE_HZ)
    said = np.concatenate((pauses[0], narrow, pauses[1]))
    soundfile.write(path, said.astype(np.int16), RATE_HZ)
    return path


async def test_a_caller_says_yes_and_the_prompt_ends(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    pytest.importorskip("pocketsphinx", reason="pip install 'ringback[recognition]'")
    phone = await softphone(user="caller")
    engine = await own_engine(agents=[], recognition={"engine": "pocketsphinx"})
    line = engine.line
    call = await line.call("call.originate", to=phone.uri)
    await line.events.wait_for(lambda one: one["type"] == "call.answered", timeout_s=LIMIT_S)
    asked = {
        "call": call["call"],
        "max_digits": 1,
        "first_digit_s": LIMIT_S,
        "secret": False,
        "prompt": {"tone": "300/60000"},
        "speech": {"words": ["yes", "no"], "min_confidence": 0.0},
    }
    gathering = asyncio.ensure_future(line.call("call.gather", **asked))
    await line.events.wait_for(lambda one: one["type"] == "play.started", timeout_s=LIMIT_S)
    phone.command(f"play {spoken('yes', tmp_path / 'yes.wav')}")
    stopped = await line.events.wait_for(
        lambda one: one["type"] == "play.finished", timeout_s=LIMIT_S
    )
    assert stopped["reason"] == "stopped"
    finished = await line.events.wait_for(
        lambda one: one["type"] == "gather.finished", timeout_s=LIMIT_S
    )
    assert (finished["word"], finished["ended"]) == ("yes", "speech")
    await asyncio.gather(gathering, return_exceptions=True)  # it may come late

"""The whisper: checked when asked for, ready when needed, and never the end of a callback."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine.calls.announcing.sound_files import SoundFiles
from engine.calls.announcing.whisper import Announcement, Announcer, Unspoken, Whisper
from engine.errors import EngineError
from media.sources import Prompt, Tone
from media.speech.synthesizer import SpeechError, Synthesizer
from tests.support.jobs import callback_job
from tests.support.quiet_speech import QuietSynthesizer


def announcer(tmp_path: Path) -> Announcer:
    return Announcer(QuietSynthesizer(tmp_path / "speech"), SoundFiles([tmp_path / "sounds"]))


async def prepared(under_test: Announcer, **request: Any) -> Whisper:
    return await under_test.prepare(callback_job(**request))


async def test_none_a_tone_and_a_file(tmp_path: Path) -> None:
    under_test = announcer(tmp_path)
    assert await prepared(under_test) is None
    tone = await prepared(under_test, whisper={"tone": "440/500"})
    assert isinstance(tone, Announcement)
    assert tone.source == Tone("440/500")
    sound = tmp_path / "sounds" / "a.wav"
    sound.parent.mkdir()
    sound.write_bytes(b"RIFF")
    for name in ("a.wav", str(sound)):
        file = await prepared(under_test, whisper={"file": name})
        assert isinstance(file, Announcement)
        assert file.source == Prompt(str(sound))
    sound.unlink()
    gone = await prepared(under_test, whisper={"file": "a.wav"})
    assert gone == Unspoken("a.wav: there is no such sound file in media.sounds")
    under_test.close()


@pytest.mark.outside
async def test_text_is_spoken(tmp_path: Path) -> None:
    under_test = Announcer(Synthesizer(tmp_path / "speech"))
    spoken = await prepared(under_test, whisper={"text": "A visitor is waiting."})
    assert isinstance(spoken, Announcement)
    assert isinstance(spoken.source, Prompt)
    samples, rate = soundfile.read(spoken.source.path, dtype="int16")
    assert len(samples) > rate / 2
    assert np.abs(samples).max() > 1000
    under_test.close()


async def test_a_template_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def say(_self: Synthesizer, text: str, **_how: Any) -> Path:
        said.append(text)
        return tmp_path / "x.wav"

    under_test = announcer(tmp_path)
    monkeypatch.setattr(Synthesizer, "prompt", say)
    whisper = {"template": "Call for {context.site}"}
    await prepared(under_test, whisper=whisper, context={"site": "the shop"})
    assert said == ["Call for the shop"]
    assert await prepared(under_test, whisper=whisper, context={}) is None
    under_test.close()


async def test_speech_that_fails_leaves_the_callback_without_a_whisper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Synthesizer, _text: str, **_how: Any) -> Path:
        raise SpeechError("no voice")

    under_test = announcer(tmp_path)
    monkeypatch.setattr(Synthesizer, "prompt", broken)
    assert await prepared(under_test, whisper={"text": "Hello"}) == Unspoken("no voice")
    under_test.close()


@pytest.mark.outside
async def test_a_text_that_kills_the_speech_costs_that_whisper_alone(tmp_path: Path) -> None:
    under_test = Announcer(Synthesizer(tmp_path / "speech", voice="de"))
    under_test.close()  # what the library does with it depends on what it did before
    under_test = Announcer(Synthesizer(tmp_path / "speech", voice="de"))
    unspoken = await prepared(under_test, whisper={"text": "Anruf von \U0001f6bc\u0693"})
    assert unspoken == Unspoken("the process that speaks has died of this text")
    assert isinstance(await prepared(under_test, whisper={"text": "Anruf"}), Announcement)
    under_test.close()


@pytest.mark.parametrize(
    ("whisper", "field"),
    [
        ({"file": "/nowhere/at/all.wav"}, "whisper.file"),
        ({"file": "../speech/other.wav"}, "whisper.file"),
        ({"tone": "high"}, "whisper.tone"),
        ({"tone": "440/0"}, "whisper.tone"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(
    tmp_path: Path, whisper: dict[str, Any], field: str
) -> None:
    with pytest.raises(EngineError) as caught:
        announcer(tmp_path).check(whisper)
    assert (caught.value.kind, caught.value.field) == ("refused", field)


async def test_a_whisper_about_a_person_is_deleted_a_while_after_its_last_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.calls.announcing.whisper.LINGER_S", 0.0)
    under_test = announcer(tmp_path)
    whisper = {"template": "Call from {context.name}"}
    first, second = (
        under_test.prepare(callback_job(whisper=whisper, context={"name": "Ada"})) for _ in range(2)
    )
    path = _path(await first)
    assert _path(await second) == path
    under_test.discard(first)
    await asyncio.sleep(0)
    assert path.exists()
    under_test.discard(second)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not path.exists()
    under_test.close()


async def test_a_whisper_without_anything_of_a_person_is_kept(tmp_path: Path) -> None:
    under_test = announcer(tmp_path)
    ready = under_test.prepare(
        callback_job(whisper={"template": "A visitor is waiting"}, context={})
    )
    path = _path(await ready)
    under_test.discard(ready)
    assert path.parent == tmp_path / "speech"
    assert path.exists()
    under_test.close()


def _path(whisper: Whisper) -> Path:
    assert isinstance(whisper, Announcement)
    assert isinstance(whisper.source, Prompt)
    return Path(whisper.source.path)


async def test_a_text_is_spoken_beforehand(tmp_path: Path) -> None:
    under_test = announcer(tmp_path)
    under_test.speak_beforehand("Welcome.")
    under_test._threads.shutdown()  # waits for what is under way
    (spoken,) = (tmp_path / "speech").iterdir()
    assert spoken.suffix == ".wav"

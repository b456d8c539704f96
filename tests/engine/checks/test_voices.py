"""Voices that there are not are faults of the configuration, each with its key."""

import pytest

from config.settings import Settings
from engine.checks.voices import speech_fault, unknown_voices
from media.speech.synthesizer import NoSuchVoice, SpeechError, Synthesizer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The voices that are looked for. Those that begin with x are not there."""
    seen: list[str] = []

    def look_for(_self: Synthesizer, voice: str) -> None:
        seen.append(voice)
        if voice.startswith("x"):
            raise NoSuchVoice(f"there is no voice {voice!r}")
        if voice == "broken":
            raise SpeechError("no library")

    monkeypatch.setattr(Synthesizer, "look_for", look_for)
    return seen


def faults(**sections: object) -> dict[str, str]:
    settings = Settings.model_validate(sections)
    return {fault.key: fault.reason for fault in unknown_voices(settings)}


def test_nothing_is_looked_for_where_none_is_named(asked: list[str]) -> None:
    assert faults(rooms=[{"name": "default"}], queues=[{"name": "q"}]) == {}
    assert asked == []


def test_each_place_that_can_name_one(asked: list[str]) -> None:
    room = {
        "name": "q",
        "welcome": "voice:x1:Hello.",
        "language": "de",
        "languages": {"fr": {"voice": "x2"}, "it": {}},
    }
    found = faults(
        rooms=[room],
        queues=[{"name": "q", "voice": "x3"}],
        inbound=[{"name": "i", "queue": "q", "voice": "x4", "whisper": "voice:x5:A call"}],
        rules=[{"name": "r", "set": {"whisper": "voice:x6:A call"}}],
        whisper={"voice": "x7", "default": "voice:x8:A call"},
    )
    assert found.keys() == {
        "rooms[0].welcome", "rooms[0].languages.fr.voice", "queues[0].voice", "inbound[0].voice",
        "inbound[0].whisper", "rules[0].set.whisper", "whisper.voice", "whisper.default",
    }  # fmt: skip
    assert {"de", "it"} <= set(asked)


def test_nothing_is_said_of_voices_where_nothing_can_be_spoken(asked: list[str]) -> None:
    assert faults(queues=[{"name": "q", "voice": "broken"}, {"name": "p", "voice": "x1"}]) == {}


@pytest.mark.parametrize(
    ("voice", "reason"),
    [("de", None), ("x1", "there is no voice 'x1'"), ("broken", "no library")],
)
def test_why_the_voice_of_whispers_does_not_speak(
    asked: list[str], voice: str, reason: str | None
) -> None:
    assert speech_fault(Settings.model_validate({"whisper": {"voice": voice}})) == reason
    assert asked == [voice]

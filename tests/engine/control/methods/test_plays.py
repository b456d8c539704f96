"""call.play, call.say, call.stop: what they take, and what they give to the plays."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from engine.calls.announcing.plays import HowPlayed, Plays
from engine.calls.keys.gather import Gathered, GatherSettings
from engine.calls.keys.gathers import Gathers
from engine.calls.recognition.speech import WantedSpeech
from engine.control.methods.plays import PlayMethods
from media.sources import Hold, Prompt, Stream, Tone
from tests.support.method_call import call_method

HOW = HowPlayed()


class FakePlays:
    """Keeps what is asked of it."""

    def __init__(self) -> None:
        self.begun: list[tuple[Any, HowPlayed]] = []
        self.stopped: list[str | None] = []
        self.asked: list[Any] = []

    def leg_up(self, call: str | None, leg: str | None) -> tuple[Any, Any]:
        return SimpleNamespace(id=call or "call-1"), SimpleNamespace(id=leg or "leg-1")

    async def files(self, names: list[str], field: str, *, loop: bool) -> Any:
        self.asked.append((names, field))
        return Prompt(names[0], loop=loop)

    def tone(self, tone: str, country: str | None, *, loop: bool) -> Any:
        return Tone(f"{tone} {country}", loop=loop)

    def hold_sound(self) -> Any:
        return Hold()

    def stream(self, name: str) -> Any:
        return Stream((name,))

    async def speech(self, *asked: Any, is_personal: bool) -> Any:
        self.asked.append((*asked, is_personal))
        return "spoken"

    def begin(self, _leg: Any, sound: Any, how: HowPlayed) -> Any:
        self.begun.append((sound, how))
        return SimpleNamespace(id="play-1")

    def stop(self, _leg: Any, play: str | None) -> None:
        self.stopped.append(play)


class FakeGathers:
    """Keeps what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.stopped = 0
        self.answer = Gathered("47", "terminator")

    async def run(self, _call: Any, _leg: Any, settings: GatherSettings, prompt: Any) -> Gathered:
        self.asked.append((settings, prompt))
        return self.answer

    def stop(self, _leg: Any) -> None:
        self.stopped += 1


def methods() -> tuple[PlayMethods, FakePlays]:
    fake = FakePlays()
    return PlayMethods(cast(Plays, fake), cast(Gathers, FakeGathers())), fake


@pytest.mark.parametrize(
    ("prompt", "sound"),
    [
        (None, None),
        ({"text": "PIN?", "language": "de", "speed": 90}, "spoken"),
        ({"file": "pin.wav"}, Prompt("pin.wav")),
        ({"files": ["pin.wav"]}, Prompt("pin.wav")),
        ({"tone": {"name": "dial"}}, Tone("dial None")),
    ],
)
async def test_what_is_gathered(prompt: dict[str, Any] | None, sound: object) -> None:
    fake, gathers = FakePlays(), FakeGathers()
    table = PlayMethods(cast(Plays, fake), cast(Gathers, gathers)).table()
    asked = {"leg": "leg-7", "max_digits": 4, "terminator": "*#", "secret": False}
    reply = await call_method(table, "call.gather", **asked, prompt=prompt)
    assert reply == {"call": "call-1", "leg": "leg-7", "digits": "47", "ended": "terminator"}
    settings = GatherSettings(max_digits=4, terminator="*#", secret=False)
    assert gathers.asked == [(settings, sound)]
    await call_method(table, "call.stop", leg="leg-7", gather=True)
    assert gathers.stopped == 1


async def test_words_are_gathered() -> None:
    gathers = FakeGathers()
    gathers.answer = Gathered("", "speech", "yes please", "yes", 0.9, "it has died")
    table = PlayMethods(cast(Plays, FakePlays()), cast(Gathers, gathers)).table()
    speech = {"words": ["yes", "no"], "digits": True, "language": "en-GB", "min_confidence": 0.6}
    reply = await call_method(table, "call.gather", leg="leg-7", max_digits=0, speech=speech)
    assert reply["ended"] == "speech"
    assert (reply["text"], reply["word"], reply["confidence"]) == ("yes please", "yes", 0.9)
    assert reply["speech_failed"] == "it has died"
    ((settings, _prompt),) = gathers.asked
    wanted = WantedSpeech(("yes", "no"), digits=True, language="en-GB", min_confidence=0.6)
    assert settings == GatherSettings(max_digits=0, speech=wanted)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"max_digits": 0}, "0 is for speech alone"),
        ({"speech": {"words": ["..."]}}, "must be words"),
        ({"speech": {"words": ["yes", "Yes!"]}}, "is there twice"),
    ],
)
async def test_words_that_are_none_are_refused(params: dict[str, Any], reason: str) -> None:
    table, _fake = methods()
    with pytest.raises(msgspec.ValidationError, match=reason):
        await call_method(table.table(), "call.gather", leg="leg-7", **params)


@pytest.mark.parametrize(
    ("params", "sound", "how"),
    [
        ({"file": "a.wav"}, Prompt("a.wav"), HOW),
        (
            {"files": ["a.wav", "b.wav"], "loop": True},
            Prompt("a.wav", loop=True),
            HowPlayed(rounds=0),
        ),
        ({"tone": "busy", "loop": 3}, Tone("busy None"), HowPlayed(rounds=3)),
        ({"tone": {"name": "busy", "country": "DE"}}, Tone("busy DE"), HOW),
        ({"stream": "lobby"}, Stream(("lobby",)), HOW),
        ({"hold": True, "mix": True, "priority": 9}, Hold(), HowPlayed(mix=True, priority=9)),
    ],
)
async def test_what_is_played(params: dict[str, Any], sound: object, how: HowPlayed) -> None:
    table, fake = methods()
    reply = await call_method(table.table(), "call.play", leg="leg-7", **params)
    assert reply == {"call": "call-1", "leg": "leg-7", "play": "play-1"}
    assert fake.begun == [(sound, how)]


async def test_what_is_said_and_stopped() -> None:
    table, fake = methods()
    asked = {"call": "call-7", "text": "Hello", "language": "de", "speed": 1.5, "personal": True}
    reply = await call_method(table.table(), "call.say", **asked)
    assert reply == {"call": "call-7", "leg": "leg-1", "play": "play-1"}
    assert fake.asked == [("Hello", "de", 1.5, True)]
    assert fake.begun == [("spoken", HOW)]
    await call_method(table.table(), "call.stop", call="call-7", play="play-1")
    await call_method(table.table(), "call.stop", call="call-7", leg="leg-1")
    assert fake.stopped == ["play-1", None]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("call.play", {"file": "a.wav"}),
        ("call.play", {"leg": "l"}),
        ("call.play", {"leg": "l", "file": "a.wav", "tone": "busy"}),
        ("call.play", {"leg": "l", "files": []}),
        ("call.play", {"leg": "l", "hold": False}),
        ("call.play", {"leg": "l", "file": "a", "loop": 0}),
        ("call.play", {"leg": "l", "file": "a", "loop": 1001}),
        ("call.play", {"leg": "l", "file": "a", "priority": 10}),
        ("call.play", {"leg": "l", "file": "a", "colour": "red"}),
        ("call.say", {"leg": "l"}),
        ("call.say", {"leg": "l", "text": "  "}),
        ("call.say", {"leg": "l", "text": "x", "speed": 0.1}),
        ("call.say", {"leg": "l", "text": "x", "speed": 20}),
        ("call.say", {"leg": "l", "text": "x" * 2001}),
        ("call.stop", {"play": "p"}),
        ("call.gather", {"leg": "l", "max_digits": 0}),
        ("call.gather", {"leg": "l", "max_digits": 2, "min_digits": 3}),
        ("call.gather", {"leg": "l", "terminator": "x"}),
        ("call.gather", {"leg": "l", "first_digit_s": 0}),
        ("call.gather", {"leg": "l", "prompt": {}}),
        ("call.gather", {"leg": "l", "prompt": {"file": "a", "text": "b"}}),
        ("call.gather", {"leg": "l", "prompt": {"text": "b", "speed": 9}}),
    ],
)
async def test_what_is_wrong_is_refused(method: str, params: dict[str, Any]) -> None:
    table, fake = methods()
    with pytest.raises(msgspec.ValidationError):
        await call_method(table.table(), method, **params)
    assert not fake.begun

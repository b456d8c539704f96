"""`ringback call`: what each command asks for, and what it prints."""

import shlex
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli import call_control
from engine.cli.main import app
from engine.control.methods.call_control import CallControlMethods
from engine.control.methods.plays import PlayMethods
from engine.control.methods.speech import SpeechMethods
from engine.control.methods.streams import StreamMethods
from ringback_client import Client

CALL: dict[str, Any] = {
    "call": "call-5", "job": None, "state": "up", "legs": [], "from": "+441", "dialled": "+442",
}  # fmt: skip
NOBODY: Any = None
METHODS = {
    **CallControlMethods(NOBODY).table(), **PlayMethods(NOBODY, NOBODY).table(),
    **SpeechMethods(NOBODY, NOBODY).table(), **StreamMethods(NOBODY).table(),
}  # fmt: skip
Asked = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The requests that are made; each has the parameters that the engine takes."""
    made: Asked = []

    def note(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in params.items() if value is not None}
        msgspec.convert(given, METHODS[method].params)
        made.append((method, given))
        results: dict[str, dict[str, Any]] = {
            "call.play": {"call": "call-5", "leg": "leg-5", "play": "play-1"},
            "call.gather": {"call": "call-5", "leg": "leg-5", "digits": "4711"},
            "call.bridge": {"calls": [CALL, CALL]},
        }
        return results.get(method, CALL)

    def call(method: str, show: Callable[[Mapping[str, Any]], None], **params: Any) -> None:
        show(note(method, params))

    class Asking:
        async def call(self, method: str, **params: Any) -> dict[str, Any]:
            return note(method, params)

    def ask(question: Callable[[Client], Awaitable[Any]], *, reply_s: float | None) -> Any:
        assert reply_s is None
        answer = question(cast(Client, Asking()))
        try:
            answer.send(None)  # type: ignore[attr-defined]
        except StopIteration as end:
            return end.value
        raise AssertionError("it waits")

    monkeypatch.setattr(call_control, "call", call)
    monkeypatch.setattr(call_control, "ask", ask)
    return made


def run(line: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["call", *shlex.split(line)])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("line", "method", "params"),
    [
        ("originate +44123 --detect --ring 20 --context a=b", "call.originate",
         {"to": "+44123", "detect": True, "ring_s": 20.0, "context": {"a": "b"}}),
        ("answer call-5", "call.answer", {"call": "call-5"}),
        ("reject call-5 --status 486", "call.reject", {"call": "call-5", "status": 486}),
        ("redirect call-5 +44123", "call.redirect", {"call": "call-5", "to": "+44123"}),
        ("bridge leg-5 leg-8 --apart", "call.bridge",
         {"leg": "leg-5", "with": "leg-8", "end_together": False}),
        ("unbridge leg-5", "call.unbridge", {"leg": "leg-5"}),
        ("hold leg-5", "call.hold", {"leg": "leg-5"}),
        ("hold leg-5 --off", "call.resume", {"leg": "leg-5"}),
        ("detect call-5", "call.detect", {"call": "call-5"}),
        ("play leg-5 a.wav --loop", "call.play",
         {"leg": "leg-5", "file": "a.wav", "loop": True, "mix": False}),
        ("play leg-5 --tone busy --mix", "call.play",
         {"leg": "leg-5", "tone": "busy", "loop": False, "mix": True}),
        ("play leg-5 a.wav b.wav --priority 7", "call.play",
         {"leg": "leg-5", "files": ["a.wav", "b.wav"], "loop": False, "mix": False, "priority": 7}),
        ("say call-5 'Good day.' --language en", "call.say",
         {"call": "call-5", "text": "Good day.", "language": "en", "loop": False, "mix": False}),
        ("say call-5 'Good day.' --speed 1.5", "call.say",
         {"call": "call-5", "text": "Good day.", "language": "", "speed": 1.5, "loop": False,
          "mix": False}),
        ("stop leg-5 --play play-1", "call.stop",
         {"leg": "leg-5", "play": "play-1", "gather": False}),
        ("gather leg-5 --max 4 --text 'Your PIN?'", "call.gather",
         {"leg": "leg-5", "max_digits": 4, "prompt": {"text": "Your PIN?"}, "secret": True}),
        ("gather leg-5 --file a.wav --words 'yes, no' --shown", "call.gather",
         {"leg": "leg-5", "prompt": {"file": "a.wav"}, "speech": {"words": ["yes", "no"]},
          "secret": False}),
        ("keys leg-5 12#", "call.send_dtmf", {"leg": "leg-5", "digits": "12#"}),
        ("recognise leg-5 --words yes,no", "call.recognise",
         {"leg": "leg-5", "speech": {"words": ["yes", "no"]}}),
        ("recognise leg-5 --off", "call.unrecognise", {"leg": "leg-5"}),
        ("stream leg-5 wss://bots.example.com/ --rate 8000", "call.stream",
         {"leg": "leg-5", "url": "wss://bots.example.com/", "rate_hz": 8000}),
        ("stream leg-5 wss://bots.example.com/ --tap", "call.tap",
         {"leg": "leg-5", "url": "wss://bots.example.com/"}),
        ("unstream leg-5", "call.unstream", {"leg": "leg-5"}),
    ],
)  # fmt: skip
def test_each_command_asks_for_its_method(
    asked: Asked, line: str, method: str, params: dict[str, Any]
) -> None:
    status, output = run(line)
    assert status == 0, output
    assert asked == [(method, params)]
    assert output.strip()


def test_what_is_gathered_is_printed(asked: Asked) -> None:
    assert "4711" in run("gather leg-5")[1]
    assert "play-1" in run("play leg-5 --tone 440")[1]
    assert len(asked) == 2


@pytest.mark.parametrize(
    "line", ["play leg-5", "play leg-5 a.wav --tone 440", "gather leg-5 --text a --file b"]
)
def test_one_sound_is_wanted(asked: Asked, line: str) -> None:
    assert run(line)[0] == 2 and not asked

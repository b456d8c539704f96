"""call.recognise and call.unrecognise: what they hand on."""

from types import SimpleNamespace
from typing import Any, cast

from engine.calls.announcing.plays import Plays
from engine.calls.recognition.recognised_legs import RecognisedLegs
from engine.calls.recognition.speech import WantedSpeech
from engine.control.methods.speech import SpeechMethods
from tests.support.method_call import call_method


class Fake:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def leg_up(self, call: str | None, leg: str | None) -> Any:
        return SimpleNamespace(id=call or "call-1"), SimpleNamespace(id=leg or "leg-1")

    async def begin(self, _call: Any, leg: Any, wanted: Any, *, has_guesses: bool) -> str:
        self.asked.append((leg.id, wanted, has_guesses))
        return "recognition-1"

    def end(self, leg: Any) -> None:
        self.asked.append(leg.id)


async def test_a_leg_is_recognised_and_no_longer() -> None:
    fake = Fake()
    table = SpeechMethods(cast(Plays, fake), cast(RecognisedLegs, fake)).table()
    speech = {"words": ["yes"], "language": "de"}
    reply = await call_method(table, "call.recognise", call="call-7", speech=speech, guesses=True)
    assert reply == {"call": "call-7", "leg": "leg-1", "recognition": "recognition-1"}
    await call_method(table, "call.recognise", leg="leg-7")
    reply = await call_method(table, "call.unrecognise", leg="leg-7")
    assert reply == {"call": "call-1", "leg": "leg-7"}
    wanted = WantedSpeech(("yes",), language="de")
    assert fake.asked == [
        ("leg-1", wanted, True), ("leg-7", WantedSpeech(), False), "leg-7",
    ]  # fmt: skip

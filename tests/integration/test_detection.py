"""A real phone that plays a mailbox, and one that plays a person: told apart by their sound."""

import asyncio
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.support.engines.process import EngineClient
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.phone import MakeWire
from tests.support.voices import tone, voice

BEEP_ENDS_S = 3.5
DETECT = {"voicemail": "message", "message": "Please call us back"}


def quiet(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * 8000), np.int16)


def write(path: Path, *parts: NDArray[np.int16]) -> Path:
    """A file of these parts, which is long enough not to be heard twice."""
    soundfile.write(path, np.concatenate((*parts, quiet(30))), 8000)
    return path


async def test_a_mailbox_gets_a_message_after_its_beep_and_a_person_gets_the_agent(
    engine: EngineClient, softphone: StartPhone, wire: MakeWire, tmp_path: Path
) -> None:
    breath = np.concatenate([voice(0.5), quiet(0.08)] * 4)
    greeting = write(tmp_path / "mailbox.wav", quiet(0.3), breath, quiet(0.48), tone(1000, 0.4))
    hello = write(tmp_path / "person.wav", quiet(0.3), voice(0.4))
    heard = tmp_path / "heard.wav"
    mailbox, person = await asyncio.gather(
        softphone(user="mailbox", play=greeting, record=heard),
        softphone(user="person", play=hello),
    )
    first_agent, second_agent = wire("first"), wire("second")
    left = await engine.callback(mailbox.uri, first_agent.uri, detect=DETECT)
    agent = await first_agent.answer()
    talk = await engine.callback(person.uri, second_agent.uri, detect=DETECT)
    other = await second_agent.answer()

    bridged = await engine.event("callback.bridged", talk)
    told = await engine.event("call.detected", talk)
    assert (told["label"], told["reason"]) == ("human", "short_greeting")
    assert told["time"] <= bridged["time"]
    other.bye()
    record = await engine.ended(talk)
    assert record["state"] == "completed"

    beep = await engine.event("call.beep", left)
    assert abs(beep["hz"] - 1000) < 15 and abs(beep["duration_ms"] - 400) < 60
    told = await engine.event("call.detected", left)
    assert (told["label"], told["reason"], told["role"]) == ("voicemail", "beep", "customer")
    assert told["greeting_ms"] > 1800 and told["phrases"] == 1
    await agent.receive("BYE")
    message_left = await engine.event("callback.message_left", left)
    assert message_left["label"] == "voicemail"
    record = await engine.ended(left)
    assert (record["state"], record["result"]) == ("failed", "machine")
    assert record["cause"].endswith("a message was left")
    assert "callback.bridged" not in engine.story(left)
    await mailbox.wait_for("state", state="disconnected", timeout_s=40.0)
    sound, rate_hz = soundfile.read(heard, dtype="int16")
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 1000)
    assert len(loud) > 0.1 * rate_hz, "the message is heard"
    assert loud[0] / rate_hz > BEEP_ENDS_S - 0.5, "and nothing before it"

"""Changes of what people hear, sample by sample: no click, the welcome first, pauses, one loudness.

The sounds are low tones: each sample is near the one before it, unless a sound is cut.
"""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.engines.process import PATIENCE_S, EngineClient, StartEngine
from tests.support.phones.wire import g711_reference
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire, WireCall, WirePhone
from tests.support.ports import free_port
from tests.support.recording import Recording, write_tone_wav
from tests.support.waiting import until

SHOP = "+442079460000"
AGENT_HZ, CALLER_HZ, MUSIC_HZ, WELCOME_HZ, OFFER_HZ = 110, 150, 200, 250, 300
# The tones have steps of up to 1,320 between two samples, which G.711 rounds. A sound that is cut
# has one of up to 9,830.
MOST_STEP = 1_900
FRAME_S = 0.02
LATE_S = 0.05
"""A phone that sends nothing for so long is followed by silence: its machine was too busy."""
ATTEMPTS = 5
MUSIC_FRAMES = 40
"""As many are heard as long as the welcome was."""


def shop(tmp_path: Path, desk_uri: str, **room: Any) -> dict[str, Any]:
    """Settings: one queue with one agent, and music that has a seam."""
    music = write_tone_wav(tmp_path / "music.wav", MUSIC_HZ, 0.7777, peak=0.1)
    return {
        "media": {"hold": str(music)},
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        "routes": [{"prefix": "+", "trunks": ["pbx"]}],
        "inbound": [{"name": "shop", "number": SHOP, "queue": "sales"}],
        "queues": [{"name": "sales"}],
        "agents": [{"name": "alice", "uri": desk_uri, "queues": ["sales"]}],
        "rooms": [{"name": "sales", **room}],
    }  # fmt: skip


def place(engine: EngineClient, phone: Any) -> WireOutgoing:
    return WireOutgoing.place(phone, engine.process.sip_port, SHOP)


async def reoffer(call: WireCall, direction: Any) -> None:
    """A re-INVITE of the agent's phone, and the ACK."""
    call.reinvite(direction)
    cseq = f"{call.cseq} INVITE"
    ok = await call.phone.messages.wait_for(lambda m: m.what == "200" and m["cseq"] == cseq)
    call.acknowledge(ok)


def sound_of(call: WireCall, since: float = 0.0, until: float = float("inf")) -> Recording:
    """What came in this span, packet after packet: one that a busy machine left out is no click."""
    payloads = b"".join(packet.payload for packet in call.rtp.audio(since, until))
    return Recording(g711_reference.decode(call.rtp.codec, payloads))


def clicks(heard: Recording) -> list[tuple[float, int]]:
    """Where a sample is far from the one before it: seconds, and how far."""
    found = np.abs(np.diff(heard.samples.astype(np.int32)))
    return [(int(at) / 8000, int(found[at])) for at in np.nonzero(found > MOST_STEP)[0]]


def frames_of(heard: Recording, hz: float) -> list[int]:
    """The frames of 20 ms whose loudest sound is the tone at `hz`."""
    count = len(heard.samples) // 160
    frames = heard.samples[: 160 * count].reshape(count, 160) * np.hanning(160)
    spectrum = np.abs(np.fft.rfft(frames, 1600, axis=1))
    loud = np.sqrt((frames**2).mean(axis=1)) > 100
    nearest = spectrum.argmax(axis=1) * 5.0
    return [int(at) for at in np.nonzero(loud & (np.abs(nearest - hz) <= 15))[0]]


async def changes(
    engine: EngineClient, phone: WirePhone, desk: WirePhone
) -> tuple[Recording, Recording, float]:
    """What a caller hears before the agent is put on hold the last time, and the agent afterwards.

    Beside it, how long one of the two has sent nothing.
    """
    await engine.line.call("agent.pause", agent="alice", reason="lunch")
    caller = place(engine, phone)
    await caller.answered()
    await asyncio.sleep(5.0)
    await engine.line.call("agent.ready", agent="alice")
    agent = await desk.answer(tone_hz=AGENT_HZ)
    caller.rtp.send_tone(CALLER_HZ)
    await asyncio.sleep(0.4)
    for _ in range(3):
        await reoffer(agent, "inactive")
        await asyncio.sleep(0.35)
        await reoffer(agent, "sendrecv")
        await asyncio.sleep(0.35)
    until = caller.rtp.audio()[-1].time
    for _ in range(3):
        await caller.reoffer("inactive")
        await asyncio.sleep(0.35)
        await caller.reoffer("sendrecv")
        await asyncio.sleep(0.35)
    caller.bye()
    # A phone that is itself on hold is sent nothing: what the other hears is looked at.
    heard = sound_of(caller, until=until), sound_of(agent, until)
    await engine.assert_idle()
    return *heard, max(caller.rtp.longest_send_gap_s, agent.rtp.longest_send_gap_s)


async def test_nothing_clicks_when_what_is_heard_changes(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """Welcome, music, announcement, agent, and the call on hold by either side, several times."""
    desk = wire("desk")
    welcome = write_tone_wav(tmp_path / "welcome.wav", WELCOME_HZ, 0.7333, peak=0.01)
    offer = write_tone_wav(tmp_path / "offer.wav", OFFER_HZ, 0.5555, peak=0.9)
    engine = await own_engine(
        **shop(
            tmp_path, desk.uri, welcome=f"file:{welcome}", periodic_announce=[f"file:{offer}"],
            periodic_announce_frequency_s=1.5, periodic_announce_start_s=1.5,
            announce_to_first=True,
        )
    )  # fmt: skip
    for number in range(ATTEMPTS):
        waited, talked, longest_gap_s = await changes(engine, wire(f"+44207946111{number}"), desk)
        found = clicks(waited) + clicks(talked)
        if not found or longest_gap_s < LATE_S:
            break
    assert found == []
    for hz in (WELCOME_HZ, MUSIC_HZ, OFFER_HZ, AGENT_HZ):
        assert len(frames_of(waited, hz)) > 20, hz
    assert len(frames_of(talked, CALLER_HZ)) > 20 and len(frames_of(talked, MUSIC_HZ)) > 20
    assert frames_of(waited, MUSIC_HZ)[0] > frames_of(waited, WELCOME_HZ)[-1]


async def test_the_welcome_is_the_first_that_every_caller_hears(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """Of many who call at once, right after the start. Speech has little as high as the music."""
    engine = await own_engine(
        **shop(tmp_path, wire("desk").uri, welcome="Welcome to the shop.",
               music=str(write_tone_wav(tmp_path / "high.wav", 3300, 1.0)))
    )  # fmt: skip
    await engine.line.call("agent.pause", agent="alice", reason="lunch")
    callers = [place(engine, wire(f"+4420794611{number}")) for number in range(10, 30)]
    await asyncio.gather(*(caller.answered() for caller in callers))
    await asyncio.sleep(3.5)
    for caller in callers:
        heard = sound_of(caller)
        music = frames_of(heard, 3300)
        loud = np.abs(heard.samples).reshape(-1, 160).max(axis=1) > 500
        spoken = [int(at) for at in np.nonzero(loud)[0] if at not in set(music)]
        assert len(spoken) > 30 and len(music) > 20
        assert min(music) > max(spoken)


async def test_there_is_silence_between_two_sentences(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    texts = {
        "next": f"file:{write_tone_wav(tmp_path / 'next.wav', WELCOME_HZ, 0.5)}",
        "thanks": f"file:{write_tone_wav(tmp_path / 'thanks.wav', OFFER_HZ, 0.5)}",
    }
    engine = await own_engine(
        **shop(tmp_path, wire("desk").uri, announce_frequency_s=2.0, announce_to_first=True,
               min_announce_frequency_s=1.0, texts=texts)
    )  # fmt: skip
    await engine.line.call("agent.pause", agent="alice", reason="lunch")
    caller = place(engine, wire("+442079461111"))
    await caller.answered()
    await asyncio.sleep(4.5)
    heard = sound_of(caller)
    second = frames_of(heard, OFFER_HZ)[0]
    first_ends = max(at for at in frames_of(heard, WELCOME_HZ) if at < second)
    assert 0.2 < (second - first_ends) * FRAME_S < 0.6
    assert not heard.samples[(first_ends + 2) * 160 : (second - 1) * 160].any()


@pytest.mark.parametrize("peak", [0.01, 0.9])
async def test_files_of_any_level_are_as_loud_as_speech(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path, peak: float
) -> None:
    welcome = write_tone_wav(tmp_path / "welcome.wav", 440, 1.0, peak=peak)
    engine = await own_engine(**shop(tmp_path, wire("desk").uri, welcome=f"file:{welcome}"))
    await engine.line.call("agent.pause", agent="alice", reason="lunch")
    caller = place(engine, wire("+442079461111"))
    await caller.answered()
    await until(
        lambda: len(frames_of(sound_of(caller), MUSIC_HZ)) >= MUSIC_FRAMES, within_s=PATIENCE_S
    )
    heard = sound_of(caller)
    first = frames_of(heard, 440)[0] * FRAME_S
    welcomed = heard.between(first + 0.1, first + 0.9).level_dbfs()
    music = frames_of(heard, MUSIC_HZ)[0] * FRAME_S
    assert welcomed == pytest.approx(heard.between(music + 0.1).level_dbfs(), abs=1.0)
    assert welcomed == pytest.approx(-15.3, abs=1.0)  # -19 LUFS

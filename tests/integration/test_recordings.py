"""Talks as they are recorded: who is on which side, from which sample to which, in which file."""

import asyncio
import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.gaps import KeptFromCores
from tests.support.phones.wire.phone import MakeWire
from tests.support.recording import Recording, read_stereo_wav
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ
from tests.support.tone_detection import first_heard_s

PATIENCE_S = 60.0


def side(samples: NDArray[np.int16], number: int, rate: int) -> Recording:
    return Recording(np.ascontiguousarray(samples[:, number]), rate)


async def recorded(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == f"recording.{kind}"
            and all(event.get(name) == value for name, value in fields.items())
        ),
        timeout_s=PATIENCE_S,
    )


async def test_a_talk_as_flac_with_its_announcement_and_a_pause(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(
        recording={
            "name": "{year}/{agent}-{call}",
            "format": "flac",
            "announcement": "This call is recorded.",
        }
    )
    agent_phone, customer_phone = wire("agent"), wire("customer", codec="PCMA")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, record=True)
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    started = await engine.event("recording.started", job, timeout_s=PATIENCE_S)
    for call in (agent, customer):  # both have heard words
        said = call.rtp.heard(0.0)
        assert said.level_dbfs() > -45
    await asyncio.sleep(1.0)
    call = started["call"]
    paused = await engine.line.call("recording.pause", call=call, reason="card number")
    await asyncio.sleep(1.0)
    resumed = await engine.line.call("recording.resume", call=call)
    await asyncio.sleep(1.0)
    agent.bye()
    await customer.receive("BYE")
    ended = await engine.event("recording.ended", job, timeout_s=PATIENCE_S)
    await engine.ended(job)
    shown = await engine.line.call("recording.get", recording=ended["recording"])
    assert (shown["state"], shown["sha256"]) == ("kept", ended["sha256"])
    path = engine.process.directory / ended["path"]
    assert path.parent.name.isdigit() and path.name.endswith(f"-{call}.flac")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ended["sha256"]
    assert list(path.parent.iterdir()) == [path]
    samples, rate = soundfile.read(path, dtype="int16")
    assert abs(len(samples) - ended["duration_s"] * rate) <= 8  # it is in milliseconds
    from_s, until_s = paused["marks"][0]["at_s"], resumed["marks"][1]["at_s"]
    for number, (own, other) in enumerate(((AGENT_HZ, CUSTOMER_HZ), (CUSTOMER_HZ, AGENT_HZ))):
        heard = side(samples, number, rate)
        assert heard.between(0.0, from_s).hears(own, for_s=0.6)
        assert heard.between(until_s).hears(own, for_s=0.6)
        assert not heard.hears(other)
        # A frame has its place by the clock of its phone: up to 0.2 s from where it came.
        silent = heard.between(from_s + 0.25, until_s - 0.25).samples
        assert silent.size and not silent.any()
    await engine.assert_idle()


async def test_each_relayed_sample_of_both_is_recorded_once_and_in_step(
    engine: EngineClient, wire: MakeWire
) -> None:
    """What each phone heard from the bridge is what is in the file, sample by sample."""
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, record=True)
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    kept = KeptFromCores.of(engine.process)
    await engine.event("recording.started", job, timeout_s=PATIENCE_S)
    await asyncio.sleep(1.5)
    agent.bye()
    await customer.receive("BYE")
    await engine.event("recording.ended", job, timeout_s=PATIENCE_S)
    record = await engine.ended(job)
    left, right = read_stereo_wav(engine.process.directory / record["recording"])
    for own, listener, hz in ((left, customer, AGENT_HZ), (right, agent, CUSTOMER_HZ)):
        sounding = np.flatnonzero(own.samples)
        recorded_tone = own.samples[sounding[0] : sounding[-1] + 1]
        heard = listener.rtp.heard(0.0)
        begin = first_heard_s(heard.samples, heard.rate, hz)
        assert begin is not None
        # The tone repeats itself every 8000 samples at most: a stretch of it is found in its place.
        stretch = recorded_tone[800:8800]
        found = np.correlate(
            heard.samples.astype(np.float64), stretch.astype(np.float64), mode="valid"
        )
        at = int(np.argmax(found))
        assert np.array_equal(heard.samples[at : at + len(stretch)], stretch)
    # Both begin within the frame that was under way when the two were joined.
    starts = [int(np.flatnonzero(one.samples)[0]) for one in (left, right)]
    assert max(starts) < 8000 * (0.2 + kept.s)


async def test_what_an_engine_that_was_killed_recorded_is_completed_by_the_next(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(recording={"format": "opus"}, media={"orphan_s": 0.0})
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, record=True)
    await agent_phone.answer(tone_hz=AGENT_HZ)
    await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    started = await engine.event("recording.started", job, timeout_s=PATIENCE_S)
    await asyncio.sleep(3.2)
    workers = engine.process.worker_pids()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    engine.process.kill()
    path = engine.process.directory / started["path"]
    left, right = read_stereo_wav(path.with_suffix(".wav"))
    assert left.hears(AGENT_HZ, for_s=1.0) and right.hears(CUSTOMER_HZ, for_s=1.0)
    await engine.close()
    await engine.start_again()
    found = await engine.line.call("recording.get", recording=started["recording"])
    if found["state"] in ("recording", "finishing"):
        await recorded(engine, "ended", recording=started["recording"])
        found = await engine.line.call("recording.get", recording=started["recording"])
    assert (found["state"], found["reason"]) == ("kept", "engine restarted")
    samples, rate = soundfile.read(path, dtype="int16")
    assert side(samples, 0, rate).hears(AGENT_HZ, for_s=1.0)
    assert side(samples, 1, rate).hears(CUSTOMER_HZ, for_s=1.0)


async def test_one_party_by_command_is_recorded_moved_and_deleted(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    move = ["/bin/sh", "-c", 'cp "$0" "$1" && echo "store:$2"', "{path}", str(store), "{name}"]
    engine = await own_engine(recording={"move_command": move}, agents=[])
    phone = wire("party")
    call = await engine.line.call("call.originate", to=phone.uri)
    party = await phone.answer(tone_hz=CUSTOMER_HZ)
    await engine.line.events.wait_for(
        lambda event: event["type"] == "call.answered", timeout_s=PATIENCE_S
    )
    begun = await engine.line.call("recording.start", call=call["call"])
    await asyncio.sleep(1.0)
    ended = await engine.line.call("recording.stop", call=call["call"])
    assert ended["duration_s"] > 0.9
    moved = await recorded(engine, "moved", recording=begun["recording"])
    assert moved["location"] == f"store:{call['call']}.wav"
    (file,) = store.iterdir()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == ended["sha256"]
    left, right = read_stereo_wav(file)
    assert left.hears(CUSTOMER_HZ, for_s=0.6) and not right.samples.any()
    assert not (engine.process.directory / begun["path"]).exists()
    (listed,) = (await engine.line.call("recording.list", state="moved"))["recordings"]
    assert listed["recording"] == begun["recording"]
    await engine.line.call("recording.delete", recording=begun["recording"])
    assert (await engine.line.call("recording.list"))["recordings"] == []
    party.bye()
    over = await engine.line.events.wait_for(
        lambda event: event["type"] == "call.ended", timeout_s=PATIENCE_S
    )
    assert over["recording"] == begun["path"]
    await engine.assert_idle()

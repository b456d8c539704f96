"""Talks whose legs live in different media workers: nobody hears a difference."""

import os
import signal
from pathlib import Path

import psutil

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.recording import read_wav
from tests.support.who_is_heard import HZ, Hearing, event

MEMBERS = ("agent", "customer", "carol", "boss")


def worker_with(engine: EngineClient, local_media: str) -> int:
    """The process id of the media worker that has this address."""
    port = int(local_media.rpartition(":")[2])
    for pid in engine.process.worker_pids():
        if any(one.laddr.port == port for one in psutil.Process(pid).net_connections("udp")):
            return pid
    raise AssertionError(f"no media worker has port {port}")


async def test_four_meet_over_two_workers_and_two_talk_on_with_a_supervisor(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    """All four; one mute and one deaf; three, recorded; then a bridge of two with a supervisor,
    until the media worker of one dies."""
    hearing = await Hearing.of(softphone, tmp_path, *MEMBERS, "dave")
    engine = await own_engine(media={"workers": 2, "recordings": str(tmp_path / "recordings")})
    line = engine.line
    await line.call("conference.create", conference="friday")
    calls, legs, workers = {}, {}, {}
    for name in MEMBERS:
        call = (await line.call("call.originate", to=hearing.uri(name)))["call"]
        await event(engine, "call.answered", call=call)
        (leg,) = (await line.call("call.get", call=call))["legs"]
        calls[name], legs[name] = call, leg["leg"]
        workers[name] = worker_with(engine, leg["local_media"])
    assert workers["agent"] == workers["carol"] != workers["customer"] == workers["boss"]
    for name in MEMBERS:
        await line.call("conference.join", conference="friday", leg=legs[name])
    await hearing.go_on((await event(engine, "conference.joined", leg=legs["boss"]))["time"])
    await line.call("conference.mute", conference="friday", leg=legs["agent"])
    await line.call("conference.deafen", conference="friday", leg=legs["customer"])
    deafened = await event(engine, "conference.deafened", leg=legs["customer"])
    await hearing.go_on(deafened["time"])
    await line.call("conference.mute", conference="friday", leg=legs["agent"], on=False)
    await line.call("conference.deafen", conference="friday", leg=legs["customer"], on=False)
    await line.call("conference.kick", conference="friday", leg=legs["boss"])
    left = await event(engine, "conference.left", leg=legs["boss"])
    await line.call("conference.record", conference="friday")
    await hearing.go_on(left["time"])
    await line.call("conference.end", conference="friday", hang_up=False)
    recorded = await event(engine, "recording.ended")
    await line.call("call.bridge", leg=legs["agent"], **{"with": legs["customer"]})
    asked = {"to": hearing.uri("dave"), "leg": legs["customer"]}
    await line.call("call.supervise", **asked)
    await hearing.go_on((await event(engine, "supervision.started"))["time"])
    for mode in ("whisper", "barge"):
        await line.call("call.supervise", **asked, mode=mode)
        await hearing.go_on((await event(engine, "supervision.changed", mode=mode))["time"])
    os.kill(workers["agent"], signal.SIGKILL)
    causes = {
        name: (await event(engine, "call.ended", call=calls[name]))["cause"] for name in MEMBERS
    }
    died, by_command = "media worker died", "hung up by command"
    partner = "the partner has ended: media worker died"
    assert causes == {
        "agent": died, "carol": died, "customer": partner, "boss": by_command
    }  # fmt: skip
    await engine.assert_idle()
    await hearing.stop()
    assert hearing.heard("agent") == [
        "boss carol customer", "boss carol customer", "carol customer",
        "customer", "customer", "customer dave",
    ]  # fmt: skip
    assert hearing.heard("customer") == [
        "agent boss carol", "", "agent carol", "agent", "agent dave", "agent dave",
    ]  # fmt: skip
    assert hearing.heard("carol") == [
        "agent boss customer", "boss customer", "agent customer", "", "", "",
    ]  # fmt: skip
    assert hearing.heard("boss") == ["agent carol customer", "carol customer", "", "", "", ""]
    assert hearing.heard("dave") == ["", "", "", *["agent customer"] * 3]
    sound = read_wav(Path(recorded["path"]))
    assert [name for name in hearing.phones if sound.hears(HZ[name], for_s=0.8)] == [
        "agent", "customer", "carol",
    ]  # fmt: skip
